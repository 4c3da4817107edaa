"""Contents: what FETCH and SEARCH read of the messages of a box, from the rows that packing made.

Called by the room above with a reader; `fetch` gives many messages in chunks, in the order of their UIDs.
Never parses a letter and never holds more than a chunk of them.
Fails with StoreTrouble, kind "corrupt" when octets are missing or cannot be unpacked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from hatoba.store import trouble
from hatoba.store.mailboxes import tables
from hatoba.store.mailboxes.packing import NUMBERS, PIECE, unpacked
from hatoba.store.sql import Reader

CHUNK = 500  # messages read in one statement
LARGE = 16  # of them where their octets are read
Row = tuple[Any, ...]
_OWN = ("flags", "modseq", "content", "size", "internal", "zone", "saved", "thread")
_PIECES = "SELECT data FROM piece WHERE id >= ? AND id < ? ORDER BY id"
_ONE = "SELECT h.data, b.pieces, b.data FROM header AS h JOIN body AS b ON b.content = h.content WHERE h.content = ?"
_SOURCES = (
    {name: f"m.{name}" for name in _OWN}
    | {column.name: f"c.{column.name}" for column in tables.content.columns if column.name not in ("id", "size")}
    | {name: f"f.{name}" for name in ("preview", "envelope", "body", "structure", "offsets")}
    | {"header": "h.data", "head": "w.head", "words": "w.body"}
)
_JOINS = {
    "c": "JOIN content AS c ON c.id = m.content",
    "f": "JOIN form AS f ON f.content = m.content",
    "h": "JOIN header AS h ON h.content = m.content",
    "b": "JOIN body AS b ON b.content = m.content",
    "w": "JOIN words AS w ON w.content = m.content",
}
_UNPACK = ("head", "words")
COLUMNS = (*_SOURCES, "raw", "text")


def fetch(reader: Reader, box: int, uids: Sequence[int], columns: Sequence[str], chunk: int = 0) -> Iterator[list[Row]]:
    """Chunks of rows (uid, *columns), in ascending order of UIDs; a UID that is not in the box has no row.

    `columns`: those of a message (flags as bits, modseq, content, size, internal, zone, saved, thread), of its content
    (sent, day, subject, from_, to_, cc, display_from, display_to, message_id, references_ by lines, attachments,
    header_end …), preview, envelope, body, structure, offsets, header (octets), head and words (folded text, octets),
    raw (all octets of the letter) and text (those behind the header). `uids` ascend. ValueError for any other.
    """
    columns = tuple(columns)
    if not set(columns) <= set(COLUMNS):
        raise ValueError(f"no column is among {columns}")
    whole = [at for at, name in enumerate(columns, 1) if name in ("raw", "text")]
    packed = [at for at, name in enumerate(columns, 1) if name in _UNPACK]
    size = chunk or (LARGE if whole else CHUNK)
    for start in range(0, len(uids), size):
        part = uids[start : start + size]
        rows = _rows(reader, box, part, columns)
        if whole or packed:
            rows = [_completed(reader, row, columns, whole, packed) for row in rows]
        yield rows


def raw(reader: Reader, content: int) -> bytes:
    """All octets of a letter, by its content's id. StoreTrouble when it is not there."""
    found = reader.rows(_ONE, (content,))
    if not found:
        raise trouble.StoreTrouble(f"content {content} is not in the store", trouble.CORRUPT)
    header, pieces, first = found[0]
    return bytes(header) + _text(reader, content, pieces, first)


def pieces(reader: Reader, content: int) -> Iterator[bytes]:
    """The same in pieces of at most packing.PIECE octets: the header, then what stands behind it."""
    found = reader.rows(_ONE, (content,))
    if not found:
        raise trouble.StoreTrouble(f"content {content} is not in the store", trouble.CORRUPT)
    header, count, first = found[0]
    yield bytes(header)
    if first:
        yield unpacked(first)
    for number in range(count):
        at = content << NUMBERS | number
        rows = reader.rows(_PIECES, (at, at + 1))
        if not rows:
            raise trouble.StoreTrouble(f"content {content} has no piece {number}", trouble.CORRUPT)
        yield unpacked(rows[0][0])


def span(reader: Reader, content: int, first: int, end: int) -> Iterator[bytes]:
    """The octets [first, end) of a letter, a piece at a time; only the pieces they lie in are read and unpacked."""
    found = reader.rows(_ONE, (content,))
    if not found:
        raise trouble.StoreTrouble(f"content {content} is not in the store", trouble.CORRUPT)
    header, count, body = found[0]
    if first < len(header):
        yield bytes(header[first:end])
    first, end = max(0, first - len(header)), end - len(header)
    for number in range(first // PIECE, min(count + 1, -(-end // PIECE)) if end > first else 0):
        if number:
            at = content << NUMBERS | number - 1
            rows = reader.rows(_PIECES, (at, at + 1))
            if not rows:
                raise trouble.StoreTrouble(f"content {content} has no piece {number - 1}", trouble.CORRUPT)
            body = rows[0][0]
        start = number * PIECE
        yield unpacked(body)[max(0, first - start) : end - start]


def _rows(reader: Reader, box: int, uids: Sequence[int], columns: tuple[str, ...]) -> list[Row]:
    first, last = uids[0], uids[-1]
    if last - first + 1 == len(uids):
        return reader.rows(_statement(columns, 0), (box, first, last))
    return reader.rows(_statement(columns, len(uids)), (box, *uids))


@lru_cache(512)
def _statement(columns: tuple[str, ...], count: int) -> str:
    """For `count` UIDs, 0: for all from one to another. A whole letter is read as content, header, pieces, body."""
    wanted = ["m.uid", *(_SOURCES.get(name, "m.content") for name in columns)]
    if not set(columns).isdisjoint(("raw", "text")):
        wanted += ["h.data", "b.pieces", "b.data"]
    used = {source.partition(".")[0] for source in wanted}
    joins = " ".join(join for name, join in _JOINS.items() if name in used)
    where = f"m.uid IN ({', '.join('?' * count)})" if count else "m.uid BETWEEN ? AND ?"
    return f"SELECT {', '.join(wanted)} FROM message AS m {joins} WHERE m.box = ? AND {where} ORDER BY m.uid"  # noqa: S608  # ours


def _completed(reader: Reader, row: Row, columns: tuple[str, ...], whole: list[int], packed: list[int]) -> Row:
    values = list(row[: len(columns) + 1])
    if whole:
        header, count, first = row[-3:]
        text = _text(reader, values[whole[0]], count, first)
        for at in whole:
            values[at] = bytes(header) + text if columns[at - 1] == "raw" else text
    for at in packed:
        values[at] = unpacked(values[at])
    return tuple(values)


def _text(reader: Reader, content: int, count: int, first: bytes) -> bytes:
    if not count:
        return unpacked(first)
    at = content << NUMBERS
    rows = reader.rows(_PIECES, (at, at + count))
    if len(rows) != count:
        raise trouble.StoreTrouble(f"content {content} has {len(rows)} pieces instead of {count}", trouble.CORRUPT)
    return b"".join([unpacked(first), *(unpacked(data) for (data,) in rows)])
