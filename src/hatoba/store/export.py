"""Export: everything a node's databases hold, large bodies included, as the lines of `transfer`.

Called by the command line and by backup of a server; reads beside workers that go on.
Never mixes two states of a shard: each is read inside one snapshot, with the bodies that its rows name.
Fails with StoreTrouble; WrongVersion when a database is not at this program's revision.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterator, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Table

from hatoba.store import keeping, spool, sql, transfer
from hatoba.store.base import Base
from hatoba.store.keeping import Kept
from hatoba.store.snapshot import Progress
from hatoba.store.sql import Reader
from hatoba.store.transfer import Lines

_PAGE = 1000  # rows read at once
_MARK = "commit"  # a server's own mark of its last commit, among the cursors: no reader of the journal
_OCTETS = 4 * 1024 * 1024  # of bodies read at once
# ruff: noqa: S608  # names of our own tables
_SIZES = "SELECT id, size, body IS NULL FROM letter WHERE id > ? ORDER BY id LIMIT ?"


class Written:
    """What an export holds: rows by table, and the bodies that rows name and nobody could find."""

    def __init__(self, counts: dict[str, int], missing: list[str]) -> None:
        self.counts = counts
        self.missing = missing


def write(home: Base, out: Callable[[bytes], object], version: str, progress: Progress) -> Written:
    """Gives the export line by line to `out`; `version` is the program's."""
    lines = Lines(out)
    numbers = home.numbers()
    lines.start(transfer.header(version, time.time_ns() // 1_000_000, numbers))
    missing: list[str] = []
    for number in numbers:
        with keeping.bodies(home.data, number, home.large, partial(home.reader, number)) as (reader, kept):
            _shard(lines, number, reader, kept)
            missing += [f"shard {number:04d}: {name}" for name in kept.missing]
        progress(f"shard {number:04d}: {lines.counts['letter']} letters, {lines.counts['event']} events so far")
    register = home.register()  # last: an account made meanwhile is there for the letters it has
    try:
        with register.reader.snapshot():
            for name in transfer.DIRECTORY:
                _table(lines, name, register.reader)
    finally:
        register.close()
    lines.end()
    return Written(lines.counts, missing)


def _shard(lines: Lines, number: int, reader: Reader, kept: Kept) -> None:
    """`seq` below is the highest that was ever given, as far as anybody remembers: none may come again."""
    cursors = reader.rows("SELECT coalesce(max(seq), 0) FROM cursor WHERE name <> ?", (_MARK,))[0][0]
    lines.put("shard", number, max(reader.last_seq(), int(cursors)))
    without: dict[str, Container[object]] = {"cursor": {_MARK}}  # first columns of rows that stay behind
    for name in transfer.SHARD:
        if name == "letter":
            without["recipient"] = _letters(lines, reader, kept)
        else:
            _table(lines, name, reader, without.get(name, ()))


def _table(lines: Lines, name: str, reader: Reader, without: Container[object] = ()) -> None:
    for page in pages(transfer.ALL[name], reader):
        for row in page:
            if row[0] not in without:
                lines.row(name, row)


def pages(table: Table, reader: Reader, size: int = _PAGE) -> Iterator[list[tuple[Any, ...]]]:
    """All rows of a table, by its key, `size` at a time; each page costs the same."""
    keys = [column.name for column in table.primary_key]
    names = transfer.columns(table)
    at = [names.index(key) for key in keys]
    order = ", ".join(keys)
    select = f"SELECT {', '.join(names)} FROM {table.name}"
    first = f"{select} ORDER BY {order} LIMIT ?"
    rest = f"{select} WHERE ({order}) > ({sql.groups(len(keys), 0)}) ORDER BY {order} LIMIT ?"
    page = reader.rows(first, (size,))
    while page:
        yield page
        if len(page) < size:
            return
        page = reader.rows(rest, (*(page[-1][index] for index in at), size))


_SIZE, _META, _BLOB = (transfer.columns(transfer.SHARD["letter"]).index(name) for name in ("size", "meta", "blob"))
_GROUP = sql.Multi(
    f"SELECT {', '.join(transfer.columns(transfer.SHARD['letter']))} FROM letter WHERE id {{among}}", "i"
)


def _letters(lines: Lines, reader: Reader, kept: Kept) -> set[int]:
    """Writes them; the ids of those that ended while we read, their bodies with them."""
    ended: set[int] = set()
    for group in groups(reader):
        for text, part in reader.parts(_GROUP, group):
            for row in sorted(reader.rows(text, part)):
                try:
                    _letter(lines, row, kept)
                except keeping.Ended:
                    ended.add(row[0])
    return ended


def groups(reader: Reader, octets: int = _OCTETS) -> Iterator[list[int]]:
    """The ids of all letters, in groups whose bodies have about so many octets together."""
    group: list[int] = []
    room, after = octets, -1
    while found := reader.rows(_SIZES, (after, _PAGE)):
        for number, size, elsewhere in found:
            after = number
            if group and size > room and not elsewhere:
                yield group
                group, room = [], octets
            group.append(number)
            room -= 0 if elsewhere else size
    if group:
        yield group


def _letter(lines: Lines, row: Sequence[Any], kept: Kept) -> None:
    *head, body = row
    number, blob = head[0], head[_BLOB]
    if blob:
        pieces = kept.pieces(number, blob, spool.apart(head[_SIZE], head[_META]))
        lines.row("letter", (*head, None))
        if pieces is None:
            lines.put("missing", number)
        for piece in pieces or ():
            lines.put("body", number, piece)
    elif isinstance(body, bytes) and len(body) > transfer.INLINE:
        lines.row("letter", (*head, None))
        for start in range(0, len(body), transfer.PIECE):
            lines.put("body", number, body[start : start + transfer.PIECE])
    else:
        lines.row("letter", (*head, body))
