"""Retention: whole stories, bounded steps, never a letter still in the queue."""

import msgspec
from msgspec.structs import astuple

from hatoba.journal import forms, purge, search
from hatoba.journal.settings import Settings
from hatoba.kit import ids
from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Letter, Recipient, Source
from hatoba.model.event import Event
from hatoba.store import chain, chain_check, queue
from hatoba.store import journal as rows
from hatoba.store.findings import Report
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


def linked(shard: Shard) -> bool:
    return shard.write(lambda tx: chain.write(tx, chain.read(tx, NOW, 1000)))


def proven(shard: Shard) -> list[str]:
    report = Report("shard")
    with shard.reader() as reader:
        chain_check.check(reader, report)
    return [finding.kind for finding in report.findings]


def test_the_chain_outlives_many_purges(shard: Shard) -> None:
    """Years in a minute: events come, are chained and purged; the records of purges go, too, once nothing rests on
    them, so that neither they nor the links grow for ever."""
    for day in range(1, 31):
        events = [happened for n in range(10) for happened in story(day * 1000 + n, day, day)]
        shard.write(lambda tx, events=events: rows.append(tx, events))  # type: ignore[misc]  # default binds
        assert linked(shard)
        while not shard.write(lambda tx, day=day: purge.purge(tx, day - 3, 7, day)).done:  # type: ignore[misc]
            pass
        assert proven(shard) == []
    with shard.reader() as reader:
        kinds = [row.kind for row in rows.after(reader, 0, 1000)]
        links = chain.after(reader, 0, 1000)
    assert kinds.count("purged") < 60
    assert len(kinds) < 150
    assert len(links) < 10
    last = "DELETE FROM event WHERE seq = (SELECT max(seq) FROM event WHERE kind = 'accepted')"
    assert shard.write(lambda tx: tx.run(last)) == 1
    assert proven(shard) == ["event-removed"]


def test_a_letter_that_waits_keeps_its_links_and_nothing_else(shard: Shard) -> None:
    shard.write(lambda tx: rows.append(tx, [event for n in range(1, 5) for event in story(n, OLD)]))
    row = RecipientRow(3, 0, "bob@example.com", "example.com", "mx:x", HELD)
    shard.write(lambda tx: [tx.run(*part) for part in tx.parts(queue.RECIPIENTS, [astuple(row)])])
    assert linked(shard)
    assert step(shard).removed == 3
    assert proven(shard) == []
    shard.write(lambda tx: rows.remove(tx, [3]))
    assert proven(shard) == ["event-removed"]


def test_the_index_goes_span_by_span(shard: Shard) -> None:
    numbers = ids.Numbers(0)
    days = [NOW + 86_400_000 * day for day in range(4)]
    made = [numbers.next(at) for at in days]
    shard.write(lambda tx: rows.append(tx, [e for n, at in zip(made, days, strict=True) for e in story(n, at)]))
    shard.write(lambda tx: search.catch_up(tx, 100))

    def forget(before: int) -> int:
        rounds = 1
        while not shard.write(lambda tx: purge.forget(tx, before, 2)):
            rounds += 1
        return rounds

    assert forget(0) == 1  # every span has letters
    assert forget(days[2]) > 2  # in slices
    with shard.reader() as reader:
        assert search.find(reader, "bob@example.com", 9) == [made[3], made[2]]
        assert search.find(reader, ids.text(made[0]), 9) == [made[0]]  # by its id
    assert step(shard).removed == 0
    shard.write(lambda tx: purge.purge(tx, days[3], 100))
    assert forget(0) > 1  # the journal has no letter of that span any more
    with shard.reader() as reader:
        assert search.find(reader, "bob@example.com", 9) == [made[3]]
