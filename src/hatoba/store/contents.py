"""Kept contents: what the audit keeps of letters, in a table of its own that empties from its old end.

Written by writer with the letter's own commit (`row`), read by `hatoba audit content`, emptied by journal's purge.
Never knows a key: what is encrypted is octets here.
Fails with StoreTrouble.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from sqlalchemy import bindparam, select

from hatoba.model.envelope import Letter
from hatoba.store import sql
from hatoba.store.blobs import Draft
from hatoba.store.sql import Multi, Reader, Tx
from hatoba.store.tables import content as _content

KEPT = sql.added(_content, after=" ON CONFLICT DO NOTHING")
LETTERS_CONTENTS_GONE = Multi("DELETE FROM content WHERE letter {among}", "i")
_ONE = sql.text(select(*_content.c).where(_content.c.letter == bindparam("letter")))
# The index has both columns: nobody reads a content to learn how long it is.
TOTAL = "SELECT coalesce(sum(octets), 0) FROM content WHERE letter > ?"
OLDEST = "SELECT letter, octets FROM content ORDER BY letter LIMIT ?"
_AT = "SELECT at FROM content WHERE letter = ?"
_UP_TO = "DELETE FROM content WHERE letter <= ?"

Row = tuple[int, int, str, int, int, bytes]
NONE, HEADERS, WHOLE = "none", "headers", "whole"


class Keep(msgspec.Struct, frozen=True):
    """What is to be kept of a letter: `most` octets of it, or its header alone, as `pack` (letter's id, octets) makes
    them. Packed on the writer's thread."""

    kind: str
    most: int
    pack: Callable[[int, bytes], bytes]


class Kept(msgspec.Struct, frozen=True, gc=False):
    """A row: `size` octets had the letter, `data` is what was kept, packed."""

    letter: int
    at: int
    kind: str
    size: int
    octets: int
    data: bytes


def row(keep: Keep, letter: Letter, content: bytes | None, draft: Draft | None) -> Row:
    """The columns for a letter whose octets are `content`, or in `draft`'s file (behind letter.top). StoreTrouble."""
    octets = content if content is not None else next(draft.pieces(keep.most), b"") if draft is not None else b""
    if content is None and letter.top:
        octets = letter.top + octets
    if keep.kind == HEADERS:
        end = octets.find(b"\r\n\r\n", 0, keep.most)
        octets = octets[: end + 2] if end >= 0 else octets
    data = keep.pack(letter.id, octets[: keep.most])
    return letter.id, letter.accepted, keep.kind, letter.size, len(data), data


def find(reader: Reader, letter: int) -> Kept | None:
    """What was kept of a letter, None when nothing was, or not any more."""
    found = reader.rows(_ONE, (letter,))
    return Kept(*found[0]) if found else None


def total(reader: Reader, above: int = 0) -> int:
    """Octets kept in the shard, of letters whose id is above `above`. Walks an index: for who asks now and then."""
    return int(reader.rows(TOTAL, (above,))[0][0])


def discard(tx: Tx, before: int, excess: int, limit: int) -> bool:
    """Removes up to `limit` of the oldest: those older than `before` (ms; 0: none is) and as many more as make `excess`
    octets together. True when there are no more such."""
    oldest = tx.rows(OLDEST, (limit,))
    last = 0
    for letter, octets in oldest:
        if excess <= 0 and not (before and tx.rows(_AT, (letter,))[0][0] < before):
            break
        last, excess = letter, excess - octets
    if last:
        tx.run(_UP_TO, (last,))
    return not oldest or last != oldest[-1][0]
