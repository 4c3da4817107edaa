"""Ink: what was settled gets on disk, whatever the disk says first.

Called by settlement with one Settle at a time and what to do once it is written.
Never forgets an outcome: while the store refuses, the gate is shut and the same Settles are tried again, in order.
Fails in nothing: a Settle that the store refuses for itself (the disk is well) goes to `spoiled` after a few tries.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial

from hatoba.queue.means import Means
from hatoba.store import trouble
from hatoba.store.rows import Settle

TRIES = 3  # of a Settle that fails although the disk is well
FIRST, MOST = 0.25, 30.0  # seconds between tries while the disk is not

Then = Callable[[], None]


class _Waiting:
    __slots__ = ("settle", "then", "tries")

    def __init__(self, settle: Settle, then: Then) -> None:
        self.settle = settle
        self.then = then
        self.tries = 0


class Ink:
    """`idle()` resolves when everything handed in is on disk."""

    def __init__(self, means: Means) -> None:
        self.spoiled: Callable[[Settle, Then, BaseException], None] | None = None
        self.relieved: Callable[[], None] = lambda: None  # the gate is open again
        self._means = means
        self._gate = means.gate
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None
        self._idle: list[asyncio.Future[None]] = []

    def write(self, settle: Settle, then: Then) -> None:
        """Hands it to the writer; `then` is called on the loop once it is durable. Hot."""
        self._gate.unsettled += 1
        if self._task is not None:
            self._waiting.append(_Waiting(settle, then))  # it would fail as the others do
            return
        try:
            written = self._means.writer.settle(settle)
        except Exception as error:  # noqa: BLE001  the outcome must not be lost, whatever the writer says
            self._failed(settle, then, error)
            return
        written.add_done_callback(partial(self._done, settle, then))

    def _done(self, settle: Settle, then: Then, written: "asyncio.Future[None]") -> None:
        if written.cancelled():
            self._failed(settle, then, trouble.StoreTrouble("the writer was closed", trouble.CLOSED))
            return
        error = written.exception()
        if error is not None:
            self._failed(settle, then, error)
            return
        self._written(then)

    def _written(self, then: Then) -> None:
        gate = self._gate
        shut = not gate.open
        gate.unsettled -= 1
        then()
        if gate.unsettled == 0:
            for waiter in self._idle:
                if not waiter.done():
                    waiter.set_result(None)
            self._idle.clear()
        if shut and gate.open:
            self.relieved()

    def _failed(self, settle: Settle, then: Then, error: BaseException) -> None:
        self._waiting.append(_Waiting(settle, then))
        if not self._gate.stalled:
            self._gate.stalled = str(error) or type(error).__name__
            self._means.log.error("the store does not take outcomes; they stay in memory", error=str(error))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._again())

    async def _again(self) -> None:
        pause = FIRST
        while self._waiting:
            await asyncio.sleep(pause)
            pause = min(pause * 2, MOST)
            for _ in range(len(self._waiting)):
                await self._retry(self._waiting.popleft())
        self._task = None
        self._gate.stalled = ""
        self._means.log.warning("the store takes outcomes again")
        self.relieved()

    async def _retry(self, item: "_Waiting") -> None:
        try:
            await self._means.writer.settle(item.settle)
        except Exception as error:  # noqa: BLE001  as in write
            item.tries += not (isinstance(error, trouble.StoreTrouble) and (error.disk or error.kind == trouble.CLOSED))
            if item.tries < TRIES or self.spoiled is None:
                self._waiting.append(item)
                return
            self._gate.unsettled -= 1
            self._means.log.error("a settlement was refused for itself", error=repr(error))
            self.spoiled(item.settle, item.then, error)
        else:
            self._written(item.then)

    def idle(self) -> "asyncio.Future[None]":
        """Resolves when no outcome waits for the disk."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._gate.unsettled == 0:
            waiter.set_result(None)
        else:
            self._idle.append(waiter)
        return waiter

    def close(self) -> None:
        """Gives up retrying: what is not written yet will be attempted again by the next run."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
