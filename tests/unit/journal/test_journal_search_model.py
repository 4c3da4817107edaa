"""Whatever is asked, and however far the index has come: exactly the letters that fit, newest first, by brute force."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import astuple
from tests.support import pg

from hatoba import store
from hatoba.journal import forms, search, tokens
from hatoba.journal.search import Query
from hatoba.kit import ids
from hatoba.model import event, outcome
from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Letter, Recipient, Source
from hatoba.model.event import Event
from hatoba.model.outcome import Attempt, Job, Outcome
from hatoba.model.status import Status
from hatoba.store import base, blobs, queue
from hatoba.store import journal as rows
from hatoba.store.rows import READY, RecipientRow
from hatoba.store.settings import Database, Settings
from hatoba.store.shard import Shard

START = 1_795_000_000_000
DAY = 86_400_000
PEOPLE = ("Ann@a.example", "bob@b.example", "bob@a.example", "eve@c.example")
SUBJECTS = (
    "Invoice 12",
    "請求書 12月",
    "Re: 請求の件",
    "ｲﾝﾎﾞｲｽ INVOICE",
    "",
    "100% _x_ [a] 'q' --",
    "=?UTF-8?B?6KuL5rGC?=",
)
ADDRESSES = ("192.0.2.1", "2001:db8::1", "")
WORDS = ("請求", "求書", "invoice", "12", "件", "インボイス", "nobody", "%", "_x_", "請求の件", "re 請求")


class Made(msgspec.Struct, frozen=True):
    """One letter and what became of it. `day` since START."""

    day: int
    sender: str
    to: tuple[str, ...]
    subject: str
    ip: str
    account: str
    fate: str
    author: str

    @property
    def at(self) -> int:
        return START + self.day * DAY


class Known(msgspec.Struct, frozen=True):
    number: int
    made: Made


people = st.sampled_from(PEOPLE)
letters = st.builds(
    Made,
    day=st.integers(0, 9),
    sender=st.sampled_from(("", *PEOPLE)),
    to=st.lists(people, min_size=1, max_size=2, unique=True).map(tuple),
    subject=st.sampled_from(SUBJECTS),
    ip=st.sampled_from(ADDRESSES),
    account=st.sampled_from(("", "ann@a.example")),
    fate=st.sampled_from(("queued", "delivered", "deferred", "failed", "held", "dropped", "deferred delivered")),
    author=st.sampled_from(("", "Ann <ann@a.example>", '"b" <BOB@b.example>')),
)
queries = st.builds(
    Query,
    words=st.lists(st.sampled_from((*PEOPLE, *WORDS, "a.example", "192.0.2.1")), max_size=2).map(tuple),
    sender=st.sampled_from(("", "", "", "<>", "ann@A.example", "b.example")),
    recipient=st.sampled_from(("", "", "", "bob@b.example", "@a.example")),
    domain=st.sampled_from(("", "", "", "a.example", "c.example")),
    subject=st.sampled_from(("", "", "", *WORDS[:6], *WORDS[8:])),
    ip=st.sampled_from(("", "", "", "192.0.2.1", "2001:DB8:0::1")),
    account=st.sampled_from(("", "", "", "ann@a.example", "a.example")),
    status=st.sampled_from(("", "", "", "delivered", "deferred", "queued", "failed", "held", "dropped")),
    since=st.sampled_from((0, 0, 0, START + 2 * DAY)),
    until=st.sampled_from((0, 0, 0, START + 7 * DAY)),
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def home(request: pytest.FixtureRequest) -> Iterator[base.Base]:
    """A shard on each engine."""
    name = pg.database() if request.param == "postgresql" else ""
    database = Database(url=pg.url(name), shards=1) if name else Database()
    with tempfile.TemporaryDirectory() as made:
        store.prepare(Path(made), 1, database=database)
        yield base.of(Path(made), Settings(), database, blobs.Settings())
    if name:
        pg.drop(name)


def letter(known: Known) -> Letter:
    made = known.made
    envelope = Envelope(
        Address.parse(made.sender) if made.sender else None, tuple(Recipient(Address.parse(one)) for one in made.to)
    )
    source = Source("mx", ip=made.ip, account=made.account)
    written = Letter(known.number, made.at, made.at, envelope, source, 1, subject=made.subject)
    written.header_from = made.author
    return written


def story(known: Known) -> list[Event]:
    """The events of a letter, oldest first."""
    one = letter(known)
    found = [forms.accepted(one)]
    for fate in known.made.fate.split():
        if fate in ("delivered", "deferred", "failed"):
            kinds = {"delivered": outcome.DELIVERED, "deferred": outcome.DEFERRED, "failed": outcome.FAILED}
            results = [Outcome(n, kinds[fate], Status("2.0.0")) for n in range(len(known.made.to))]
            job = Job(one, tuple(range(len(results))))
            attempt = Attempt(known.made.at, known.made.at + 1, "x", results)
            found += forms.settled(job, attempt, dict.fromkeys(range(len(results)), 9))
        elif fate == "held":
            found.append(forms.held(one.id, (), "me", known.made.at + 1))
        elif fate == "dropped":
            found.append(forms.dropped(one.id, (), "me", known.made.at + 1))
    return found


def addresses(made: Made, author: bool = True) -> set[str]:
    found = {made.sender.lower()} if made.sender else set()
    if author and made.author:
        found.add(made.author.lower().partition("<")[2].rstrip(">"))
    return found


def is_one(written: str, found: set[str]) -> bool:
    word = written.lower().removeprefix("@")
    return word in found if "@" in word else word in {one.partition("@")[2] for one in found}


def in_subject(asked: str, made: Made) -> bool:
    """By hand: every Latin word whole, every other run as it stands."""
    subject = "請求" if made.subject.startswith("=?") else tokens.folded(made.subject)
    have = {run for run, dense in tokens.runs(subject) if not dense}
    return all(run in (subject if dense else have) for run, dense in tokens.runs(tokens.folded(asked)))


def word_fits(word: str, made: Made) -> bool:
    everybody = addresses(made) | {one.lower() for one in made.to} | ({made.account} if made.account else set())
    if is_one(word, everybody) or word == made.ip:
        return True
    return bool(tokens.asked(tokens.folded(word))) and in_subject(word, made)


def fits(query: Query, known: Known) -> bool:
    made = known.made
    to = {one.lower() for one in made.to}
    author = addresses(made)
    return all(
        (
            all(word_fits(word, made) for word in query.words),
            not query.sender or (not made.sender if query.sender == "<>" else is_one(query.sender, author)),
            not query.recipient or is_one(query.recipient, to),
            not query.domain or is_one(query.domain, to | author),
            not query.subject or in_subject(query.subject, made),
            not query.ip or made.ip == query.ip.lower().replace("db8:0:", "db8:"),
            not query.account or (made.account and is_one(query.account, {made.account})),
            not query.status or query.status == made.fate.split()[-1],
            not query.since or made.at >= query.since,
            not query.until or made.at < query.until,
        )
    )


def given_letters(shard: Shard, made: list[Made]) -> list[Known]:
    """Writes their events, all of one day after all of the day before."""
    numbers = ids.Numbers(0)
    known = [Known(numbers.next(one.at), one) for one in sorted(made, key=lambda one: one.day)]
    events = [happened for one in known for happened in story(one)]
    shard.write(lambda tx: tx.run("DELETE FROM event"))
    shard.write(search.renew)
    shard.write(lambda tx: tx.run("DELETE FROM recipient"))
    shard.write(lambda tx: rows.move(tx, search.CURSOR, rows.last(tx)))
    shard.write(lambda tx: rows.append(tx, events))
    waiting = [one for one in known if one.made.fate in ("queued", "deferred", "held")]
    recipients = [astuple(RecipientRow(one.number, 0, "x@y.example", "y.example", "mx:y", READY)) for one in waiting]
    shard.write(lambda tx: [tx.run(*part) for part in tx.parts(queue.RECIPIENTS, recipients)])
    return known


@settings(max_examples=30)
@given(st.lists(letters, max_size=12), st.lists(queries, min_size=1, max_size=6), st.integers(0, 30), st.integers(1, 5))
def test_as_by_brute_force(home: base.Base, made: list[Made], asked: list[Query], indexed: int, limit: int) -> None:
    with home.shard(0, "test") as shard:
        known = given_letters(shard, made)
        if indexed:
            shard.write(lambda tx: search.catch_up(tx, indexed))
        with shard.reader() as reader:
            for query in asked:
                wanted = [ids.text(one.number) for one in reversed(known) if fits(query, one)]
                found = [hit.id for hit in search.hits(reader, query, 100)]
                assert found == wanted, query
                page = [hit.id for hit in search.hits(reader, query, limit)]
                assert page == wanted[:limit]
                if page:  # the next page
                    below = msgspec.structs.replace(query, below=ids.number(page[-1]))
                    assert [hit.id for hit in search.hits(reader, below, 100)] == wanted[limit:]


def test_what_became_of_a_letter(home: base.Base) -> None:
    with home.shard(0, "test") as shard:
        person = ("bob@b.example",)
        fates = ("deferred", "deferred delivered", "held", "failed")
        given_letters(shard, [Made(n, "ann@a.example", person, "x", "", "", fate, "") for n, fate in enumerate(fates)])
        with shard.reader() as reader:
            found = [hit.status for hit in search.hits(reader, Query(), 10)]
    assert found == [("failed",), ("held",), ("delivered",), ("deferred",)]
    assert event.DELIVERED in found[2]
