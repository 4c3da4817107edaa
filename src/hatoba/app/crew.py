"""The worker processes: started, watched, started again with back-off, told to reload or to drain.

Called by supervisor alone. A worker gets its orders as one JSON line on standard input, which stays open: when the
supervisor dies, the worker reads its end and drains. The listening sockets are inherited by number.
Never decides about mail and never touches a shard.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import msgspec
import structlog

from hatoba.app import processor
from hatoba.app.settings import Settings

SHORT_LIFE = 10.0  # seconds: a worker that dies sooner is started again with a growing delay
FIRST_DELAY, MOST_DELAY = 0.1, 10.0


class Door(msgspec.Struct, frozen=True):
    """A listening socket handed down: its number in the worker and the index of its [[listener]]."""

    fd: int
    listener: int


class Orders(msgspec.Struct, frozen=True):
    """All that a worker needs to know. `counters` is the number of the shared counters' memory file."""

    worker: int
    workers: int
    settings: Settings
    doors: tuple[Door, ...]
    counters: int
    node: str  # this node's name among those that share a server
    ready: int  # the worker writes one byte here once it takes mail


class Hand:
    """One place in the crew and the process that fills it now."""

    def __init__(self, worker: int) -> None:
        self.worker = worker
        self.process: subprocess.Popen[bytes] | None = None
        self.ready = False
        self.ready_fd = -1
        self.started = 0.0
        self.restarts = 0
        self.delay = 0.0
        self.due = 0.0  # monotonic time of the next start

    @property
    def pid(self) -> int:
        return self.process.pid if self.process else 0


class Crew:
    """The workers of one node."""

    def __init__(
        self, settings: Settings, doors: Sequence[Sequence[tuple[int, int]]], counters: int, node: str
    ) -> None:
        self.settings = settings
        self._node = node
        self._doors = doors  # for each worker: (fd, listener index)
        self._counters = counters
        self.hands = [Hand(worker) for worker in range(len(doors))]
        self.on_death: Callable[[int], None] = lambda worker: None
        self._log = structlog.get_logger("crew")

    def start(self, hand: Hand) -> None:
        """Starts the process of one hand."""
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        doors = tuple(Door(fd, listener) for fd, listener in self._doors[hand.worker])
        orders = Orders(hand.worker, len(self.hands), self.settings, doors, self._counters, self._node, writer)
        fds = [door.fd for door in doors] + [self._counters, writer]
        hand.process = subprocess.Popen(
            [sys.executable, "-m", "hatoba.app.worker"],
            stdin=subprocess.PIPE,
            pass_fds=fds,
            env=os.environ | processor.hints(),
            start_new_session=True,  # Ctrl-C reaches the supervisor alone, which then drains
        )
        os.close(writer)
        assert hand.process.stdin is not None  # noqa: S101  PIPE was asked for
        try:
            hand.process.stdin.write(msgspec.json.encode(orders) + b"\n")
            hand.process.stdin.flush()
        except BrokenPipeError:
            pass  # it died at once: `reap` sees it
        if hand.ready_fd >= 0:
            os.close(hand.ready_fd)
        hand.ready, hand.ready_fd, hand.started = False, reader, time.monotonic()

    def look(self) -> None:
        """Notes which workers have become ready."""
        for hand in self.hands:
            if hand.process and not hand.ready:
                try:
                    hand.ready = os.read(hand.ready_fd, 1) == b"r"
                except BlockingIOError:
                    continue

    @property
    def all_ready(self) -> bool:
        return all(hand.ready for hand in self.hands)

    def reap(self, *, restart: bool) -> None:
        """Collects the dead; with `restart`, plans their next start and starts those that are due."""
        now = time.monotonic()
        for hand in self.hands:
            if hand.process and hand.process.poll() is not None:
                code = hand.process.returncode
                with contextlib.suppress(OSError):  # orders it never read
                    if hand.process.stdin:
                        hand.process.stdin.close()
                lived = now - hand.started
                hand.process, hand.ready = None, False
                self.on_death(hand.worker)
                if not restart:
                    continue
                hand.restarts += 1
                hand.delay = 0.0 if lived > SHORT_LIFE else min(max(FIRST_DELAY, hand.delay * 2), MOST_DELAY)
                hand.due = now + hand.delay
                facts = {"code": code, "lived": round(lived, 1), "again_in": hand.delay}
                self._log.error("worker died", worker=hand.worker, **facts)
            if restart and hand.process is None and now >= hand.due:
                self.start(hand)

    def tell(self, number: signal.Signals) -> None:
        """Sends a signal to every living worker."""
        for hand in self.hands:
            if hand.process:
                hand.process.send_signal(number)

    @property
    def alive(self) -> bool:
        return any(hand.process for hand in self.hands)
