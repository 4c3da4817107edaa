"""Group commit: one transaction for all that waits, one bad item alone fails, nothing is said before the commit."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from hatoba.model.event import DELIVERED, Event
from hatoba.store import blobs, journal, queue, rows, spool, trouble
from hatoba.store.settings import Settings
from hatoba.store.shard import Shard
from hatoba.store.sql import Tx


class Gate:
    """Holds the writer inside a `do` until it is opened, so that a test decides what shares the next commit."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()

    def __call__(self, _: Tx) -> None:
        self.entered.set()
        assert self.open.wait(10)


async def test_what_waits_shares_one_commit(opened: Shard, make: Any) -> None:
    writer, gate = opened.writer, Gate()
    first = writer.do(gate)
    await asyncio.to_thread(gate.entered.wait)
    seals = [writer.seal(make.seal(number)) for number in range(1, 101)]
    before = writer.commits
    gate.open.set()
    await asyncio.gather(first, *seals)
    assert writer.commits - before == 2  # the gate's own, and one for the hundred
    with opened.reader() as reader:
        assert spool.count(reader) == 100
        assert [one.letter for one in journal.after(reader, 0, 1000)] == list(range(1, 101))


async def test_nothing_is_said_before_the_commit(opened: Shard, make: Any) -> None:
    gate = Gate()
    future = opened.writer.seal(make.seal(1))
    await future
    held = opened.writer.do(gate)
    await asyncio.to_thread(gate.entered.wait)
    later = opened.writer.seal(make.seal(2))
    with opened.reader() as reader:
        assert spool.count(reader) == 1
        assert not later.done()
        gate.open.set()
        await asyncio.gather(held, later)
        assert spool.count(reader) == 2


async def test_one_bad_item_fails_alone(opened: Shard, make: Any) -> None:
    writer, gate = opened.writer, Gate()
    await writer.seal(make.seal(7))
    held = writer.do(gate)
    await asyncio.to_thread(gate.entered.wait)
    twice = make.seal(7)
    surrogate = make.seal(9)
    surrogate.rows[0].address = "\udc80@c.example"  # no UTF-8: fits no column
    huge = make.seal(10)
    huge.rows[0].next_at = 1 << 70
    futures = [writer.seal(seal) for seal in (make.seal(6), twice, make.seal(8), surrogate, huge)]
    done = writer.do(spool.count)
    gate.open.set()
    await held
    good, double, fine, wrong, large = await asyncio.gather(*futures, return_exceptions=True)
    assert good is fine is None
    assert isinstance(double, trouble.StoreTrouble)
    assert not double.disk
    assert isinstance(wrong, UnicodeEncodeError)
    assert isinstance(large, OverflowError)
    assert await done == 3
    assert writer.trouble is None
    with opened.reader() as reader:
        assert sorted(spool.load_many(reader, range(12))[0]) == [6, 7, 8]


async def test_settle_is_one_item(opened: Shard, make: Any) -> None:
    writer = opened.writer
    seal = make.seal(1)
    seal.rows += [make.row(1, 1), make.row(1, 2)]
    await asyncio.gather(writer.seal(seal), writer.seal(make.seal(2)))
    left = {"state": rows.READY, "attempts": 4, "next_at": 99, "priority": 3, "crashes": 1}
    update = rows.RecipientUpdate(1, 2, "mx:other", **left, params=b'{"p":1}', last=b'{"l":1}')
    await writer.settle(
        rows.Settle(
            gone=[2],
            recipients_gone=[(1, 0), (1, 1)],
            rows=[update],
            events=[Event(2, 5, DELIVERED)],
            seals=[make.seal(3)],
        )
    )
    with opened.reader() as reader:
        assert queue.of_letter(reader, 2) == []
        expected = make.row(1, 2, site="mx:other", params=b'{"p":1}', last=b'{"l":1}', **left)
        assert queue.of_letter(reader, 1) == [expected]
        assert sorted(spool.load_many(reader, [1, 2, 3])[0]) == [1, 3]
        assert [(one.letter, one.kind) for one in journal.after(reader, 2, 9)] == [(2, "delivered"), (3, "accepted")]


async def test_do_gives_back_and_rolls_back(opened: Shard, make: Any) -> None:
    writer = opened.writer
    await writer.seal(make.seal(1))

    def half(tx: Tx) -> None:
        queue.quarantine(tx, 1, "test")
        raise KeyError("ours")

    with pytest.raises(KeyError, match="ours"):
        await writer.do(half)
    assert await writer.do(lambda tx: [row.state for row in queue.of_letter(tx, 1)]) == [rows.ACTIVE]


async def test_do_runs_behind_the_hot_items_of_its_batch(opened: Shard, make: Any) -> None:
    gate = Gate()
    held = opened.writer.do(gate)
    await asyncio.to_thread(gate.entered.wait)
    counted = opened.writer.do(spool.count)
    sealed = opened.writer.seal(make.seal(1))
    gate.open.set()
    await asyncio.gather(held, sealed)
    assert await counted == 1


@pytest.mark.parametrize("engine", ["sqlite"])  # bodies in files
def test_a_letter_that_contradicts_itself_is_refused_at_once(opened: Shard, make: Any, run: asyncio.Runner) -> None:
    async def seal(item: rows.Seal) -> None:
        await opened.writer.seal(item)

    wrong = make.seal(1)
    wrong.letter.size += 1
    with pytest.raises(ValueError, match="octets"):
        run.run(seal(wrong))
    wrong.letter.content = None
    with pytest.raises(ValueError, match="without"):
        run.run(seal(wrong))
    draft = opened.blobs.draft(1)
    draft.append(b"x")
    wrong.draft = draft
    with pytest.raises(ValueError, match="draft"):
        run.run(seal(wrong))
    draft.discard()


def test_close_commits_what_waits(data: Path, settings: Settings, make: Any, run: asyncio.Runner) -> None:
    opened = Shard.open(data, 0, settings)

    async def fill() -> list[asyncio.Future[None]]:
        return [opened.writer.seal(make.seal(number)) for number in range(200)]

    futures = run.run(fill())
    opened.close()
    opened.close()
    run.run(asyncio.sleep(0))
    assert all(future.done() and future.exception() is None for future in futures)
    with pytest.raises(trouble.StoreTrouble, match="closed"):
        opened.write(spool.count)
    with Shard.open(data, 0, settings) as again:
        assert again.write(spool.count) == 200


def test_a_cancelled_waiter_and_a_closed_loop_harm_nobody(opened: Shard, make: Any) -> None:
    async def cancel() -> None:
        future = opened.writer.seal(make.seal(1))
        future.cancel()
        await opened.writer.seal(make.seal(2))

    asyncio.run(cancel())
    gate = Gate()

    async def leave() -> None:
        opened.writer.do(gate)
        opened.writer.seal(make.seal(3))

    asyncio.run(leave())
    gate.open.set()
    assert opened.write(spool.count) == 3


async def test_batches_are_bounded(data: Path, make: Any) -> None:
    opened = Shard.open(data, 0, Settings(batch=10))
    gate = Gate()
    held = opened.writer.do(gate)
    await asyncio.to_thread(gate.entered.wait)
    seals = [opened.writer.seal(make.seal(number)) for number in range(25)]
    before = opened.writer.commits
    gate.open.set()
    await asyncio.gather(held, *seals)
    assert opened.writer.commits - before == 4
    await asyncio.to_thread(opened.close)


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_the_file_does_not_grow_at_steady_state(opened: Shard, make: Any) -> None:
    body = b"x" * 3900

    async def turn(start: int) -> None:
        await asyncio.gather(*(opened.writer.seal(make.seal(number, body)) for number in range(start, start + 100)))
        await opened.writer.settle(rows.Settle(gone=list(range(start, start + 100))))

    def pages(tx: Tx) -> tuple[int, int]:
        return tx.rows("PRAGMA page_count")[0][0], tx.rows("PRAGMA freelist_count")[0][0]

    await turn(0)
    total, _ = await opened.writer.do(pages)
    for start in range(100, 1500, 100):
        await turn(start)
    after, _ = await opened.writer.do(pages)
    assert after - total <= 15  # what the events of 1,400 letters take
    assert not [name for name in opened.blobs.path.iterdir() if name.name != blobs.name(0)]
