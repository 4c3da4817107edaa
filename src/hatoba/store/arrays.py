"""Arrays: the columns of many rows in PostgreSQL's binary form, so that one statement carries them all.

Made by postgres for a `sql.Multi`; psycopg sends what `Array` holds as it is.
Never asks the server anything. Packed here because psycopg packs a list value by value: 35 against 110 µs a letter.
Fails with OverflowError and UnicodeEncodeError for values that fit no column, as SQLite's driver does.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, repeat
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.adapt import Dumper
from psycopg.pq import Format

from hatoba.store.sql import BYTES, NUMBER, WORDS, Multi

ROWS = 1024  # in one statement, at most
OCTETS = 8 * 1024 * 1024  # of the widest column in one statement, about: the server keeps it all in memory
_INT8, _TEXT, _BYTEA = 20, 25, 17  # pg_type.oid
_ARRAYS = {_INT8: 1016, _TEXT: 1009, _BYTEA: 1001}
_NULL = b"\xff\xff\xff\xff"  # a length of -1
_length = struct.Struct(">i").pack
# Dimensions, whether there are NULLs, type of the values; then of the one dimension its length and first index.
_head = struct.Struct(">iiiii").pack  # https://www.postgresql.org/docs/current/arrays.html, array_recv


class Array(NamedTuple):
    """A packed column. One class for each type of values, since psycopg chooses a dumper by class."""

    data: bytes


class Numbers(Array):
    """int8[]"""


class Words(Array):
    """text[]"""


class Octets(Array):
    """bytea[]"""


class _Packed(Dumper):
    format = Format.BINARY

    def dump(self, obj: Any) -> bytes:
        return obj.data  # type: ignore[no-any-return]  # psycopg leaves it open; an Array, or it was not registered


_DUMPERS = {
    kind: type(f"{kind.__name__}Dumper", (_Packed,), {"oid": _ARRAYS[oid]})
    for kind, oid in ((Numbers, _INT8), (Words, _TEXT), (Octets, _BYTEA))
}


def register(connection: Connection[Any]) -> None:
    """Arrays may be parameters of this connection's statements."""
    for kind, dumper in _DUMPERS.items():
        connection.adapters.register_dumper(kind, dumper)


@lru_cache(256)
def _packer(count: int) -> struct.Struct:
    return struct.Struct(">" + "iq" * count)


def numbers(column: Sequence[int]) -> Numbers:
    """A column of 8-byte integers, none of them NULL."""
    count = len(column)
    try:
        values = _packer(count).pack(*chain.from_iterable(zip(repeat(8), column, strict=False)))
    except struct.error as error:
        raise OverflowError(f"an integer does not fit into 8 octets: {error}") from error
    return Numbers(_head(1, 0, _INT8, count, 1) + values)


def words(column: Sequence[str]) -> Words:
    """A column of texts, none of them NULL."""
    return Words(_packed([value.encode() for value in column], _TEXT))


def octets(column: Sequence[bytes | None]) -> Octets:
    """A column of byte strings."""
    return Octets(_packed(column, _BYTEA))


def _packed(column: Sequence[bytes | None], oid: int) -> bytes:
    pieces = [_head(1, None in column, oid, len(column), 1)]
    for value in column:
        if value is None:
            pieces.append(_NULL)
        else:
            pieces.append(_length(len(value)))
            pieces.append(value)
    return b"".join(pieces)


_PACK: dict[str, Callable[[Any], Array]] = {NUMBER: numbers, WORDS: words, BYTES: octets}


def parts(shape: Multi, rows: Sequence[Any]) -> Iterator[tuple[str, Sequence[Any]]]:
    """(text, arrays): in one statement all rows that are not too many or too large. See sql.Reader.parts."""
    for part in _cut(rows, shape.kinds):
        if shape.single:
            yield shape.arrays, (_PACK[shape.kinds](part),)
        else:
            columns = zip(*part, strict=True)
            yield shape.arrays, [_PACK[kind](column) for kind, column in zip(shape.kinds, columns, strict=True)]


def _cut(rows: Sequence[Any], kinds: str) -> Iterator[Sequence[Any]]:
    """Rows in pieces. What may be large is the last column: the body."""
    if not kinds.endswith(BYTES):
        for start in range(0, len(rows), ROWS):
            yield rows[start : start + ROWS]
        return
    first = held = 0
    for number, row in enumerate(rows):
        held += len(row[-1] or b"")
        if number - first >= ROWS or (held > OCTETS and number > first):
            yield rows[first:number]
            first, held = number, len(row[-1] or b"")
    if first < len(rows):
        yield rows[first:]
