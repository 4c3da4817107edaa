"""Retention: whole stories, bounded steps, never a letter still in the queue."""

import msgspec

from hatoba.journal import forms, purge, search
from hatoba.journal.settings import Settings
from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Letter, Recipient, Source
from hatoba.model.event import Event
from hatoba.store import journal as rows
from hatoba.store.rows import HELD, RecipientRow, Seal
from hatoba.store.shard import Shard

NOW = 1_700_000_000_000
OLD = NOW - 1_000_000


def letter(number: int, at: int) -> Letter:
    envelope = Envelope(Address.parse("alice@example.org"), (Recipient(Address.parse("bob@example.com")),))
    return Letter(number, at, at, envelope, Source("mx"), 2, content=b"hi")


def story(number: int, *times: int) -> list[Event]:
    return [forms.accepted(letter(number, times[0])), *(forms.held(number, (), "x", at) for at in times[1:])]


def kept(shard: Shard) -> set[int]:
    with shard.reader() as reader:
        return {row.letter for row in rows.after(reader, 0, 1000)}


def step(shard: Shard, limit: int = 100) -> purge.Step:
    return shard.write(lambda tx: purge.purge(tx, NOW - 1000, limit))


def test_only_stories_that_are_over_go(shard: Shard) -> None:
    events = [*story(1, OLD, OLD + 1), *story(2, OLD, NOW), *story(3, NOW)]
    shard.write(lambda tx: rows.append(tx, events))
    assert step(shard) == purge.Step(examined=5, removed=2, done=True)
    assert kept(shard) == {2, 3}
    assert step(shard).removed == 0


async def test_a_letter_in_the_queue_keeps_its_events_and_blocks_nobody(shard: Shard) -> None:
    row = RecipientRow(1, 0, "bob@example.com", "example.com", "mx:x", HELD)
    await shard.writer.seal(Seal(letter(1, OLD), [row], story(1, OLD)))
    await shard.writer.do(lambda tx: rows.append(tx, [*story(2, OLD), *story(3, OLD)]))
    steps = [await shard.writer.do(lambda tx: purge.purge(tx, NOW, 1)) for _ in range(4)]
    assert [one.removed for one in steps] == [0, 1, 1, 0]
    assert [one.done for one in steps] == [False, False, False, True]
    assert kept(shard) == {1}


def test_steps_are_bounded_and_start_over_when_done(shard: Shard) -> None:
    shard.write(lambda tx: rows.append(tx, [event for n in range(1, 11) for event in story(n, OLD)]))
    steps: list[purge.Step] = []
    while not steps or not steps[-1].done:
        steps.append(step(shard, 3))
    assert [one.removed for one in steps] == [3, 3, 3, 1]
    shard.write(lambda tx: rows.append(tx, story(11, OLD)))
    assert step(shard) == purge.Step(1, 1, True)


def test_the_index_forgets_with_the_journal(shard: Shard) -> None:
    shard.write(lambda tx: rows.append(tx, [*story(1, OLD), *story(2, NOW)]))
    shard.write(lambda tx: search.catch_up(tx, 100))
    step(shard)
    with shard.reader() as reader:
        assert search.find(reader, "bob@example.com", 10) == [2]


def test_settings_have_a_description_each() -> None:
    info = msgspec.inspect.type_info(Settings)
    assert isinstance(info, msgspec.inspect.StructType)
    assert Settings().retention == 30 * 86400
