r"""Trash: messages expunged, kept out of sight until their time is over, and contents that nobody has any more.

Called by the room above inside a transaction, and by upkeep for `purge`.
Never gives a message back under its old UID.
Fails with NoBox and NoSuch, with StoreTrouble.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from hatoba.store.mailboxes import accounts, boxes, copies, messages, tables, vanishing
from hatoba.store.mailboxes.accounts import Quota
from hatoba.store.mailboxes.boxes import Box
from hatoba.store.mailboxes.copies import Row
from hatoba.store.mailboxes.flags import DELETED
from hatoba.store.mailboxes.packing import NUMBERS, REFS
from hatoba.store.mailboxes.refusals import NoSuch
from hatoba.store.mailboxes.spans import spans
from hatoba.store.sql import Multi, Reader, Tx

# ruff: noqa: S608  # constants in constants
_KEEP = (
    "INSERT INTO trash (box, uid, account, flags, content, size, internal, zone, saved, thread, gone, name, keywords)"
    " SELECT box, uid, ?, flags, content, size, internal, zone, saved, thread, ?, ?, ? FROM message"
    " WHERE box = ? AND "
)
_FLAGGED = f"SELECT uid, flags, size FROM message WHERE box = ? AND flags & {DELETED} <> 0"
_ANY = "SELECT uid, flags, size FROM message WHERE box = ?"
_COLUMNS = ", ".join(column.name for column in tables.trash.columns)
_OF = f"SELECT {_COLUMNS} FROM trash WHERE account = ? AND gone >= ? ORDER BY gone DESC, box, uid LIMIT ?"
_ONE = f"SELECT {_COLUMNS} FROM trash WHERE box = ? AND uid = ?"
_TAKE = "DELETE FROM trash WHERE box = ? AND uid = ?"
_DUE = "SELECT box, uid, content FROM trash WHERE gone < ? ORDER BY gone LIMIT ?"
_UNUSED = Multi(
    "SELECT c.id, b.pieces FROM content AS c JOIN body AS b ON b.content = c.id WHERE c.refs <= 0 AND c.id {among}", "i"
)
_GONE = [
    Multi(f"DELETE FROM {name} WHERE {column} {{among}}", "i")
    for name, column in (("content", "id"), ("form", "content"), ("header", "content"), ("body", "content"))
] + [Multi("DELETE FROM words WHERE content {among}", "i")]
_PIECES = "DELETE FROM piece WHERE id >= ? AND id < ?"


class Expunged(msgspec.Struct, frozen=True, gc=False):
    """The UIDs that are gone, and the box's MODSEQ."""

    modseq: int
    uids: list[int]


class Kept(msgspec.Struct, frozen=True, gc=False):
    """A message in the trash; `name` and `keywords` are what its box was called and knew, `gone` when (ms; 0: it is
    not to be had back)."""

    box: int
    uid: int
    account: int
    flags: int
    content: int
    size: int
    internal: int
    zone: int
    saved: int
    thread: int
    gone: int
    name: str
    keywords: str


def expunge(
    tx: Tx, box: int, now: int, uids: Sequence[int] | None = None, *, flagged: bool = True, recover: bool = True
) -> Expunged:
    r"""Takes out messages that have \Deleted, of `uids` or all; with `flagged` False whatever flags they have.
    `recover` False: they go for good with the next purge."""
    found = boxes.get(tx, box)
    statement = _FLAGGED if flagged else _ANY
    if uids is None:
        gone = tx.rows(statement, (box,))
    else:
        gone = [row for where, part in spans(uids) for row in tx.rows(f"{statement} AND {where}", (box, *part))]
    gone.sort()
    for where, part in spans(uid for uid, _, _ in gone):
        values = (found.account, now if recover else 0, found.name, found.keywords, box, *part)
        tx.run(_KEEP + where, values)
    modseq = vanishing.remove(tx, found, gone)
    if gone:
        accounts.grow(tx, found.account, -sum(size for _, _, size in gone), -len(gone))
    return Expunged(modseq, [uid for uid, _, _ in gone])


def kept(reader: Reader, account: int, since: int = 1, limit: int = 1000) -> list[Kept]:
    """What an account can have back, the latest first; `since` in ms."""
    return [Kept(*row) for row in reader.rows(_OF, (account, max(since, 1), limit))]


def recover(
    tx: Tx, account: int, which: Sequence[tuple[int, int]], into: int, now: int, most: Quota | None = None
) -> list[int]:
    r"""Messages of the trash, (box, uid), into a box of the account, without \Deleted; their new UIDs. NoSuch."""
    target = boxes.get(tx, into)
    rows: list[Kept] = []
    for key in which:
        found = [Kept(*row) for row in tx.rows(_ONE, key)]
        if not found or found[0].account != account or not found[0].gone:
            raise NoSuch(f"message {key} is not in the trash")
        rows += found
        tx.run(_TAKE, key)
    messages.check(tx, account, most, sum(row.size for row in rows), len(rows))
    new: list[int] = []
    for row in rows:
        one = Row(
            row.uid, row.flags & ~DELETED, 0, row.content, row.size, row.internal, row.zone, row.saved, row.thread
        )
        source = msgspec.structs.replace(target, id=row.box, account=row.account, keywords=row.keywords)
        new += copies.place(tx, source, boxes.get(tx, into), [one], now)[0]
    accounts.grow(tx, target.account, sum(row.size for row in rows), len(rows))
    return new


def due(reader: Reader, before: int) -> bool:
    """There is something for `purge`."""
    return bool(reader.rows(_DUE, (before, 1)))


def purge(tx: Tx, before: int, limit: int = 500) -> int:
    """Up to `limit` messages that were expunged before a time (ms) go for good, and contents with the last that had
    them; how many messages. A bounded step: call it until it is less than `limit`."""
    due = tx.rows(_DUE, (before, limit))
    for box, uid, _ in due:
        tx.run(_TAKE, (box, uid))
    drop(tx, Counter(content for _, _, content in due))
    return len(due)


def drop(tx: Tx, counts: Counter[int]) -> None:
    """So many references to contents fewer; a content without any goes."""
    messages.write(tx, REFS, [(content, -count) for content, count in sorted(counts.items())])
    unused: list[tuple[int, int]] = []
    for statement, part in tx.parts(_UNUSED, sorted(counts)):
        unused += [(number, pieces) for number, pieces in tx.rows(statement, part)]
    for shape in _GONE:
        messages.write(tx, shape, [number for number, _ in unused])
    for number, pieces in unused:
        if pieces:
            tx.run(_PIECES, (number << NUMBERS, (number << NUMBERS) + pieces))


def empty(tx: Tx, box: Box, now: int, *, recover: bool) -> None:
    """All messages of a box that is about to go."""
    expunge(tx, box.id, now, flagged=False, recover=recover)
