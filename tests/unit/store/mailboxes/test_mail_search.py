"""Searches find what a plain scan of the folded text finds, indexed or not, on both engines."""

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.letters import NOW, Mailbox, content, octets

from hatoba.message import structure
from hatoba.store.mailboxes import accounts, boxes, grams, indexing, messages, postings, search, trash
from hatoba.store.mailboxes.messages import New
from hatoba.store.mailboxes.stores import MailStore

WORDS = [
    "invoice",
    "東京",
    "京都",
    "会議室",
    "ﾃｽﾄ",
    "Straße",
    "report",
    "a",
    "日",
    "é",
    "e-mail",
    "x?y",
    "100%",
    "🙂🙂",
    "カ゛",
]
NEEDLES = [
    "invoice", "INVOICE", "voic", "in", "n", "東京", "京都", "東", "議室", "テスト", "strasse", "SS", "port a", "é日", "x?y", "?",
    "0%", "🙂", "🙂🙂", "nowhere", "日 e", "e-mail 東京", "invoice invoice", "ガ", "subject", "c.example", "",
]  # fmt: skip
WHERE = ["text", "body", "subject", "from", "to", "cc", "bcc", "x-tag", "message-id"]


def letters(count: int) -> Iterable[bytes]:
    turn = itertools.cycle(WORDS)
    for number in range(count):
        some = [next(turn) for _ in range(number % 7 + 1)]
        more = {"Cc": f"{some[0]} <cc{number}@d.example>"} if number % 3 else {"X-Tag": " ".join(some)}
        yield octets(number, " ".join(some[:2]), " ".join(reversed(some)) + "\r\n" + some[-1], **more)


def scanned(raws: dict[int, bytes], where: str, needle: str) -> list[int]:
    """The plain scan."""
    needle = structure.folded(needle)
    hits = []
    for uid, raw in raws.items():
        words = structure.summary(raw).words
        if where == "body":
            hit = needle in words.body
        elif where == "text":
            hit = needle in words.head or needle in words.body
        else:
            values = [line[len(where) + 1 :] for line in words.head.split("\n") if line.startswith(where + ":")]
            hit = any(needle in value for value in values)
        if hit:
            hits.append(uid)
    return hits


def index(box: Mailbox, few: int = 1) -> int:
    """Indexes all that is to be; how many steps that took."""
    filler = indexing.Filler(box.shard, lambda: NOW, few)
    return sum(1 for _ in iter(filler.turn, False))


def found(box: Mailbox, where: str, needle: str, among: Iterable[int] | None = None) -> list[int]:
    return box.shard.look(lambda reader: search.text(reader, box.box, where, needle, among))


def fill(box: Mailbox, raws: Iterable[bytes]) -> dict[int, bytes]:
    made = list(raws)
    news = [New(content(raw), NOW) for raw in made]
    placed = box.do(lambda tx: messages.append_many(tx, box.box, news, NOW))
    return {one.uid: raw for one, raw in zip(placed, made, strict=True)}


def test_hits_are_those_of_a_scan(bob: Mailbox) -> None:
    raws = fill(bob, letters(120))
    expected = {(where, needle): scanned(raws, where, needle) for where in WHERE for needle in NEEDLES}
    assert sum(map(bool, expected.values())) > 60
    for (where, needle), hits in expected.items():
        assert found(bob, where, needle) == hits, (where, needle)
    assert index(bob) == 1
    for (where, needle), hits in expected.items():
        assert found(bob, where, needle) == hits, (where, needle)
    raws |= fill(bob, letters(20))
    for where, needle in (("text", "東京"), ("subject", "invoice"), ("body", "nowhere"), ("cc", "日")):
        assert found(bob, where, needle) == scanned(raws, where, needle)
        assert found(bob, where, needle, range(1, 60)) == [uid for uid in scanned(raws, where, needle) if uid < 60]


def test_segments_are_joined_and_find_the_same(bob: Mailbox) -> None:
    raws: dict[int, bytes] = {}
    for _ in range(5):
        raws |= fill(bob, letters(40))
        assert index(bob) > 0
    segments = bob.shard.look(lambda reader: reader.rows("SELECT count, state FROM segment"))
    assert sorted(count for count, _ in segments) in ([40, 160], [200])
    assert {state for _, state in segments} == {indexing.READY}
    rows = bob.shard.look(lambda reader: reader.rows("SELECT DISTINCT id / 1024 FROM posting"))
    assert len(rows) == len(segments)
    for where, needle in itertools.product(("text", "subject", "cc"), NEEDLES):
        assert found(bob, where, needle) == scanned(raws, where, needle), (where, needle)


def test_an_index_only_knows_its_account(mail: MailStore, bob: Mailbox) -> None:
    other = next(key for n in range(50) if mail.shard(key := f"u{n}@c.example") is bob.shard)

    def put(tx):  # type: ignore[no-untyped-def]
        account = accounts.ensure(tx, other, NOW)
        inbox = boxes.find(tx, account, boxes.INBOX)
        shared = content(octets(1, "secret"), 99)
        messages.append(tx, bob.box, New(shared, NOW), NOW)
        return messages.append(tx, inbox.id, New(shared, NOW), NOW)  # type: ignore[union-attr]

    placed = bob.do(put)
    index(bob)
    there = bob._replace(box=placed.box)
    assert (found(bob, "subject", "secret"), found(there, "subject", "secret")) == ([1], [1])
    bob.expunge([1], flagged=False)
    assert (found(bob, "subject", "secret"), found(there, "subject", "secret")) == ([], [1])


def test_copies_are_found_under_each_uid_and_what_is_purged_nowhere(bob: Mailbox) -> None:
    fill(bob, letters(10))
    index(bob)
    bob.copy([1, 2], bob)
    assert found(bob, "message-id", "<1@b.example>") == [2, 12]
    bob.expunge(range(1, 13), flagged=False)
    bob.do(lambda tx: trash.purge(tx, NOW + 1))
    assert found(bob, "text", "b.example") == []
    assert index(bob) == 0


def test_only_one_process_fills_a_shard(bob: Mailbox) -> None:
    fill(bob, letters(10))
    now = NOW

    def clock() -> int:
        return now

    first, second = indexing.Filler(bob.shard, clock, 1), indexing.Filler(bob.shard, clock, 1)
    first._do(lambda tx: None)
    assert not second.turn()
    now += 61_000
    assert second.turn()
    assert found(bob, "body", "invoice") != []


def test_what_a_filler_left_half_done_is_cleared(bob: Mailbox) -> None:
    fill(bob, letters(10))
    dead = indexing.Filler(bob.shard, lambda: NOW - 100_000, 1)
    number = dead._begin(bob.account, [1, 2])
    dead._put([(postings.place(number, 3), b"half")])
    assert found(bob, "body", "invoice") != []
    index(bob)
    states = bob.shard.look(lambda reader: reader.rows("SELECT number, state FROM segment"))
    assert states == [(number + 1, indexing.READY)]
    assert bob.shard.look(lambda reader: reader.rows("SELECT count(*) FROM posting WHERE data = ?", (b"half",))) == [
        (0,)
    ]


def test_few_letters_are_not_worth_an_index(bob: Mailbox) -> None:
    fill(bob, letters(10))
    assert index(bob, indexing.FEW) == 0


TEXTS = st.text(alphabet="ab?\0 é東京都🙂", max_size=12)


@settings(max_examples=300)
@given(TEXTS, TEXTS.filter(bool))
def test_a_text_that_holds_a_needle_has_its_grams(text: str, needle: str) -> None:
    plan = grams.plan(needle)
    if plan is None:
        assert len(needle) < 3 or "\0" in needle or needle.isascii()
        return
    assert set(plan.grams) <= set(grams.grams(f"{text}{needle}{text}"))
    if plan.exact and "\0" not in text:
        assert (set(plan.grams) <= set(grams.grams(text))) == (needle in text)


@settings(max_examples=100)
@given(st.dictionaries(st.integers(0, 2**40), st.sets(st.integers(0, 299), min_size=1), max_size=40), st.just(300))
def test_postings_come_back(lists: dict[int, set[int]], count: int) -> None:
    ordered = {number: sorted(letters) for number, letters in lists.items()}
    blocks = postings.pack(ordered, count)
    back = {number: letters for data in blocks.values() for number, letters in postings.lists(data, count)}
    assert back == ordered
    for number, letters in ordered.items():
        assert postings.ones(postings.find(blocks[postings.block(number)], number, count)) == letters
        assert postings.find(blocks[postings.block(number)], number + 2**41, count) == 0


@pytest.mark.parametrize("size", [1, 8, 9, 4096])
def test_bitmaps_and_bits(size: int) -> None:
    letters = list(range(0, size, 3))
    assert postings.ones(int.from_bytes(postings.bitmap(letters, (size + 7) // 8), "little")) == letters
