"""Upload: one body on its way to the object store while the letter still comes in.

Made by bucket for a draft, which writes the body to a local file; parts are read back from there in a pool's threads,
so that a slow peer holds neither a thread nor memory. Never blocks who appends; a stalled store stalls this body alone.
Fails by the future `done`: StoreTrouble, after one fresh start from the file; no row may name the body then.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from concurrent.futures import Executor, Future
from pathlib import Path

from hatoba.store import trouble
from hatoba.store.blobs.objects import Objects, Sink


class Upload:
    """`incoming` is the key that parts go to while the hash, and with it the body's own key, is not known."""

    def __init__(self, objects: Objects, pool: Executor, path: Path, incoming: str, part: int, patience: float) -> None:
        self.done: Future[None] = Future()
        self.key = ""  # the body's own, once it has ended
        self._objects = objects
        self._pool = pool
        self._incoming = incoming
        self._part = part
        self._patience = patience  # seconds from the end of the body to our turn in the pool
        self._ended = 0.0
        self._size = 0  # octets in the file
        self._sent = 0  # octets handed to the sink
        self._busy = False  # a thread works for us, or will
        self._broken = False  # parts failed: at the end it starts afresh
        self._abandoned = False
        self._open = contextlib.ExitStack()
        self._sink: Sink | None = None
        self._lock = threading.RLock()  # re-entered when a collection inside finds a forgotten draft
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def grown(self, size: int) -> None:
        """The file has `size` octets now; returns at once."""
        with self._lock:
            self._size = size
            if not self._busy and not self._broken and size - self._sent >= self._part:
                self._go()

    def finish(self, key: str) -> None:
        """The body has ended and is to be called `key`; `done` tells."""
        with self._lock:
            if self.key or self._abandoned:
                return
            self.key = key
            self._ended = time.monotonic()
            if not self._busy:
                self._go()

    def abandon(self) -> None:
        """The body is not wanted: what was sent is taken back, as far as the store lets us."""
        with self._lock:
            if self._abandoned:
                return
            self._abandoned = True
            if not self._busy:
                self._go()

    def _go(self) -> None:
        self._busy = True
        try:
            self._pool.submit(self._run)
        except RuntimeError:  # the pool is closed: the shard is being given back
            self._busy = False
            self._close(trouble.StoreTrouble("the object store is closed", trouble.CLOSED))

    # in a thread of the pool

    def _run(self) -> None:
        try:
            self._work()
        except trouble.StoreTrouble as error:
            self._close(error)
        except BaseException as error:  # noqa: BLE001  # a bug of ours: the letter stays with the peer, the pool lives
            self._close(trouble.StoreTrouble(f"sending a body: {error!r}"))

    def _work(self) -> None:
        while True:
            with self._lock:
                if self._abandoned or self.key:
                    break
                if self._broken or self._size - self._sent < self._part:
                    self._busy = False
                    return
            try:
                self._send(self._part)
            except (OSError, trouble.StoreTrouble):
                self._give_up()
        if self._abandoned:
            self._take_back()
        else:
            self._end()

    def _send(self, size: int) -> None:
        """The next `size` octets of the file."""
        data = os.pread(self._file, size, self._sent)
        if len(data) != size:
            raise trouble.StoreTrouble("the local file of a body is shorter than it was", trouble.IO)
        with self._objects.told(f"writing {self._incoming}"):
            if self._sink is None:
                self._sink = self._open.enter_context(self._objects.sink(self._incoming))
            self._sink.write(data)
        self._sent += size

    def _give_up(self) -> None:
        """Parts cannot be sent now: the server is told to forget them."""
        self._broken = True
        self._sink = None
        with contextlib.suppress(Exception):  # it is not there to be told
            self._open.__exit__(InterruptedError, InterruptedError(), None)

    def _end(self) -> None:
        """What is left, then the body under its own key, then a look at how long it is there.

        While a store fails slowly, bodies queue for the pool: one whose client may give up soon is not begun, or
        it would be taken in and come again.
        """
        if time.monotonic() - self._ended > self._patience:
            raise trouble.StoreTrouble(
                "the object store is too slow: the body waited too long for its turn", trouble.IO
            )
        if self._sink is not None:
            try:
                self._parts()
                self._objects.copy(self._incoming, self.key)
            except (OSError, trouble.StoreTrouble):
                self._give_up()
            self._forget_incoming()
        if self._sink is None:
            self._whole()
        there = self._objects.head(self.key).size
        if there != self._size:
            raise trouble.StoreTrouble(f"{self.key} has {there} octets of {self._size}", trouble.IO)
        self._close(None)

    def _parts(self) -> None:
        while self._sent < self._size:
            self._send(min(self._part, self._size - self._sent))
        with self._objects.told(f"writing {self._incoming}"):
            self._open.close()

    def _whole(self) -> None:
        """All of it from the file, straight to its own key."""
        if self._size <= self._part:
            self._objects.put(self.key, os.pread(self._file, self._size, 0))
            return
        with self._objects.told(f"writing {self.key}"), self._objects.sink(self.key) as sink:
            for at in range(0, self._size, self._part):
                sink.write(os.pread(self._file, min(self._part, self._size - at), at))

    def _forget_incoming(self) -> None:
        with contextlib.suppress(trouble.StoreTrouble):  # the sweep finds it
            self._objects.delete([self._incoming])

    def _take_back(self) -> None:
        if self._sink is not None:
            self._give_up()
        self._close(trouble.StoreTrouble("the body was given up", trouble.CLOSED))

    def _close(self, error: trouble.StoreTrouble | None) -> None:
        with self._lock:
            if self._file >= 0:
                descriptor, self._file = self._file, -1
                os.close(descriptor)
        if self._sink is not None and error is not None:
            self._give_up()
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)
