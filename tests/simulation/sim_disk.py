"""Disk: when the writer of a simulated process commits, how long that takes, and which steps of it fail.

Made by the world, attached to each process's shard in turn; the writer is the real one, driven turn by turn.
Never changes what a commit does: a fault is an error in one of the writer's numbered steps, before it happens.
Fails with Crashed in the writer's step at which the process is to die; the process's loop is halted then.
"""

import errno
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, cast

from tests.simulation.sim_loop import Loop

from hatoba.store import trouble, work
from hatoba.store.shard import Shard
from hatoba.store.sql import Rows, Statement
from hatoba.store.sqlite import Reader
from hatoba.store.work import Work

WELL, FULL, EIO, SLOW, READS = "well", "full", "eio", "slow", "reads"
MODES = (WELL, FULL, EIO, SLOW, READS)


class Crashed(BaseException):
    """kill -9, in the middle of a commit."""


def _sqlite(code: int, text: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return error


class Racing(Reader):
    """A reader between whose statements the writer, another thread, may commit."""

    __slots__ = ("race",)

    def __init__(self, reader: Reader, race: Callable[[], None]) -> None:
        super().__init__(reader.connection)
        self.race = race

    def rows(self, statement: Statement, parameters: Sequence[Any] = ()) -> Rows:
        self.race()
        return super().rows(statement, parameters)


class Disk:
    """`mode` is one of MODES; `crash_in` counts the writer's steps down to a death, 0 for none."""

    def __init__(self, chance: Random, say: Callable[[str], None]) -> None:
        self.mode = WELL
        self.crash_in = 0
        self.turns = 0
        self._chance = chance
        self._say = say
        self._loop: Loop
        self._shard: Shard
        self._planned = False
        self._fault_at = 0
        self._step = 0
        self._commits = 0
        self._answers: deque[list[Work]] = deque()

    def attach(self, loop: Loop, shard: Shard) -> None:
        """A process begins with this shard, on this loop."""
        self._loop, self._shard = loop, shard
        self._planned = False
        self._answers = deque()
        shard.writer.trap = self._trap
        loop.after = self.look
        loop.read_fault = self._read_fault
        plain = shard.reader
        shard.reader = lambda: Racing(cast(Reader, plain()), self._race)  # type: ignore[method-assign]  # the same, with company

    def detach(self) -> None:
        """What is written from now on is written in peace."""
        self._fault_at = self.crash_in = 0
        self._shard.writer.trap = None

    def look(self) -> None:
        """Something waits to be written: it will be, some time later."""
        if not self._planned and self._shard.writer.waits:
            self._planned = True
            self._loop.call_later(self._delay(), self._commit)

    def _delay(self) -> float:
        if self.mode == SLOW:
            return self._chance.uniform(0.0, 8.0)
        return self._chance.choice((0.0005, 0.002, 0.01, 0.03))

    def _race(self) -> None:
        if self._shard.writer.waits and self._chance.random() < 0.25:
            self._turn()

    def _commit(self) -> None:
        self._planned = False
        if self._shard.writer.waits:
            self._turn()

    def _turn(self) -> None:
        self.turns += 1
        self._step = 0
        self._commits = self._shard.writer.commits  # behind a commit only bodies are unlinked, and that never fails
        ill = self.mode in (FULL, EIO) and self._chance.random() < 0.7
        self._fault_at = self._chance.randint(1, 12) if ill else 0
        try:
            batch, _ = self._shard.writer.turn()
        except Crashed:
            self._loop.halted = True
            return
        failed = sum(item.error is not None for item in batch)
        self._say(f"commit {self.turns}: {len(batch)} items" + (f", {failed} failed" if failed else ""))
        self._answers.append(batch)
        self._loop.call_later(self._delay() / 4, self._answer)

    def _answer(self) -> None:
        work.answer(self._answers.popleft())

    def _trap(self, _: int) -> None:
        self._step += 1
        if self.crash_in:
            self.crash_in -= 1
            if self.crash_in == 0:
                self._say(f"crash before step {self._step} of commit {self.turns}")
                raise Crashed
        if self._step >= self._fault_at > 0 and self._shard.writer.commits == self._commits:
            self._fault_at = 0
            self._say(f"{self.mode} at step {self._step} of commit {self.turns}")
            raise self._error()

    def _error(self) -> Exception:
        """Inside a transaction it is SQLite that meets it, before it the file of a body."""
        link = self._shard.writer._link
        if link is not None and link.open:
            code = sqlite3.SQLITE_FULL if self.mode == FULL else sqlite3.SQLITE_IOERR
            return _sqlite(code, f"the disk is {self.mode}")
        return OSError(errno.ENOSPC if self.mode == FULL else errno.EIO, f"the disk is {self.mode}")

    def _read_fault(self) -> Exception | None:
        if self.mode == READS and self._chance.random() < 0.4:
            return trouble.of(_sqlite(sqlite3.SQLITE_IOERR, "disk I/O error"), "reading the store")
        return None
