"""Trouble: a disk that takes nothing, a worker that dies, rows nobody can read, poison."""

import asyncio

import pytest
from tests.support.queue_seam import Harbour, says, until
from tests.unit.queue.conftest import Make

from hatoba.model.outcome import DEFERRED, FAILED
from hatoba.queue import ink
from hatoba.store import queue as rows_
from hatoba.store.rows import QUARANTINED, READY
from hatoba.store.trouble import StoreTrouble


class Full(OSError):
    pass


def _full(h: Harbour) -> None:
    def trap(_: int) -> None:
        raise OSError(28, "No space left on device")

    h.shard.writer.trap = trap


async def test_full_disk_at_the_door_is_told_and_forgotten(harbour: Make) -> None:
    h = await harbour()
    _full(h)
    with pytest.raises(StoreTrouble):
        await h.put("bob@a.example")
    assert h.courier.taken == []
    assert h.queue.status().jobs == 0
    h.shard.writer.trap = None
    await h.put("bob@a.example")
    await h.queue.settled()
    assert len(h.courier.delivered) == 1


async def test_outcomes_stay_in_memory_until_the_disk_takes_them(harbour: Make) -> None:
    h = await harbour()
    h.courier.paused = True
    h.courier.hands = 2
    letters = [await h.put("bob@a.example") for _ in range(3)]
    _full(h)
    h.courier.finish()
    await until(lambda: h.queue.status().binds.startswith("store:"))
    taken = len(h.courier.taken)
    h.courier.finish()
    assert len(h.courier.taken) == taken  # nothing new is tried meanwhile
    assert len(h.rows()) == 3
    h.shard.writer.trap = None
    h.courier.paused = False
    await until(lambda: h.queue.status().binds == "")
    await h.queue.settled()
    h.courier.finish()
    await h.queue.settled()
    assert sorted(x for x, _ in h.courier.delivered) == letters  # each once
    assert h.rows() == []


async def test_a_crash_brings_everything_back_once_more(harbour: Make) -> None:
    h = await harbour()
    h.courier.paused = True
    letters = [await h.put("bob@a.example", "eve@a.example") for _ in range(3)]
    await h.crash()
    await h.open()
    assert {row[3] for row in h.rows()} == {READY}
    h.courier.paused = False
    await h.turn(1)
    assert sorted(h.courier.delivered) == [(x, n) for x in letters for n in (0, 1)]
    assert h.letters() == []
    assert h.events(letters[0]) == ["accepted", "attempted", "attempted", "delivered"]


async def test_who_was_there_at_several_crashes_travels_alone_then_stands_aside(harbour: Make) -> None:
    h = await harbour(crashes=4)
    h.courier.paused = True
    letters = [await h.put("bob@a.example") for _ in range(3)]
    for expected in (3, 1, 1, 0):
        h.courier.taken.clear()
        await h.crash()
        await h.open()
        await h.turn(1)
        assert len(h.courier.taken) == expected
    states = [row[3] for row in h.rows()]
    assert states.count(QUARANTINED) == 1  # the one that was alone at the last two
    h.courier.paused = False
    for _ in range(3):
        await h.turn(61)
    assert len(h.courier.delivered) == 2
    assert {x for x, _ in h.courier.delivered} < set(letters)


async def test_suspects_that_end_well_let_more_go_together(harbour: Make) -> None:
    h = await harbour()
    h.courier.paused = True
    letters = [await h.put("bob@a.example") for _ in range(5)]
    for _ in range(2):
        await h.crash()
        await h.open()
        await h.turn(1)
    h.courier.taken.clear()
    for together in (1, 2, 2):
        await h.turn(0.1)
        assert len(h.courier.channels["mx:a.example"].busy) == together
        h.courier.finish()
    await h.quiet()
    assert sorted(x for x, _ in h.courier.delivered) == letters


async def test_poison_is_quarantined(harbour: Make) -> None:
    h = await harbour(crashes=2)
    h.courier.paused = True
    letter = await h.put("bob@a.example")
    for _ in range(2):
        await h.crash()
        await h.open()
        await h.turn(1)
    assert [row[3] for row in h.rows()] == [QUARANTINED]
    assert h.events(letter)[-1] == "quarantined"
    done = await h.queue.admin.release(_one(letter), "test")
    assert done.changed == 1
    h.courier.paused = False
    await h.turn(1)
    assert h.courier.delivered == [(letter, 0)]


@pytest.mark.parametrize("what", ["letter SET meta", "recipient SET params", "letter SET body"])
async def test_rows_that_cannot_be_read_stand_aside(harbour: Make, what: str) -> None:
    h = await harbour()
    h.courier.answer = says(DEFERRED)
    bad, good = await h.put("bob@a.example"), await h.put("bob@a.example")
    await h.queue.settled()
    key = "letter" if what.startswith("recipient") else "id"
    await h.shard.writer.do(lambda tx: tx.run(f"UPDATE {what} = ? WHERE {key} = {bad}", (b"\0",)))
    h.courier.taken.clear()
    await h.turn(301)
    await until(lambda: {row[0]: row[3] for row in h.rows()}[bad] == QUARANTINED)
    assert [x for x, _, _ in h.courier.taken] == [good]
    await h.turn(1)
    assert h.events(bad)[-1] == "quarantined"


async def test_a_settlement_the_store_refuses_for_itself_goes_without_its_story(
    harbour: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ink, "FIRST", 0.01)
    h = await harbour()
    h.courier.paused = True
    await h.put("bob@a.example")
    writer = h.shard.writer
    real = writer.settle

    def settle(item):  # type: ignore[no-untyped-def]  # a writer with a bug
        if item.events:
            raise ValueError("cannot be written")
        return real(item)

    writer.settle = settle  # type: ignore[method-assign]  # as above
    h.courier.finish()
    await until(lambda: h.rows() == [])
    assert len(h.courier.delivered) == 1


async def test_letters_at_rest_expire_without_an_attempt(harbour: Make) -> None:
    h = await harbour(expire=1000.0, site_first=3000.0, delay_notice=0.0)
    h.courier.answers["mx:a.example"] = says(DEFERRED, "site", "refused")
    await h.put("bob@a.example")
    await h.quiet()
    waiting = await h.put("bob@a.example", "eve@a.example")
    await h.turn(1001)
    await until(lambda: waiting not in h.letters())
    assert h.events(waiting) == ["accepted", "expired", "bounced"]
    assert len([one for one in h.courier.taken if one[0] == waiting]) == 0


async def test_letters_at_rest_are_told_late_once(harbour: Make) -> None:
    h = await harbour(delay_notice=100.0, site_first=3000.0)
    h.courier.answers["mx:a.example"] = says(DEFERRED, "site", "refused")
    await h.put("bob@a.example")
    await h.quiet()
    waiting = await h.put("bob@a.example", "eve@a.example")
    await h.turn(101)
    await until(lambda: "delayed" in h.events(waiting))
    await h.turn(101)
    assert h.events(waiting) == ["accepted", "delayed"]
    assert [row[3:5] for row in h.rows() if row[0] == waiting] == [(READY, 0)] * 2
    with h.shard.reader() as reader:
        assert all(b"delayed" in row.params for row in rows_.of_letter(reader, waiting))


async def test_a_caller_that_gives_up_does_not_strand_the_letter(harbour: Make) -> None:
    h = await harbour()
    letter = h.letter("bob@a.example")
    sealed = h.queue.enqueue(letter)
    sealed.cancel()
    await until(lambda: h.courier.delivered == [(letter.id, 0)])
    await h.queue.settled()
    assert h.rows() == []


async def test_a_dsn_that_cannot_be_composed_keeps_the_letter(harbour: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    from hatoba.notice import dsn

    h = await harbour(expire=1000.0)
    monkeypatch.setattr(dsn, "compose", lambda *a: 1 // 0)
    h.courier.answer = says(FAILED)
    letter = await h.put("bob@a.example")
    await h.quiet()
    assert [row[:4] for row in h.rows()] == [(letter, 0, "mx:a.example", READY)]
    await h.turn(1001)
    assert [row[3] for row in h.rows()] == [QUARANTINED]
    await asyncio.sleep(0)


def _one(letter: int):  # type: ignore[no-untyped-def]
    from hatoba.queue.choice import Choice

    return Choice(letter=letter)
