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
from hatoba.queue.contents import Contents
from hatoba.queue.lanes import Lane
from hatoba.queue.leased import Leased
from hatoba.queue.ledger import Ledger
from hatoba.queue.means import Means


class Settling(Protocol):
    """What Resolving tells (queue.settle)."""

    def settle(self, lane: Lane | None, job: Leased, attempt: Attempt) -> None: ...

    def return_jobs(self, jobs: list[Leased], next_at: int, site: str | None = None) -> None: ...

    def hold_job(self, job: Leased, site: str, reason: str) -> None: ...

    def ordered(self, job: Leased) -> bool: ...


class Resolving:
    """At most `settings.unrouted` jobs at a time; the recipients of a job are of one domain."""

    settlement: Settling  # set by Queue, before the first job

    def __init__(self, means: Means, board: Board, contents: Contents, ledger: Ledger) -> None:
        self._means = means
        self._board = board
        self._contents = contents
        self._ledger = ledger
        self._tasks: dict[asyncio.Task[None], Leased] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def room(self) -> int:
        return 0 if self._means.gate.draining else self._means.settings.unrouted - len(self._tasks)

    def add(self, job: Leased, route: Awaitable[Site]) -> None:
        """A job, leased, that has no lane yet."""
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
        if self.settlement.ordered(job):  # while its route was asked for
            self.settlement.return_jobs([job], now, where.name)
            return
        for reason, part in self.ruled(job, where.name):
            if reason:
                self.settlement.hold_job(part, where.name, reason)
            elif due := lane.refuses(now):
                lane.spilled = True
                self.settlement.return_jobs([part], due, where.name)
            else:
                lane.put(part)
                lane.wake()

    def ruled(self, job: Leased, where: str) -> list[tuple[str, Leased]]:
        """The job with the reason that holds it, "" for none; in parts when a filter holds some of its recipients.

        What comes from the store has passed the filters: only a held lane holds it again.
        """
        board = self._board
        if job.rows:
            return [("lane held" if where in board.holds else "", job)]
        reasons: dict[str, list[int]] = {}
        for n in job.indexes:
            reasons.setdefault(board.held(job.letter, n, where), []).append(n)
        if len(reasons) == 1:
            return [(reason, job) for reason in reasons]
        self._ledger.split(job.letter.id, len(reasons))
        letters = self._contents.split(job.letter, len(reasons))
        return [
            (reason, Leased(letter, tuple(indexes), job.attempts))
            for letter, (reason, indexes) in zip(letters, reasons.items(), strict=True)
        ]

    def matching(self, wanted: Callable[[Leased], bool]) -> list[Leased]:
        """The jobs under way that `wanted` picks (they cannot be taken out)."""
        return [job for job in self._tasks.values() if wanted(job)]

    async def close(self) -> None:
        """Cancels what is asked; the jobs go back to the store."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def discard(route: Awaitable[Site]) -> None:
    """Nobody will wait for this route."""
    if isinstance(route, Coroutine):
        route.close()
    elif isinstance(route, asyncio.Future):
        route.cancel()
