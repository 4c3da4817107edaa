"""Turns: processes that write one SQLite file take turns at it, so that none of them starves behind a busy one.

Used by shards for every transaction of a mail shard's writer.
Never takes the place of SQLite's own lock: who does not queue here is only less polite.
Fails with StoreTrouble (locked) when the turn does not come in time.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from hatoba.store import sqlite, trouble

_PAUSE = 0.0005  # seconds between two looks


class Turns:
    """Two locks: who waits for the second holds the first, so whoever has just written comes after the one who waits.

    The kernel gives both back when a process dies. `patience`: seconds.
    """

    def __init__(self, path: Path, patience: float) -> None:
        self._path = path
        self._patience = patience
        self._next = self._open(path.with_suffix(".next"))
        self._now = self._open(path.with_suffix(".turn"))

    def take(self) -> None:
        """Waits for the turn."""
        until = time.monotonic() + self._patience
        self._lock(self._next, until)
        try:
            self._lock(self._now, until)
        finally:
            fcntl.flock(self._next, fcntl.LOCK_UN)

    def give(self) -> None:
        """The turn is over; harmless when it was none."""
        fcntl.flock(self._now, fcntl.LOCK_UN)

    def close(self) -> None:
        os.close(self._next)
        os.close(self._now)

    def _lock(self, descriptor: int, until: float) -> None:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    raise trouble.StoreTrouble(f"{self._path.name} is being written", trouble.LOCKED) from None
                time.sleep(_PAUSE)
            else:
                return

    @staticmethod
    def _open(path: Path) -> int:
        try:
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise trouble.of(error, f"opening {path}") from error


class Link(sqlite.Link):
    """A writer's connection that waits for its turn."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        grew: Callable[[int, sqlite3.Connection], None],
        mend: Callable[[sqlite3.Connection], None],
        turns: Turns,
    ) -> None:
        super().__init__(connection, grew, mend)
        self._turns = turns

    def begin(self) -> None:
        self._turns.take()
        try:
            super().begin()
        except BaseException:
            self._turns.give()
            raise

    def commit(self) -> None:
        super().commit()
        self._turns.give()

    def rollback(self) -> None:
        super().rollback()
        self._turns.give()

    def close(self) -> None:
        super().close()
        self._turns.give()
