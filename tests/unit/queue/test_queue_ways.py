"""Notices about recipients reached in several ways: the sender hears of his, a list's owner of the list's."""

import msgspec
from tests.support.queue_seam import Harbour, says
from tests.unit.queue.conftest import Make

from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Letter, Recipient, Source, Way
from hatoba.model.outcome import DEFERRED, DELIVERED, FAILED, Job, Outcome
from hatoba.model.status import Status
from hatoba.store import spool

SENDER, OWNER = Address("alice", "sender.example"), Address("owner", "home.example")
BACK = Address("SRS0=AAAAAA=BB=sender.example=alice", "home.example")
WAYS = (
    Way(OWNER, OWNER, b"List-Id: <t.home.example>\r\n", "", True),
    Way(BACK, None, b"Delivered-To: a@home.example\r\n"),
    Way(ends="expanded"),
    Way(ends="listed"),
)


def letter(h: Harbour, *recipients: Recipient, sender: Address | None = SENDER, **more: object) -> Letter:
    content = b"From: alice@sender.example\r\nSubject: hello\r\n\r\nbody\r\n"
    envelope = Envelope(sender, recipients, ways=WAYS, **more)  # type: ignore[arg-type] # by name
    return Letter(h.id(), h.clock(), 0, envelope, Source("mx"), len(content), content)


def to(name: str, way: int, notify: str = "") -> Recipient:
    return Recipient(Address(name, "a.example"), notify, "", way)


def listen(h: Harbour) -> list[tuple[str, str]]:
    """(recipient, content) of each notice from now on, as it was composed."""
    kept: list[tuple[str, str]] = []

    def keep(notice: Letter) -> Letter:
        assert notice.content is not None
        kept.append((str(notice.envelope.recipients[0].address), notice.content.decode()))
        return notice

    h.readdress = keep
    return kept


async def test_each_is_told_of_his_own(harbour: Make) -> None:
    h = await harbour()
    h.courier.answers["mx:a.example"] = says(FAILED)
    ours = letter(h, to("plain", 0), to("member", 1), to("away", 2), to("other", 1), envid="id", ret="HDRS")
    kept = listen(h)
    await h.queue.enqueue(ours)
    await h.queue.settled()
    told = dict(kept)
    assert set(told) == {"alice@sender.example", "owner@home.example"}
    assert len(kept) == 2
    assert "plain@a.example" in told["alice@sender.example"]
    assert "away@a.example" in told["alice@sender.example"]
    assert "member@a.example" not in told["alice@sender.example"]
    assert "Original-Envelope-Id: id" in told["alice@sender.example"]
    owner = told["owner@home.example"]
    assert "member@a.example" in owner
    assert "other@a.example" in owner
    assert "plain@a.example" not in owner
    assert "Original-Envelope-Id" not in owner  # what the sender asked for ended with the list
    assert h.events(ours.id).count("bounced") == 2


async def test_expanded_and_listed_are_told_to_the_sender(harbour: Make) -> None:
    h = await harbour()

    def answer(job: Job, n: int) -> Outcome:
        return Outcome(n, DELIVERED, Status("2.1.5", "well"))

    h.courier.answers["mx:a.example"] = answer
    kept = listen(h)
    await h.queue.enqueue(letter(h, to("several", 3, "SUCCESS"), to("team", 4, "SUCCESS"), to("member", 1, "FAILURE")))
    await h.queue.settled()
    assert [name for name, _ in kept] == ["alice@sender.example"] * 2
    (_, first), (_, second) = kept
    assert "Action: expanded" in first
    assert "several@a.example" in first
    assert "Action: delivered" in second
    assert "team@a.example" in second


async def test_nobody_hears_of_a_letter_from_nobody(harbour: Make) -> None:
    h = await harbour()
    h.courier.answers["mx:a.example"] = says(FAILED)
    ours = letter(h, to("member", 1), to("away", 2), sender=None)
    await h.queue.enqueue(ours)
    await h.queue.settled()
    assert h.letters() == []
    assert h.events() == ["accepted", "failed", "bounced"]  # the event that says why nobody is told


async def test_ways_are_kept_with_the_letter(harbour: Make) -> None:
    h = await harbour()
    h.courier.answers["mx:a.example"] = says(DEFERRED)
    ours = letter(h, to("plain", 0), to("member", 1))
    envelope = msgspec.structs.replace(ours.envelope)
    await h.queue.enqueue(ours)
    await h.queue.settled()
    with h.shard.reader() as reader:
        assert spool.load(reader, ours.id).envelope == envelope
    h.courier.answers["mx:a.example"] = says(FAILED)
    kept = listen(h)
    await h.turn(301)
    assert {name for name, _ in kept} == {"alice@sender.example", "owner@home.example"}


async def test_a_notice_goes_where_its_address_leads(harbour: Make) -> None:
    h = await harbour()
    h.courier.answers["mx:a.example"] = says(FAILED)

    def behind(notice: Letter) -> Letter:
        people = (Recipient(Address("one", "b.example"), "NEVER"), Recipient(Address("two", "c.example"), "NEVER"))
        notice.envelope = msgspec.structs.replace(notice.envelope, recipients=people)
        return notice

    h.readdress = behind
    await h.queue.enqueue(letter(h, to("member", 1)))
    await h.queue.settled()
    assert set(h.courier.channels) >= {"mx:b.example", "mx:c.example"}
    assert h.letters() == []
