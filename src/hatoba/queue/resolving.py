"""Resolving: recipients whose route was not known when they came, while DNS is asked.

Called by admission after the commit, and by refill for rows that have no lane (yet, or any more).
Never holds more than it has room for: beyond it rows wait in the store. Never writes a row itself.
Fails as routing does: no way is a failure of the recipient, DNS trouble and bugs a deferral.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Protocol

from hatoba.delivery.site import Site
from hatoba.model.outcome import DEFERRED, FAILED, Attempt, Outcome
from hatoba.model.status import Refusal, Status
from hatoba.queue.board import Board
from hatoba.queue.lanes import Lane
from hatoba.queue.leased import Leased
from hatoba.queue.means import Means


class Settling(Protocol):
    """What Resolving tells (queue.settle)."""

    def settle(self, lane: Lane | None, job: Leased, attempt: Attempt) -> None: ...

    def return_jobs(self, jobs: list[Leased], next_at: int, site: str | None = None) -> None: ...

    def hold_job(self, job: Leased, site: str, reason: str) -> None: ...


class Resolving:
    """At most `settings.unrouted` recipients at a time."""

    settlement: Settling  # set by Queue, before the first job

    def __init__(self, means: Means, board: Board) -> None:
        self._means = means
        self._board = board
        self._tasks: dict[asyncio.Task[None], Leased] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def room(self) -> int:
        return self._means.settings.unrouted - len(self._tasks)

    def add(self, job: Leased, route: Awaitable[Site]) -> None:
        """A job of one recipient, leased, that has no lane yet."""
        self._means.gate.jobs += 1
        task = asyncio.get_running_loop().create_task(self._resolve(job, route))
        self._tasks[task] = job
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        job = self._tasks.pop(task)
        if task.cancelled():
            self._means.gate.jobs -= 1
            self.settlement.return_jobs([job], self._means.clock())

    async def _resolve(self, job: Leased, route: Awaitable[Site]) -> None:
        try:
            where = await route
        except Refusal as refusal:
            self._refused(job, refusal.status)
        except Exception:
            error_id = self._means.error_id()
            self._means.log.exception("routing failed", letter=job.letter.id, error_id=error_id)
            self._refused(job, Status("4.3.0", f"Internal error {error_id}"))
        else:
            self._place(job, where)

    def _refused(self, job: Leased, status: Status) -> None:
        now = self._means.clock()
        self._means.gate.jobs -= 1
        kind = DEFERRED if status.temporary else FAILED
        self.settlement.settle(None, job, Attempt(now, now, "", [Outcome(n, kind, status) for n in job.indexes]))

    def _place(self, job: Leased, where: Site) -> None:
        now = self._means.clock()
        self._means.gate.jobs -= 1  # the lane counts it from here on
        lane = self._board.lane(where)
        held = where.name in self._board.holds if job.rows else self._board.held(job.letter, job.indexes[0], where.name)
        if held:
            self.settlement.hold_job(job, where.name, held if isinstance(held, str) else "lane held")
        elif due := lane.refuses(now):
            lane.spilled = True
            self.settlement.return_jobs([job], due, where.name)
        else:
            lane.put(job)
            lane.wake()

    def matching(self, wanted: Callable[[Leased], bool]) -> list[Leased]:
        """The jobs under way that `wanted` picks (they cannot be taken out)."""
        return [job for job in self._tasks.values() if wanted(job)]

    def close(self) -> None:
        """Cancels what is asked; the jobs go back to the store."""
        for task in list(self._tasks):
            task.cancel()


def discard(route: Awaitable[Site]) -> None:
    """Nobody will wait for this route."""
    if isinstance(route, Coroutine):
        route.close()
    elif isinstance(route, asyncio.Future):
        route.cancel()
