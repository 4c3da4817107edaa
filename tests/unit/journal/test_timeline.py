"""The story of a letter: events in order, the opening of a shared connection joined, what waits and what binds it."""

import msgspec

from hatoba.journal import forms, search, timeline
from hatoba.kit import ids
from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Letter, Recipient, Source
from hatoba.model.event import Event
from hatoba.model.outcome import Attempt, Job, Outcome
from hatoba.model.status import Status
from hatoba.store import journal as rows
from hatoba.store import queue
from hatoba.store.rows import HELD, QUARANTINED, READY, LaneRow, RecipientRow, Seal
from hatoba.store.shard import Shard
from hatoba.store.sql import Tx

NOW = 1_700_000_000_000


def letter(number: int, *to: str) -> Letter:
    recipients = tuple(Recipient(Address.parse(one)) for one in to or ("bob@example.com",))
    envelope = Envelope(Address.parse("alice@example.org"), recipients)
    return Letter(number, NOW, NOW + 999, envelope, Source("mx", "192.0.2.1"), 5, content=b"hello")


def attempt(number: int, session: str, opening: str, kind: str = "delivered") -> list[Event]:
    done = Attempt(
        NOW + 1, NOW + 2, "mx:x", [Outcome(0, kind, Status("2.0.0"), "250 ok")],
        session=session, opening=opening, dialogue=f"C: letter {number}\n",
    )  # fmt: skip
    return forms.settled(Job(letter(number), (0,)), done, {0: NOW + 300})


async def seal(shard: Shard, number: int, *rows_: RecipientRow) -> None:
    one = letter(number, *(row.address for row in rows_))
    await shard.writer.seal(Seal(one, list(rows_), [forms.accepted(one, ["mx:x"])]))


def test_an_unknown_letter_has_no_story(shard: Shard) -> None:
    with shard.reader() as reader:
        assert timeline.story([reader], 5) is None
        assert timeline.story([], 5) is None


async def test_a_queued_letter(shard: Shard) -> None:
    last = msgspec.json.encode({"code": "4.2.1", "text": "later", "reply": "450 no", "at": 9, "host": "h", "x": 1})
    await seal(
        shard,
        7,
        RecipientRow(7, 0, "bob@example.com", "example.com", "mx:x", READY, 2, NOW + 300, 1, last=last),
        RecipientRow(7, 1, "carol@example.net", "example.net", "mx:y", HELD),
        RecipientRow(7, 2, "dave@example.net", "example.net", "mx:y", QUARANTINED, last=b'{"quarantined": "crashed"}'),
        RecipientRow(7, 3, "eve@example.net", "example.net", "mx:y", QUARANTINED, last=b"["),
    )
    shard.write(lambda tx: queue.put_lane(tx, LaneRow("mx:x", True, "maintenance", NOW)))
    with shard.reader() as reader:
        story = timeline.story([reader], 7)
    assert story is not None
    assert (story.id, story.number, story.queued, story.expires) == (ids.text(7), 7, True, NOW + 999)
    assert story.accepted is not None
    assert story.accepted.sender == "alice@example.org"
    first = story.waiting[0]
    assert (first.to, first.state, first.attempts, first.next_at) == ("bob@example.com", "ready", 2, NOW + 300)
    assert (first.status, first.text, first.reply) == ("4.2.1", "later", "450 no")
    assert (first.tried_at, first.host, first.binds) == (9, "h", ["lane held: maintenance"])
    assert [one.binds for one in story.waiting[1:]] == [["held"], ["quarantined: crashed"], ["quarantined"]]
    assert b"lane held" in msgspec.json.encode(story)


def _openings(shard: Shard) -> dict[int, list[str]]:
    with shard.reader() as reader:
        stories = {number: timeline.story([reader], number) for number in (1, 2, 3)}
    return {number: [entry.opening for entry in story.entries] for number, story in stories.items() if story}


def test_the_opening_of_a_shared_connection_is_joined(shard: Shard) -> None:
    events = [
        forms.accepted(letter(1)), forms.accepted(letter(2)), forms.accepted(letter(3)),
        *attempt(1, "S1", "S: 220 hello\n"), *attempt(2, "S1", ""), *attempt(3, "S9", ""),
    ]  # fmt: skip
    shard.write(lambda tx: rows.append(tx, events))
    wanted = {1: ["", "S: 220 hello\n"], 2: ["", "S: 220 hello\n"], 3: ["", ""]}
    assert _openings(shard) == wanted  # in the tail
    shard.write(lambda tx: search.catch_up(tx, 100))
    assert _openings(shard) == wanted  # by the index


def test_a_letter_that_is_gone_keeps_its_story(shard: Shard) -> None:
    events = [forms.accepted(letter(1)), *attempt(1, "S1", "", "deferred"), *attempt(1, "S1", "")]
    shard.write(lambda tx: rows.append(tx, events))
    with shard.reader() as reader:
        story = timeline.story([reader], 1)
    assert story is not None
    assert (story.queued, story.expires, story.waiting) == (False, 0, [])
    assert [entry.kind for entry in story.entries] == ["accepted", "deferred", "delivered"]
    tried = story.entries[1].form
    assert isinstance(tried, forms.Tried)
    assert tried.dialogue == "C: letter 1\n"


def test_what_cannot_be_read_is_told_as_it_stands(shard: Shard) -> None:
    def write(tx: Tx) -> None:
        rows.append(tx, [Event(1, NOW, "delivered", b"{bad"), Event(1, NOW, "teleported", b'{"x":1}')])

    shard.write(write)
    with shard.reader() as reader:
        story = timeline.story([reader], 1)
    assert story is not None
    assert story.accepted is None
    assert story.accepted_at == NOW
    assert [entry.form for entry in story.entries] == [timeline.Unreadable("{bad"), timeline.Unreadable('{"x":1}')]
