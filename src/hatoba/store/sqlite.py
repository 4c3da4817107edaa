"""The driver's half of the store: opening a SQLite file the way we want it, reading, writing, compiling to text.

Called by shard, writer, directory and snapshot; the functions of spool, queue and journal get a Reader or a Tx.
Never knows a table of ours: PostgreSQL will stand beside this file and change none of the others.
Fails with StoreTrouble (trouble.of) for whatever the driver raises.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from sqlalchemy import Table, bindparam, insert
from sqlalchemy.dialects.sqlite import dialect
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.sql.compiler import Compiled

from hatoba.store import trouble

_DIALECT = dialect(paramstyle="qmark")
PAGE = 8192  # bytes: a 1 KB letter with its rows stays on one page, a 10 KB body takes one overflow page
OLDEST = (3, 35, 0)  # UPDATE … FROM and RETURNING
OLDEST_TEXT = ".".join(map(str, OLDEST))
CHUNK = 64  # rows in one multi-row statement, at most: each length is a statement of its own in the driver's cache


class Core(Protocol):
    """A SQLAlchemy Core statement, of which the store needs one thing: that it compiles."""

    def compile(self, bind: None = None, dialect: Dialect | None = None, **options: Any) -> Compiled: ...


Statement = str | Core
Rows = list[tuple[Any, ...]]


def text(statement: Core) -> str:
    """The SQL text of a Core statement, question marks for its parameters in the order they stand in it.

    The dialect writes a bound OFFSET behind every LIMIT; none of ours has one, so it is made a nought.
    """
    return str(statement.compile(dialect=_DIALECT)).replace(" OFFSET ?", " OFFSET 0")


def bound(statement: Core) -> tuple[str, tuple[Any, ...]]:
    """Text and parameters of a Core statement that carries its values. ~0.2 ms: for what is not on a letter's way."""
    compiled = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
    order: list[str] = getattr(compiled, "positiontup", None) or []
    return str(compiled), tuple(compiled.params[name] for name in order)


def groups(count: int, width: int) -> str:
    """`count` groups of `width` question marks: "(?, ?), (?, ?)"; width 0 gives bare marks for an IN list."""
    one = "(" + ", ".join("?" * width) + ")" if width else "?"
    return ", ".join([one] * count)


def head(table: Table, *columns: str) -> str:
    """ "INSERT INTO table (columns) VALUES " of the table's own definition; no columns given: all of them."""
    names = columns or tuple(column.name for column in table.columns)
    compiled = text(insert(table).values({name: bindparam(name) for name in names}))
    return compiled[: compiled.index("VALUES") + 7]


class Multi:
    """A statement over many rows in one step: `before`, n groups of `width` marks, `after`. Texts are kept by n.

    One sqlite3_step lets go of the interpreter's lock once however many rows it writes; executemany does so for every
    row, and beside a busy event loop each return costs a switch interval (one run each, beside a thread that never
    yields: 240 against 440 µs of wall time a letter).
    Exact lengths beat chunks of powers of two (330) for the same reason.
    """

    __slots__ = ("_after", "_before", "_texts", "_width")

    def __init__(self, before: str, width: int, after: str = "") -> None:
        self._before, self._width, self._after = before, width, after
        self._texts: dict[int, str] = {}

    def text(self, count: int) -> str:
        found = self._texts.get(count)
        if found is None:
            found = self._texts[count] = self._before + groups(count, self._width) + self._after
        return found

    def parts(self, rows: Sequence[Any]) -> Iterator[tuple[str, Sequence[Any]]]:
        """(text, parameters) for up to CHUNK rows each. With width 0 the rows are single values."""
        for start in range(0, len(rows), CHUNK):
            part = rows[start : start + CHUNK] if len(rows) > CHUNK else rows
            yield self.text(len(part)), tuple(chain.from_iterable(part)) if self._width else part


class Reader:
    """A connection to read from, in one thread at a time. Each statement sees the last commit (or see `snapshot`)."""

    __slots__ = ("connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def rows(self, statement: Statement, parameters: Sequence[Any] = ()) -> Rows:
        """All rows of a statement: SQL text with its parameters, or a Core statement that carries them."""
        if not isinstance(statement, str):
            statement, parameters = bound(statement)
        try:
            return self.connection.execute(statement, parameters).fetchall()
        except sqlite3.Error as error:
            raise trouble.of(error, "reading the store") from error

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Self]:
        """Everything read inside sees one state of the database. Keep it short: it holds back the checkpoint."""
        self.rows("BEGIN")
        try:
            yield self
        finally:
            if self.connection.in_transaction:
                self.rows("ROLLBACK")

    def version(self) -> int:
        """A number that changes when another connection has committed. # https://sqlite.org/pragma.html#pragma_data_version"""
        return int(self.rows("PRAGMA data_version")[0][0])

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class Tx(Reader):
    """A connection inside a transaction: what a function given to `writer.do` gets. Reads see its own writes."""

    __slots__ = ()

    def run(self, statement: Statement, parameters: Sequence[Any] = ()) -> int:
        """Runs a writing statement; how many rows it touched."""
        if not isinstance(statement, str):
            statement, parameters = bound(statement)
        try:
            return self.connection.execute(statement, parameters).rowcount
        except sqlite3.Error as error:
            raise trouble.of(error, "writing the store") from error


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
