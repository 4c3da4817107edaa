"""Line: jobs in the order they go: MT-PRIORITY first, then first come first served.

Held by lanes. Never looks into a job but for its priority.
Fails in nothing; `pop` of an empty line is None.
"""

from collections import deque
from collections.abc import Callable

from hatoba.queue.leased import Leased


class Line:
    """One deque per priority in use (nearly always one)."""  # RFC 6710 §4.3

    __slots__ = ("_by_priority", "_order", "count")

    def __init__(self) -> None:
        self._by_priority: dict[int, deque[Leased]] = {}
        self._order: list[deque[Leased]] = []
        self.count = 0

    def _deque(self, priority: int) -> deque[Leased]:
        queue = self._by_priority.get(priority)
        if queue is None:
            queue = self._by_priority[priority] = deque()
            self._order = [self._by_priority[p] for p in sorted(self._by_priority, reverse=True)]
        return queue

    def put(self, job: Leased) -> None:
        self._deque(job.letter.envelope.priority).append(job)
        self.count += 1

    def put_front(self, job: Leased) -> None:
        """Back to where it came from: the next to go of its priority."""
        self._deque(job.letter.envelope.priority).appendleft(job)
        self.count += 1

    def pop(self) -> Leased | None:
        for queue in self._order:
            if queue:
                self.count -= 1
                return queue.popleft()
        return None

    def remove(self, wanted: Callable[[Leased], bool]) -> list[Leased]:
        """Takes out every job that `wanted` picks, in order."""
        taken: list[Leased] = []
        for priority, queue in self._by_priority.items():
            kept: deque[Leased] = deque()
            for job in queue:
                (taken if wanted(job) else kept).append(job)
            if len(kept) != len(queue):
                self._by_priority[priority] = kept
        if taken:
            self._order = [self._by_priority[p] for p in sorted(self._by_priority, reverse=True)]
            self.count -= len(taken)
        return taken

    def clear(self) -> list[Leased]:
        """Takes out all, in the order they would have gone; priorities out of use are forgotten."""
        taken = [job for queue in self._order for job in queue]
        self._by_priority.clear()
        self._order = []
        self.count = 0
        return taken
