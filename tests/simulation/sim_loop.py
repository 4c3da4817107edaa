"""Loop: an event loop whose time is a number, for one simulated process: it jumps to the next timer, never waits.

Made by sim_process, one for each run of hatoba (a crash throws the loop away with all that waits in it).
Never touches a socket, a thread or a clock; the order of ready callbacks is asyncio's, or drawn from the seed.
Fails in nothing of its own: what a callback raises goes to `wrong`.
"""

import asyncio
import heapq
from asyncio import base_events, events
from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

Wrong = Callable[[str], None]


def _name(task: "asyncio.Task[Any]") -> int:
    """Tasks are numbered as they are made: an order that does not hang on addresses in memory."""
    digits = task.get_name().rpartition("-")[2]
    return int(digits) if digits.isdigit() else 0


class Loop(base_events.BaseEventLoop):
    """`shuffle` is the chance that a ready callback overtakes others; `after` is called behind every callback.

    What other threads hand in (`call_soon_threadsafe`) keeps its order, as it does in life.
    """

    def __init__(self, chance: Random, now: float, shuffle: float, wrong: Wrong) -> None:
        super().__init__()
        self.now = now
        self.steps = 0
        self.halted = False  # the process is dead: nothing runs any more
        self.after: Callable[[], None] = lambda: None
        self.read_fault: Callable[[], Exception | None] = lambda: None
        self._chance = chance
        self._shuffle = shuffle
        self._wrong = wrong
        self._ready: deque[asyncio.Handle] = deque()
        self._scheduled: list[asyncio.TimerHandle] = []
        self._threads: dict[int, deque[Callable[[], None]]] = {}
        self.set_exception_handler(self._caught)

    def time(self) -> float:
        return self.now

    def _write_to_self(self) -> None:
        """Nobody sleeps in a selector."""

    def _caught(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._wrong(f"{context.get('message')}: {context.get('exception')!r}")

    # threads that only read: what they do happens at one moment of this loop, its answer comes at a later one

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":  # type: ignore[override]  # the base says coroutine or Future by version
        future: asyncio.Future[Any] = self.create_future()
        waiting = self._threads.setdefault(id(executor), deque())

        def job() -> None:
            fault = self.read_fault() if executor is not None else None
            try:
                if fault is not None:
                    raise fault
                result = func(*args)
            except Exception as error:  # noqa: BLE001  the caller's to hear
                self.call_later(self._moment(), self._answer, future, None, error)
            else:
                self.call_later(self._moment(), self._answer, future, result, None)
            waiting.popleft()
            if waiting:
                self.call_later(self._moment(), waiting[0])

        waiting.append(job)
        if len(waiting) == 1:
            self.call_later(self._moment(), job)
        return future

    def _moment(self) -> float:
        return self._chance.choice((0.0, 0.0001, 0.001, 0.02))

    @staticmethod
    def _answer(future: "asyncio.Future[Any]", result: Any, error: Exception | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)

    # running

    def spin(self, until: float, done: Callable[[], bool] = lambda: False) -> bool:
        """Runs everything up to the time `until` (seconds of this loop), or to `done` or the halt; whether done."""
        outer = events._get_running_loop()
        events._set_running_loop(None)
        events._set_running_loop(self)
        try:
            return self._spin(until, done)
        finally:
            events._set_running_loop(outer)

    def _spin(self, until: float, done: Callable[[], bool]) -> bool:
        ready, timers = self._ready, self._scheduled
        while not self.halted:
            if done():
                return True
            if ready:
                handle = self._next()
                if not handle.cancelled():
                    self.steps += 1
                    handle._run()
                    self.after()
                continue
            self.after()
            while timers and timers[0].cancelled():
                heapq.heappop(timers)
            if not timers or timers[0].when() > until:
                self.now = max(self.now, until)
                return done()
            self.now = max(self.now, timers[0].when())
            while timers and timers[0].when() <= self.now:
                ready.append(heapq.heappop(timers))
        return False

    def _next(self) -> asyncio.Handle:
        ready = self._ready
        if len(ready) > 1 and self._shuffle and self._chance.random() < self._shuffle:
            place = self._chance.randrange(len(ready))
            if "_resolve" not in str(ready[place]._callback):  # type: ignore[attr-defined]  # not in the stubs
                handle = ready[place]
                del ready[place]
                return handle
        return ready.popleft()

    def end(self) -> None:
        """The process is gone: its coroutines end where they stand, in the order they were begun."""
        self.halted = True
        outer = events._get_running_loop()
        events._set_running_loop(None)
        events._set_running_loop(self)
        try:
            for task in sorted(asyncio.all_tasks(self), key=_name):
                task._log_destroy_pending = False  # type: ignore[attr-defined]  # they are to end unfinished
                coroutine: Any = task.get_coro()
                coroutine.close()
        finally:
            events._set_running_loop(outer)
            self.close()
