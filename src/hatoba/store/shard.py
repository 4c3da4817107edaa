"""A shard: one SQLite file of letters, its blobs, its writer, and the lease that makes it one process's own.

Opened by the worker (and by commands that repair); readers of the same file by the command line and by threads.
Never migrates and never imports what does: it only checks the revision.
Fails with ShardTaken when another process holds it, WrongVersion before `store.prepare`, StoreTrouble otherwise.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self, TypeVar

import structlog

from hatoba.store import blobs, checkpoint, spool, sql, sqlite, tables, trouble
from hatoba.store.settings import Settings
from hatoba.store.sql import Reader, Tx
from hatoba.store.writer import Writer

T = TypeVar("T")
_PUT = sql.put(tables.shard)
_log = structlog.get_logger("hatoba.store")


def database(data: Path, number: int) -> Path:
    """DATA/shards/NNNN.db"""
    return data / "shards" / f"{number:04d}.db"


def numbers(data: Path) -> list[int]:
    """The shards that exist."""
    return sorted(int(path.stem) for path in (data / "shards").glob("[0-9][0-9][0-9][0-9].db"))


def reader(data: Path, number: int, settings: Settings) -> sqlite.Reader:
    """Reads a shard that may be at work in another process: for the command line. WrongVersion, StoreTrouble."""
    path = database(data, number)
    if not path.exists():
        raise trouble.WrongVersion(f"{path} does not exist yet")
    opened = sqlite.reader(path, busy=settings.busy_timeout)
    try:
        _check(opened, path)
    except trouble.StoreTrouble:
        opened.close()
        raise
    return opened


def _check(opened: sqlite.Reader, path: Path) -> None:
    found = sqlite.revision(opened)
    if found != tables.SHARD_REVISION:
        raise trouble.WrongVersion(
            f"{path} is at revision {found or 'none'}, this program needs {tables.SHARD_REVISION}"
        )


class Shard:
    """An open shard. `epoch` counts its openings, `swept` the orphaned bodies removed at this one.

    `place` tells shards apart whose writes cost different disks: the index of the server, 0 for files.
    """

    def __init__(
        self,
        data: Path,
        number: int,
        settings: Settings,
        lock: int,
        large: blobs.Settings | None = None,
        home: str = "",
    ) -> None:
        self.number = number
        self.path = database(data, number)
        self.blobs = blobs.Depot(data, number, large, home)
        self.settings = settings
        self.epoch = 0
        self.swept = 0
        self.place = 0
        self._lock = lock
        name = f"shard-{number:04d}"
        self.checkpoint = checkpoint.Checkpoint(self._connect, settings.checkpoint, name)
        self.writer = Writer(self._link, self.blobs, settings, name)

    @classmethod
    def open(
        cls,
        data: Path,
        number: int,
        settings: Settings,
        owner: str = "",
        large: blobs.Settings | None = None,
        *,
        thread: bool = True,
    ) -> Self:
        """Takes the lock and the lease, sweeps orphaned bodies, starts the writer. `owner` is a note for people,
        `large` says where large bodies go (None: files in the data folder). `thread` False: see `Writer.start`."""
        path = database(data, number)
        if not path.exists():
            raise trouble.WrongVersion(f"{path} does not exist yet")
        lock = _take(path.with_suffix(".lock"), number)
        try:
            self = cls(data, number, settings, lock, large)
            self._begin(owner or f"pid {os.getpid()}", thread)
        except BaseException:
            os.close(lock)
            raise
        return self

    def reader(self) -> Reader:
        """A read-only connection of its own, for one thread at a time; close it."""
        return sqlite.reader(self.path, busy=self.settings.busy_timeout)

    def write(self, function: Callable[[Tx], T]) -> T:
        """`writer.do` for callers without an event loop: waits for the commit. Never call it on the loop's thread."""
        return self.writer.wait(function)

    def renew(self, tx: Tx) -> bool:
        """Inside `writer.do`: the lease runs anew. Where it is another's by now, that commit fails: ShardLost."""
        return True  # of a file: the lock is the lease

    def close(self) -> None:
        """Writes all that waits, ends the writer, gives the shard back. Blocks: on a loop, in a thread."""
        self.checkpoint.close()
        self.writer.close()
        self.blobs.close()
        if self._lock >= 0:
            lock, self._lock = self._lock, -1
            os.close(lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _connect(self) -> sqlite3.Connection:
        return sqlite.connect(
            self.path, busy=self.settings.busy_timeout, cache=self.settings.cache, log=self.settings.checkpoint
        )

    def _link(self) -> sql.Link:
        return sqlite.Link(self._connect(), self.checkpoint.wrote, self._mend)

    def _begin(self, owner: str, thread: bool) -> None:
        connection = self._connect()
        try:
            _check(sqlite.Reader(connection), self.path)
            self._mend(connection)
            with sqlite.transaction(connection) as tx:
                self.epoch = _lease(tx, self.number, owner)
            self.swept = _sweep(sqlite.Reader(connection), self.blobs)
            self.writer.start(thread=thread)  # before ours is closed: the last one to close removes the log
        finally:
            connection.close()
        if thread:
            self.checkpoint.start()
            self.blobs.watch(self._bodies)

    def _mend(self, connection: sqlite3.Connection) -> None:
        """Nothing that is read now rests on an fsync that failed: neither in the log nor the log's own name.

        On a full disk the log stays as it is: what settles letters must go on, it frees room.
        """
        try:
            if not sqlite.fold(connection):
                _log.warning("store.log_kept", shard=self.number, reason="somebody reads it")
        except trouble.StoreTrouble as error:
            if error.kind != trouble.FULL:
                raise
        blobs.sync_folder(self.path.parent)

    def _bodies(self, numbers: list[int]) -> dict[int, str]:
        """letter.blob of each letter that there is, "" where the row cannot be read: what a sweep must not touch."""
        with self.reader() as reader:
            known, troubles = spool.load_many(reader, numbers, content=False)
        unreadable = {one.id: "" for one in troubles if isinstance(one, trouble.BadRow)}
        return {number: letter.blob for number, letter in known.items()} | unreadable


@contextlib.contextmanager
def taken(path: Path, number: int) -> Iterator[None]:
    """The shard is ours inside, unopened: for who changes its file. ShardTaken when it is another's."""
    lock = _take(path.with_suffix(".lock"), number)
    try:
        yield
    finally:
        os.close(lock)


def _take(path: Path, number: int) -> int:
    """The shard's lock file, locked and with our pid in it; the lock goes with the process, however it ends."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise trouble.of(error, f"opening {path}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    except BlockingIOError:
        written = os.pread(descriptor, 20, 0)
        os.close(descriptor)
        raise trouble.ShardTaken(number, int(written) if written.isdigit() else 0) from None
    except OSError as error:
        os.close(descriptor)
        raise trouble.of(error, f"locking {path}") from error
    return descriptor


def _lease(tx: Tx, number: int, owner: str) -> int:
    table = tables.shard
    found = tx.rows(table.select().where(table.c.number == number))
    epoch = found[0][1] + 1 if found else 1
    tx.run(_PUT, (number, epoch, owner, time.time_ns() // 1_000_000))
    return epoch


def _sweep(opened: Reader, where: blobs.Depot) -> int:
    """Removes unfinished drafts and bodies whose row is gone: asks by file, so it costs by large letters alone."""
    removed = where.sweep()
    known, troubles = spool.load_many(opened, sorted(where.numbers()), content=False)
    for number in where.numbers() - known.keys() - {one.id for one in troubles if isinstance(one, trouble.BadRow)}:
        where.remove(number)
        removed += 1
    return removed
