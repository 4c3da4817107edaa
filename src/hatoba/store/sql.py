"""What both engines share: statements as text, many rows in one statement, and what a connection can do.

Read by every module of store that makes a statement; `sqlite` and `postgres` implement Reader, Tx and Link.
Never knows a driver. The SQL used is what both engines understand; question marks stand for parameters.
Fails with StoreTrouble (trouble.known) for whatever a driver raises.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import chain
from types import TracebackType
from typing import Any, Protocol, Self

from sqlalchemy import Column, LargeBinary, Table, Text, bindparam, insert
from sqlalchemy.dialects.sqlite import dialect
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.sql.compiler import Compiled

_DIALECT = dialect(paramstyle="qmark")
CHUNK = 64  # rows in one multi-row statement, at most: each length is a statement of its own in the driver's cache


class Core(Protocol):
    """A SQLAlchemy Core statement, of which the store needs one thing: that it compiles."""

    def compile(self, bind: None = None, dialect: Dialect | None = None, **options: Any) -> Compiled: ...


Statement = str | Core
NUMBER, WORDS, BYTES = "i", "t", "b"  # kinds of columns
_ARRAYS = {NUMBER: "?::int8[]", WORDS: "?::text[]", BYTES: "?::bytea[]"}
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
    """ "INSERT INTO table (columns) " of the table's own definition; no columns given: all of them."""
    names = columns or tuple(column.name for column in table.columns)
    compiled = text(insert(table).values({name: bindparam(name) for name in names}))
    return compiled[: compiled.index("VALUES")]


def added(table: Table, *columns: str, after: str = "") -> Multi:
    """Adds many rows: the columns named, or all of them in the table's order."""
    names = columns or tuple(column.name for column in table.columns)
    return Multi(head(table, *names) + "{values}" + after, "".join(_kind(table.columns[name]) for name in names))


def _kind(column: Column[Any]) -> str:
    if isinstance(column.type, LargeBinary):
        return BYTES
    return WORDS if isinstance(column.type, Text) else NUMBER


def put(table: Table) -> str:
    """Adds a row of the table, all its columns in order, or overwrites the one with the same key."""
    names = [column.name for column in table.columns]
    keys = [column.name for column in table.primary_key]
    changes = ", ".join(f"{name} = excluded.{name}" for name in names if name not in keys)
    return f"{head(table)}VALUES {groups(1, len(names))} ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changes}"


class Multi:
    """A statement over many rows in one step. `kinds` has a letter for each column: NUMBER, WORDS or BYTES.

    Its text holds either "{values}", where a SELECT may stand whose columns are called column1 and so on, or "{among}"
    behind a column that is to be one of many numbers. Both can be written in two ways: with a mark for each value, n
    groups of them (`text`, kept by n), or with a mark for each column, which is then an array (`arrays`).

    The first is SQLite's. One sqlite3_step lets go of the interpreter's lock once however many rows it writes;
    executemany does so for every row, and beside a busy event loop each return costs a switch interval (one run each,
    beside a thread that never yields: 240 against 440 µs of wall time a letter).
    Exact lengths beat chunks of powers of two (330) for the same reason.
    """

    __slots__ = ("_after", "_before", "_texts", "_width", "arrays", "kinds")

    def __init__(self, text: str, kinds: str) -> None:
        among = "{among}" in text
        before, after = text.split("{among}" if among else "{values}")
        if among:
            self._before, self._width, self._after = f"{before}IN (", 0, f"){after}"
            self.arrays = f"{before}= ANY({_ARRAYS[kinds]}){after}"
        else:
            self._before, self._width, self._after = f"{before}VALUES ", len(kinds), after
            columns = ", ".join(f"column{number}" for number in range(1, len(kinds) + 1))
            marks = ", ".join(_ARRAYS[kind] for kind in kinds)
            self.arrays = f"{before}SELECT {columns} FROM unnest({marks}) AS u({columns}){after}"  # noqa: S608  # ours all
        self.kinds = kinds
        self._texts: dict[int, str] = {}

    @property
    def single(self) -> bool:
        """Rows are bare values."""
        return not self._width

    def text(self, count: int) -> str:
        found = self._texts.get(count)
        if found is None:
            found = self._texts[count] = self._before + groups(count, self._width) + self._after
        return found

    def parts(self, rows: Sequence[Any]) -> Iterator[tuple[str, Sequence[Any]]]:
        """(text, parameters) for up to CHUNK rows each, a mark for each value."""
        for start in range(0, len(rows), CHUNK):
            part = rows[start : start + CHUNK] if len(rows) > CHUNK else rows
            yield self.text(len(part)), tuple(chain.from_iterable(part)) if self._width else part


class Reader(ABC):
    """A connection to read from, in one thread at a time. Each statement sees the last commit (or see `snapshot`)."""

    __slots__ = ()

    @abstractmethod
    def rows(self, statement: Statement, parameters: Sequence[Any] = ()) -> Rows:
        """All rows of a statement: SQL text with its parameters, or a Core statement that carries them."""

    def parts(self, shape: Multi, rows: Sequence[Any]) -> Iterator[tuple[str, Sequence[Any]]]:
        """The shape over rows as this engine likes it: (text, parameters) for `rows` or `run`, in few steps."""
        return shape.parts(rows)

    @abstractmethod
    def snapshot(self) -> AbstractContextManager[Self]:
        """Everything read inside sees one state of the database. Keep it short: it holds back the cleaning up."""

    @abstractmethod
    def version(self) -> int:
        """Of the directory: a number that changes when another connection has committed."""

    @abstractmethod
    def last_seq(self) -> int:
        """The highest seq of this shard's events, 0 for none. No later event will have a lower one, purged or not."""

    @abstractmethod
    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class Tx(Reader):
    """A connection inside a transaction: what a function given to `writer.do` gets. Reads see its own writes."""

    __slots__ = ()

    @abstractmethod
    def run(self, statement: Statement, parameters: Sequence[Any] = ()) -> int:
        """Runs a writing statement; how many rows it touched."""


class Link(ABC):
    """The writer's connection. It may gather statements until `flush` or `commit`, and raise their errors there.

    Raises the driver's own errors, which trouble.known understands; after one of them `open` says whether the
    transaction is still there to be rolled back.
    """

    tx: Tx

    @abstractmethod
    def mend(self) -> None:
        """Called first where the link before failed with the medium: nothing read from now on rests on what failed."""

    def alive(self) -> bool:
        """Between two transactions: the other end has not hung up meanwhile, as far as one can see without asking."""
        return True

    @abstractmethod
    def begin(self) -> None:
        """Opens a transaction; ShardLost at the latest with `commit` when the shard is another's by now."""

    @abstractmethod
    def run(self, text: str, parameters: Sequence[Any] = ()) -> None: ...

    @abstractmethod
    def flush(self) -> None:
        """What was run so far has happened."""

    @abstractmethod
    def commit(self) -> None:
        """It is on the disk. Doubt when the connection broke and nobody knows."""

    def happened(self, mark: tuple[Any, ...]) -> bool:
        """Whether the commit of that Doubt took place; from now on it cannot any more. ShardLost, StoreTrouble."""
        raise NotImplementedError("this engine is never in doubt")

    @abstractmethod
    def rollback(self) -> None: ...

    @property
    @abstractmethod
    def open(self) -> bool:
        """A transaction is open."""

    @abstractmethod
    def grew(self, octets: int) -> None:
        """So many octets were committed, about; between two transactions: time for housekeeping."""

    @abstractmethod
    def close(self) -> None:
        """Rolls back what is open. Never raises."""
