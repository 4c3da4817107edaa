"""Copies: messages of one box into another of the same shard, as copies or moved there.

Called by the room above inside a transaction; between shards it fetches and appends instead.
Never copies a content: messages share it. What is moved keeps its EMAILID and THREADID.  # RFC 8474 §5
Fails with NoBox, OverQuota and TooManyKeywords, with StoreTrouble; then nothing was copied.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from hatoba.store.mailboxes import accounts, boxes, messages, packing, tables, vanishing
from hatoba.store.mailboxes.accounts import Quota
from hatoba.store.mailboxes.boxes import Box
from hatoba.store.mailboxes.spans import spans
from hatoba.store.sql import Tx

_COLUMNS = ", ".join(column.name for column in tables.message.columns if column.name != "box")
_LOOK = f"SELECT {_COLUMNS} FROM message WHERE box = ? AND "  # noqa: S608  # constants in constants
_NAMED = "SELECT message_id, references_ FROM content WHERE id = ?"


class Copied(msgspec.Struct, frozen=True, gc=False):
    """Which message became which: `uids[i]` of the source is `new[i]` there.  # RFC 4315 §3 (COPYUID)
    `modseq` is the target's, `gone` the source's when they were moved."""

    uidvalidity: int
    uids: list[int]
    new: list[int]
    modseq: int
    gone: int = 0


class Row(msgspec.Struct, gc=False):
    """A message on its way, in the order of the table."""

    uid: int
    flags: int
    modseq: int
    content: int
    size: int
    internal: int
    zone: int
    saved: int
    thread: int


def copy(tx: Tx, box: int, uids: Sequence[int], into: int, now: int, most: Quota | None = None) -> Copied:
    """Copies messages; UIDs that are not there are passed over."""
    source, target = boxes.get(tx, box), boxes.get(tx, into)
    rows = _rows(tx, box, uids)
    messages.check(tx, target.account, most, sum(row.size for row in rows), len(rows))
    counts = Counter(row.content for row in rows)
    messages.write(tx, packing.REFS, sorted(counts.items()))
    new, modseq = place(tx, source, target, rows, now)
    accounts.grow(tx, target.account, sum(row.size for row in rows), len(rows))
    return Copied(target.uidvalidity, [row.uid for row in rows], new, modseq)


def move(tx: Tx, box: int, uids: Sequence[int], into: int, now: int, most: Quota | None = None) -> Copied:
    """Moves messages; `most` counts only when the target is another account's. Into the same box: new UIDs."""
    source, target = boxes.get(tx, box), boxes.get(tx, into)
    rows = _rows(tx, box, uids)
    octets = sum(row.size for row in rows)
    if source.account != target.account:
        messages.check(tx, target.account, most, octets, len(rows))
    gone = vanishing.remove(tx, source, [(row.uid, row.flags, row.size) for row in rows])
    if source.id == target.id:
        target = boxes.get(tx, into)
    new, modseq = place(tx, source, target, rows, now)
    if source.account != target.account:
        accounts.grow(tx, source.account, -octets, -len(rows))
        accounts.grow(tx, target.account, octets, len(rows))
    return Copied(target.uidvalidity, [row.uid for row in rows], new, modseq, gone)


def place(tx: Tx, source: Box, target: Box, rows: Sequence[Row], now: int) -> tuple[list[int], int]:
    """Messages with contents of this shard into a box: their UIDs and MODSEQ. Neither references nor quota are
    counted; their flags' bits are the source's."""
    if not rows:
        return [], target.modseq
    values = sorted({row.flags for row in rows})
    names, new = messages.learned(tx, target, [source.names(value) for value in values])
    becomes = dict(zip(values, new, strict=True))
    elsewhere = source.account != target.account
    modseq, uid = target.modseq + 1, target.uidnext
    made: list[tuple[Any, ...]] = []
    for number, row in enumerate(rows):
        thread = row.thread
        if elsewhere:
            identity, references = tx.rows(_NAMED, (row.content,))[0]
            thread = messages.join(tx, target.account, row.content, identity, references.split("\n"))
        what, bits = (row.content, row.size, row.internal, row.zone), becomes[row.flags]
        made.append((target.id, uid + number, bits, modseq, *what, now, thread))
    messages.arrive(tx, target, names, made, modseq, pending=elsewhere)
    return list(range(uid, uid + len(rows))), modseq


def _rows(tx: Tx, box: int, uids: Sequence[int]) -> list[Row]:
    found = [Row(*row) for where, parameters in spans(uids) for row in tx.rows(_LOOK + where, (box, *parameters))]
    return sorted(found, key=lambda row: row.uid)
