"""Checkpoint: the thread that copies a shard's write-ahead log back into its file while the writer goes on.

Made by shard; told by writer after every commit how much the log grew.
Never holds up a commit but for the last few pages: only the writer, between two commits, can let the log begin anew.
Fails quietly: a checkpoint that could not be done is logged and tried again; the log holds everything meanwhile.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable

import structlog

from hatoba.store.sqlite import PAGE

PASSES = 4  # each pass finds only what came during the one before
CLOSE = 1024 * 1024 // PAGE  # pages that may be left to the writer: a few milliseconds of its time
_COPY = "PRAGMA wal_checkpoint(PASSIVE)"  # (busy, pages in the log, pages of them in the file)
_log = structlog.get_logger("hatoba.store")


class Checkpoint:
    """One shard's. `limit`: octets of log; `passes` counts copyings done, `restarts` how often the log began anew."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], limit: int, name: str) -> None:
        self.passes = 0
        self.restarts = 0
        self._connect = connect
        self._limit = limit
        self._grown = 0  # octets of log since it last began anew, about
        self._caught_up = False  # the thread has copied what it could: the writer's turn
        self._busy = False
        self._bell = threading.Semaphore(0)
        self._ended = False
        self._name = name
        self._thread = threading.Thread(target=self._live, name=f"{name}-checkpoint", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Ends the thread after the pass it is in. Before the writer's connection closes: the last one cleans up."""
        self._ended = True
        if self._thread.ident is not None:
            self._bell.release()
            self._thread.join()

    def wrote(self, octets: int, connection: sqlite3.Connection) -> None:
        """The writer has committed about so many octets of log; on its thread, between two transactions."""
        self._grown += octets
        if self._busy or self._grown < self._limit:
            return
        if not self._caught_up:
            self._busy = True
            self._bell.release()
            return
        self._caught_up = False
        try:
            _, pages, copied = connection.execute(_COPY).fetchone()
        except sqlite3.Error as error:
            self._failed(error)
            return
        self.passes += 1
        if pages == copied:  # the next transaction writes at the log's beginning  # https://sqlite.org/wal.html#ckpt
            self.restarts += 1
            self._grown = 0
        else:  # somebody still reads an older state: again when the log has grown by half
            self._grown = self._limit // 2

    def _live(self) -> None:
        connection: sqlite3.Connection | None = None
        while self._bell.acquire() and not self._ended:
            try:
                if connection is None:
                    connection = self._connect()
                self._copy(connection)
            except Exception as error:  # noqa: BLE001  # also StoreTrouble: whatever it is, the log is whole
                if connection is not None:
                    connection.close()
                    connection = None
                self._failed(error)
            else:
                self._caught_up = True
            self._busy = False
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _copy(self, connection: sqlite3.Connection) -> None:
        before = 0
        for _ in range(PASSES):
            _, pages, copied = connection.execute(_COPY).fetchone()
            self.passes += 1
            if pages != copied or pages - before < CLOSE:
                break
            before = pages

    def _failed(self, error: Exception) -> None:
        _log.warning("store.checkpoint", shard=self._name, error=str(error))
        self._grown = self._limit // 2
