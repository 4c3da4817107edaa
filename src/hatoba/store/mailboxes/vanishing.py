"""Vanishing: messages taken out of a box, remembered by UID and MODSEQ, and what changed in a box since a MODSEQ.

Called by copies, trash and the room above.
Never touches what a message's content is; whoever takes a message out says where it went.
Fails with NoBox, with StoreTrouble.  # RFC 7162 §3.2
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from hatoba.model import numbers
from hatoba.store.mailboxes import boxes, messages, tables
from hatoba.store.mailboxes.boxes import Box
from hatoba.store.mailboxes.flags import DELETED, SEEN
from hatoba.store.mailboxes.spans import spans
from hatoba.store.sql import Reader, Tx, added

_VANISHED = added(tables.vanished)
_LEFT = (
    "UPDATE box SET modseq = ?, letters = letters - ?, unseen = unseen - ?, deleted = deleted - ?, bytes = bytes - ?"
    " WHERE id = ?"
)
_CHANGED = "SELECT uid, flags, modseq FROM message WHERE box = ? AND modseq > ? ORDER BY uid"
_SINCE = "SELECT first, last FROM vanished WHERE box = ? AND modseq > ?"
_UIDS = "SELECT uid FROM message WHERE box = ? ORDER BY uid"
_OLD = "SELECT modseq, first FROM vanished WHERE box = ? ORDER BY modseq DESC, first DESC LIMIT 1 OFFSET "
_CROWDED = "SELECT box FROM vanished GROUP BY box HAVING count(*) > ?"
_FORGET = "DELETE FROM vanished WHERE box = ? AND modseq <= ?"
_LOST = "UPDATE box SET lost = ? WHERE id = ? AND lost < ?"


class Changes(msgspec.Struct, frozen=True):
    """What happened to a box since a MODSEQ: messages as (uid, flags' bits, modseq), new ones among them; and spans of
    UIDs that are gone (UIDs that the asker never knew may be among them)."""

    box: Box
    changed: list[tuple[int, int, int]]
    vanished: list[tuple[int, int]]


def since(reader: Reader, box: int, modseq: int) -> Changes:
    """What changed behind `modseq`. NoBox."""
    found = boxes.get(reader, box)
    if found.modseq <= modseq:
        return Changes(found, [], [])
    changed = [(uid, flags, at) for uid, flags, at in reader.rows(_CHANGED, (box, modseq))]
    if modseq >= found.lost:
        return Changes(found, changed, numbers.merged(reader.rows(_SINCE, (box, modseq))))
    return Changes(found, changed, list(_missing((uid for (uid,) in reader.rows(_UIDS, (box,))), found.uidnext)))


def remove(tx: Tx, box: Box, gone: Sequence[tuple[int, int, int]]) -> int:
    """Takes messages, (uid, flags, size), out of a box; its MODSEQ then."""
    if not gone:
        return box.modseq
    modseq = box.modseq + 1
    for where, parameters in spans(uid for uid, _, _ in gone):
        tx.run(f"DELETE FROM message WHERE box = ? AND {where}", (box.id, *parameters))  # noqa: S608  # ours
    ranges = numbers.merged((uid, uid) for uid, _, _ in gone)
    messages.write(tx, _VANISHED, [(box.id, modseq, first, last) for first, last in ranges])
    unseen, deleted = sum(not flags & SEEN for _, flags, _ in gone), sum(bool(flags & DELETED) for _, flags, _ in gone)
    tx.run(_LEFT, (modseq, len(gone), unseen, deleted, sum(size for _, _, size in gone), box.id))
    return modseq


def crowded(reader: Reader, most: int) -> list[int]:
    """Boxes that remember more than `most` spans."""
    return [box for (box,) in reader.rows(_CROWDED, (most,))]


def forget(tx: Tx, most: int) -> int:
    """Boxes that remember more than `most` spans forget the oldest; how many boxes that were. For who synchronised
    longer ago, `since` says which UIDs are not there, instead of which are gone."""
    boxes_ = crowded(tx, most)
    for box in boxes_:
        modseq = tx.rows(f"{_OLD}{int(most) // 2}", (box,))[0][0]
        tx.run(_FORGET, (box, modseq))
        tx.run(_LOST, (modseq, box, modseq))
    return len(boxes_)


def _missing(uids: Iterable[int], end: int) -> Iterable[tuple[int, int]]:
    """The spans below `end` in which there is none of them."""
    expected = 1
    for uid in uids:
        if uid > expected:
            yield expected, uid - 1
        expected = uid + 1
    if end > expected:
        yield expected, end - 1
