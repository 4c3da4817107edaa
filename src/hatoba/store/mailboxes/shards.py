"""Shards of mailboxes: each is written by one thread of every process that has letters for it, and read by a pool.

Opened by stores.MailStore; the mailboxes room runs the functions of this package on it.
Never leased: SQLite's lock, or PostgreSQL's lock of the shard's row, makes writing processes take turns.
Fails with StoreTrouble; a function's own exception comes back and nothing of it was written.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from hatoba.store import blobs, checkpoint, sql, sqlite, trouble
from hatoba.store.base import Files
from hatoba.store.mailboxes import places, turns
from hatoba.store.mailboxes.settings import Settings
from hatoba.store.settings import Settings as StoreSettings
from hatoba.store.sql import Reader, Tx
from hatoba.store.writer import Writer

T = TypeVar("T")
_END = object()


class MailShard:
    """One mail shard, as this process sees it. `do` and `read` are for an event loop, `wait` and `look` for threads."""

    def __init__(self, number: int, pool: ThreadPoolExecutor, settings: StoreSettings, depot: Path) -> None:
        self.number = number
        self.writer = Writer(self._link, blobs.Depot(depot, number), settings, f"mail-{number:04d}")
        self._pool = pool
        self._idle: deque[Reader] = deque()
        self._turn = threading.Lock()
        self._started = False
        self._closed = False

    def do(self, function: Callable[[Tx], T]) -> asyncio.Future[T]:
        """Runs `function` on the writer's thread with others in one commit; the future is done after the fsync."""
        self._start()
        return self.writer.do(function)

    def wait(self, function: Callable[[Tx], T]) -> T:
        """The same without an event loop: blocks until it is on the disk."""
        self._start()
        return self.writer.wait(function)

    async def read(self, function: Callable[[Reader], T]) -> T:
        """Runs `function` in a thread; all it reads is one state of the shard. Keep it short."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self.look, function)

    def look(self, function: Callable[[Reader], T]) -> T:
        """The same on the caller's thread."""
        reader = self._take()
        try:
            with reader.snapshot():
                result = function(reader)
        except trouble.StoreTrouble:
            reader.close()
            raise
        except BaseException:  # the caller's own: the connection is as good as before
            self._give(reader)
            raise
        self._give(reader)
        return result

    async def stream(self, function: Callable[[Reader], Iterator[T]]) -> AsyncGenerator[T, None]:
        """What an iterator over the shard gives, each step in a thread. The steps may see different states."""
        loop = asyncio.get_running_loop()
        reader = await loop.run_in_executor(self._pool, self._take)
        try:
            steps = function(reader)
            while (step := await loop.run_in_executor(self._pool, next, steps, _END)) is not _END:
                yield step  # type: ignore[misc]  # the sentinel is gone by the comparison
        except BaseException:
            await asyncio.shield(loop.run_in_executor(self._pool, reader.close))
            raise
        self._give(reader)

    def close(self) -> None:
        """Writes what waits, ends the writer and the readers. Blocks."""
        with self._turn:
            self._closed = True
            if self._started:
                self._stop()
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> Reader:
        if self._closed:
            raise trouble.StoreTrouble(f"mail shard {self.number:04d} is closed", trouble.CLOSED)
        try:
            return self._idle.pop()
        except IndexError:
            return self._reader()

    def _give(self, reader: Reader) -> None:
        if self._closed:
            reader.close()
        else:
            self._idle.append(reader)

    def _start(self) -> None:
        if self._started:
            return
        with self._turn:
            if self._closed:
                raise trouble.StoreTrouble(f"mail shard {self.number:04d} is closed", trouble.CLOSED)
            if not self._started:
                self._begin()
                self._started = True

    def _begin(self) -> None:
        self.writer.start()

    def _stop(self) -> None:
        self.writer.close()

    def _link(self) -> sql.Link:
        raise NotImplementedError

    def _reader(self) -> Reader:
        raise NotImplementedError


class FileShard(MailShard):
    """A SQLite file."""

    def __init__(self, home: Files, number: int, pool: ThreadPoolExecutor, settings: Settings) -> None:
        self.path = places.database(home.data, number)
        self._store = home.settings
        self._cache = settings.cache
        super().__init__(number, pool, home.settings, home.data / places.FOLDER)
        name = f"mail-{number:04d}"
        self._checkpoint = checkpoint.Checkpoint(self._connect, home.settings.checkpoint, name)
        with sqlite.reader(self.path, busy=home.settings.busy_timeout) as opened:
            places.check(opened, self.path)

    def _begin(self) -> None:
        self._queue = turns.Turns(self.path, self._store.busy_timeout)
        connection = self._connect()
        try:
            self._mend(connection)  # who wrote here last may have died of a sync that failed
            super()._begin()
        finally:
            connection.close()
        self._checkpoint.start()

    def _stop(self) -> None:
        self._checkpoint.close()
        super()._stop()
        self._queue.close()

    def _connect(self) -> sqlite3.Connection:
        store = self._store
        return sqlite.connect(self.path, busy=store.busy_timeout, cache=store.cache, log=store.checkpoint)

    def _link(self) -> sql.Link:
        return turns.Link(self._connect(), self._checkpoint.wrote, self._mend, self._queue)

    def _mend(self, connection: sqlite3.Connection) -> None:
        """See shard.Shard._mend: nothing that is read from now on rests on an fsync that failed."""
        try:
            sqlite.fold(connection)
        except trouble.StoreTrouble as error:
            if error.kind != trouble.FULL:
                raise
        blobs.sync_folder(self.path.parent)

    def _reader(self) -> Reader:
        opened = sqlite.reader(self.path, busy=self._store.busy_timeout)
        opened.rows(f"PRAGMA cache_size={-(self._cache // 1024)}")
        return opened
