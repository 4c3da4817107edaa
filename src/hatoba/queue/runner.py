"""Runner: the queue's one loop: time passes for the lanes, due rows are leased, sweep and journal get their turn.

Started by `Queue.start`; woken early by lanes that run dry and by people's orders.
Never dials and never blocks the loop: reading is in a thread, writing in the writer's.
Fails in nothing: a turn that raises is logged whole and the next one comes after a pause.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from functools import partial

from hatoba.journal import forms
from hatoba.model.event import Event
from hatoba.queue.board import Board
from hatoba.queue.contents import Reading
from hatoba.queue.means import Means
from hatoba.queue.refill import Refill
from hatoba.queue.sweep import Sweep
from hatoba.store import journal as journal_
from hatoba.store import queue as rows_
from hatoba.store.rows import ACTIVE, Filter, LaneRow, Recovered
from hatoba.store.sql import Tx

LEAST = 0.02  # seconds between two turns, however thirsty the lanes are
PAGE = 1000
SET_BACK = 60_000  # ms: a clock that goes back by more than this takes the times of the queue with it

Chore = Callable[[int], Awaitable[object]]


class Runner:
    """`chores` are called with now (ms) once in each polled turn: the journal's index and purge."""

    def __init__(self, means: Means, board: Board, refill: Refill, sweep: Sweep, reading: Reading) -> None:
        self.chores: list[Chore] = []
        self.busy: Callable[[], bool] = lambda: False  # too much is being written for chores
        self._means = means
        self._board = board
        self._refill = refill
        self._sweep = sweep
        self._reading = reading
        self.lock = asyncio.Lock()  # one turn or one order of a person at a time
        self._wake = asyncio.Event()
        self._polled = 0
        self._seen = 0  # what the clock said last
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        board.stir = self._wake.set

    async def recover(self) -> Recovered:
        """What a former run left under way is ready again; the orders of people are read back."""
        means = self._means
        now = means.clock()
        self._seen = await self._reading.run(journal_.newest)
        await self._look_at_clock(now)
        recovered = await means.writer.do(lambda tx: _recover(tx, now, means.settings.crashes))
        kept: list[LaneRow] = await self._reading.run(rows_.lanes)
        self._board.load(kept)
        if recovered.ready or recovered.quarantined:
            means.log.warning("recovered", ready=recovered.ready, quarantined=len(recovered.quarantined))
        return recovered

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Ends after the turn under way."""
        if self._task is not None:
            self._stopping = True
            self._wake.set()
            await self._task
            self._task = None

    def nudge(self) -> None:
        """The next turn comes at once; it looks at what memory asks for."""
        self._wake.set()

    def stir(self) -> None:
        """The next turn comes at once and looks at everything."""
        self._polled = 0
        self._wake.set()

    async def _run(self) -> None:
        while not self._stopping:
            try:
                await self.turn()
                pause = self._means.settings.poll
            except Exception:
                self._means.log.exception("a turn of the queue failed", error_id=self._means.error_id())
                pause = min(self._means.settings.poll * 5, 30.0)
            await asyncio.sleep(LEAST)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause)
            self._wake.clear()

    async def turn(self) -> None:
        """One turn: lanes that ask are filled; once in a poll time all that is due, the sweep and the chores too."""
        now = self._means.clock()
        async with self.lock:
            await self._look_at_clock(now)
            self._board.tick(now)
            await self._turn(now)

    async def _look_at_clock(self, now: int) -> None:
        """A clock that was set back would let every letter and site rest for that much longer: their times go with it.

        One that was set forward needs nothing: what waits is tried once, early, and waits from there.
        """
        then, self._seen = self._seen, now
        if then - now <= SET_BACK:
            return
        self._means.log.warning("the clock was set back", by=(then - now) // 1000)
        self._board.set_back(then, now)
        after = (-1, -1)
        while page := await self._means.writer.do(partial(rows_.set_back, then=then, now=now, after=after, limit=PAGE)):
            after = page[-1]

    async def _turn(self, now: int) -> None:
        thirsty = list(self._board.thirsty)
        self._board.thirsty.clear()
        await self._refill.fill(thirsty)
        if 0 <= now - self._polled < self._means.settings.poll * 1000:
            return
        self._polled = now
        if self._means.gate.open:
            due = await self._reading.run(lambda reader: rows_.lanes_due(reader, now))
            await self._refill.fill([one.site for one in sorted(due, key=lambda one: one.first)])
            await self._sweep.step(now)
        if not self.busy():
            for chore in self.chores:
                await chore(now)


def _recover(tx: Tx, now: int, crashes: int) -> Recovered:
    """`rows_.recover`, and the event of each attempt that was cut short."""
    after: tuple[int, int] | None = None
    events: list[Event] = []
    while page := rows_.select(tx, Filter(state=ACTIVE), PAGE, after):
        after = (page[-1].row.letter, page[-1].row.n)
        rows = [one.row for one in page if one.row.next_at >= 0]  # those below were at rest: see rows.Lease
        events += [forms.interrupted(r.letter, (r.n,), r.attempts, r.site, next_at=now, now=now) for r in rows]
    if events:
        journal_.append(tx, events)
    recovered = rows_.recover(tx, now, crashes)
    if recovered.quarantined:
        reason = f"under way in {crashes} crashes"
        journal_.append(tx, [forms.quarantined(letter, (n,), reason, now) for letter, n in recovered.quarantined])
    return recovered
