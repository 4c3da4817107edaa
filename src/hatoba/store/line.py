"""Line: what waits for the next commit of a shard, and which of it shares one.

Filled by writer from the callers' threads; emptied by the writer's thread, which sleeps here.
Never runs anything and never answers anybody.
Fails in nothing.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import time
from collections import deque
from queue import Empty, SimpleQueue

from hatoba.store.settings import Settings
from hatoba.store.work import Work

_RIDERS = Work(concurrent.futures.Future())  # in the queue: there are settlements


class Line:
    """One writer's. None in `waiting` says that it is the end."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.waiting: SimpleQueue[Work | None] = SimpleQueue()
        self.riders: deque[Work] = deque()  # settlements: they go with the next commit, or make one of their own
        self._told = False  # the thread knows that there are riders
        self._crowded = False  # the last commit carried several letters: more are on their way

    def ride(self, item: Work) -> None:
        """It goes with the first commit that comes, or after settings.ride with one of its own."""
        self.riders.append(item)
        if not self._told:
            self._told = True
            self.waiting.put(_RIDERS)

    def gather(self, patience: float | None = None) -> tuple[list[Work], bool]:
        """What the next commit holds, and whether it is the last one; nothing after `patience` seconds without any.

        What came while the last commit ran is the next batch. Under load a short wait makes it several times larger,
        and a commit costs the same for one letter as for twenty; a client alone never waits. Settlements that find no
        company go after settings.ride.
        """
        waiting, most = self.waiting, self._settings.batch
        if self._crowded:  # asleep we cost nothing; a get would be woken by the first letter
            time.sleep(self._settings.gather)
        try:
            item = waiting.get(timeout=patience)
        except Empty:
            return [], False
        if item is _RIDERS:
            with contextlib.suppress(Empty):
                item = waiting.get(timeout=self._settings.ride)
        batch: list[Work] = []
        letters = 0
        while item is not None:
            if item is not _RIDERS:
                batch.append(item)
                letters += len(item.letters)
            if len(batch) >= most or not waiting.qsize():
                break
            item = waiting.get()
        self._crowded = letters > 1
        self._told = False  # before the riders are taken: one that comes now tells us again
        riders = self.riders
        while riders and (item is None or len(batch) < 2 * most):  # at the end: all of them
            batch.append(riders.popleft())
        if riders and not self._told:
            self._told = True
            waiting.put(_RIDERS)
        return batch, item is None

    def rest(self) -> list[Work]:
        """All that is left, at the end."""
        left = list(self.riders)
        while self.waiting.qsize():
            item = self.waiting.get()
            if item is not None and item is not _RIDERS:
                left.append(item)
        return left
