"""The driver's half of the store: opening a SQLite file the way we want it, reading, writing, compiling to text.

Called by shard, writer, directory and snapshot; the functions of spool, queue and journal get a Reader or a Tx.
Never knows a table of ours, but for the one fact that event has an AUTOINCREMENT; `postgres` is its sibling.
Fails with StoreTrouble (trouble.of) for whatever the driver raises.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from hatoba.store import sql, trouble
from hatoba.store.sql import Rows, Statement

PAGE = 8192  # bytes: a 1 KB letter with its rows stays on one page, a 10 KB body takes one overflow page
OLDEST = (3, 35, 0)  # UPDATE … FROM and RETURNING
OLDEST_TEXT = ".".join(map(str, OLDEST))


class Reader(sql.Reader):
    """See sql.Reader."""

    __slots__ = ("connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def rows(self, statement: Statement, parameters: Sequence[Any] = ()) -> Rows:
        if not isinstance(statement, str):
            statement, parameters = sql.bound(statement)
        try:
            return self.connection.execute(statement, parameters).fetchall()
        except sqlite3.Error as error:
            raise trouble.of(error, "reading the store") from error

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Self]:
        self.rows("BEGIN")
        try:
            yield self
        finally:
            if self.connection.in_transaction:
                self.rows("ROLLBACK")

    def version(self) -> int:
        # https://sqlite.org/pragma.html#pragma_data_version
        return int(self.rows("PRAGMA data_version")[0][0])

    def last_seq(self) -> int:
        found = self.rows("SELECT seq FROM sqlite_sequence WHERE name = 'event'")  # AUTOINCREMENT's own memory
        return int(found[0][0]) if found else 0

    def close(self) -> None:
        self.connection.close()


class Tx(Reader, sql.Tx):
    """See sql.Tx."""

    __slots__ = ()

    def run(self, statement: Statement, parameters: Sequence[Any] = ()) -> int:
        if not isinstance(statement, str):
            statement, parameters = sql.bound(statement)
        try:
            return self.connection.execute(statement, parameters).rowcount
        except sqlite3.Error as error:
            raise trouble.of(error, "writing the store") from error


class Link(sql.Link):
    """See sql.Link; nothing is gathered. `grew` is told of octets of log, between two transactions."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        grew: Callable[[int, sqlite3.Connection], None],
        mend: Callable[[sqlite3.Connection], None],
    ) -> None:
        self._mend = mend
        self.connection = connection
        self.tx = Tx(connection)
        self._grew = grew

    def mend(self) -> None:
        self._mend(self.connection)

    def begin(self) -> None:
        self.connection.execute("BEGIN IMMEDIATE")

    def run(self, text: str, parameters: Sequence[Any] = ()) -> None:
        if parameters:  # executemany of one: the driver then lets go of the interpreter's lock once less
            self.connection.executemany(text, (parameters,))
        else:
            self.connection.execute(text)

    def flush(self) -> None:
        return

    def commit(self) -> None:
        self.connection.execute("COMMIT")

    def rollback(self) -> None:
        self.connection.execute("ROLLBACK")

    @property
    def open(self) -> bool:
        return self.connection.in_transaction

    def grew(self, octets: int) -> None:
        self._grew(octets, self.connection)

    def close(self) -> None:
        with contextlib.suppress(sqlite3.Error):  # the disk may still be ill
            if self.connection.in_transaction:
                self.rollback()
        with contextlib.suppress(sqlite3.Error):
            self.connection.close()


def connect(path: Path, *, busy: float = 5.0, cache: int = 2 * 1024 * 1024, log: int = PAGE) -> sqlite3.Connection:
    """A connection that may write. `busy` seconds, `cache` bytes, `log` bytes it usually has.

    isolation_level None: transactions begin and end where we say so. 1,024 cached statements: eight kinds of hot
    statement in up to 64 lengths, and the rest.
    """
    try:
        connection = sqlite3.connect(
            path, timeout=busy, isolation_level=None, check_same_thread=False, cached_statements=1024
        )
    except sqlite3.Error as error:
        raise trouble.of(error, f"opening {path.name}") from error
    pragmas = (
        f"page_size={PAGE}",  # counts only in a new file
        "auto_vacuum=NONE",  # freed pages are reused by the next letters; moving pages about would cost two writes each
        "journal_mode=WAL",
        "synchronous=FULL",  # an fsync of the log in every commit: the 250 rests on it
        f"cache_size={-(cache // 1024)}",
        "wal_autocheckpoint=0",  # see store.checkpoint
        f"journal_size_limit={log * 4}",  # a log grown behind a slow reader is cut again
        "secure_delete=OFF",  # Debian's build zeroes freed pages: that would write every body a second time
        "temp_store=MEMORY",
        "mmap_size=0",  # a truncated file or a bad sector would come as SIGBUS instead of an error
    )
    try:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}").fetchall()
    except sqlite3.Error as error:
        connection.close()
        raise trouble.of(error, f"opening {path.name}") from error
    return connection


def fold(connection: sqlite3.Connection) -> bool:
    """Copies the whole log into the database file, syncs that and starts the log anew; False when a reader is in it.

    After an fsync that failed and a death, the log may hold commits that every process reads and that never reached
    the disk: the kernel counts their pages as written. What is appended behind them would be cut off with them by a
    power cut. Copied, they are written again.
    """
    try:
        busy: int = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.Error as error:
        raise trouble.of(error, "folding the log") from error
    return not busy


def reader(path: Path, *, busy: float = 5.0) -> Reader:
    """A read-only connection; the file must exist. May live in another thread or process than the writer."""
    uri = f"{path.resolve().as_uri()}?mode=ro"
    try:
        connection = sqlite3.connect(
            uri, uri=True, timeout=busy, isolation_level=None, check_same_thread=False, cached_statements=256
        )
    except sqlite3.Error as error:
        raise trouble.of(error, f"opening {path.name}") from error
    opened = Reader(connection)
    try:
        opened.rows("PRAGMA query_only=1")
        opened.rows("PRAGMA schema_version")  # reads the file: what is no database is found here
    except trouble.StoreTrouble:
        connection.close()
        raise
    return opened


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[Tx]:
    """BEGIN IMMEDIATE … COMMIT around a few cold writes; ROLLBACK when the block or the commit fails."""
    tx = Tx(connection)
    tx.run("BEGIN IMMEDIATE")
    try:
        yield tx
        tx.run("COMMIT")
    finally:
        if connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):  # the first error is the one to hear of
                connection.execute("ROLLBACK")


def revision(opened: Reader) -> str:
    """The revision Alembic left in the database, "" for none: one raw SELECT, Alembic stays unimported."""
    if not opened.rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'"):
        return ""
    found = opened.rows("SELECT version_num FROM alembic_version")
    return str(found[0][0]) if found else ""
