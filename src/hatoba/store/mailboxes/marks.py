r"""Marks: flags and keywords of messages set, taken away, replaced.

Called by the room above inside a transaction.
Never changes the MODSEQ of a message whose flags stay as they are.  # RFC 7162 §3.1
Fails with NoBox and TooManyKeywords, with StoreTrouble.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hatoba.store.mailboxes import boxes, messages
from hatoba.store.mailboxes.flags import DELETED, SEEN
from hatoba.store.mailboxes.spans import spans
from hatoba.store.sql import Tx

ADD, TAKE, REPLACE = "+", "-", "="
# constants in constants
_LOOK = "SELECT uid, flags, modseq FROM message WHERE box = ? AND "
_CHANGES = {
    ADD: "UPDATE message SET flags = flags | ?, modseq = ? WHERE box = ? AND flags | ? <> flags AND ",
    TAKE: "UPDATE message SET flags = flags & ~?, modseq = ? WHERE box = ? AND flags & ? <> 0 AND ",
    REPLACE: "UPDATE message SET flags = ?, modseq = ? WHERE box = ? AND flags <> ? AND ",
}
_BOX = "UPDATE box SET modseq = ?, unseen = unseen + ?, deleted = deleted + ?, keywords = ? WHERE id = ?"


class Marked(msgspec.Struct, frozen=True, gc=False):
    """What a change came to. `modseq`: the box's, and that of every message in `changed`: (uid, its bits now). `same`:
    UIDs whose flags were like that already; `modified`: UIDs left alone because of UNCHANGEDSINCE."""

    modseq: int
    changed: list[tuple[int, int]]
    same: list[int]
    modified: list[int]


def change(
    tx: Tx, box: int, uids: Sequence[int], how: str, flags: Sequence[str], unchanged_since: int | None = None
) -> Marked:
    """ADDs, TAKEs or REPLACEs flags of these messages; UIDs that are not there are passed over."""
    into = boxes.get(tx, box)
    if how == TAKE:
        names, bits = into.names, into.names.bits(flags)
    else:
        names, (bits,) = messages.learned(tx, into, [flags])
    modseq = into.modseq + 1
    most = (1 << 63) - 1 if unchanged_since is None else unchanged_since
    changed: list[tuple[int, int]] = []
    same: list[int] = []
    modified: list[int] = []
    unseen = deleted = 0
    for where, parameters in spans(uids):
        touched = False
        for uid, old, at in tx.rows(_LOOK + where, (box, *parameters)):
            new = old | bits if how == ADD else old & ~bits if how == TAKE else bits
            if at > most:
                modified.append(uid)
            elif new == old:
                same.append(uid)
            else:
                touched = True
                changed.append((uid, new))
                unseen += (old & SEEN) - (new & SEEN)
                deleted += (new & DELETED) - (old & DELETED)
        if touched:
            statement = f"{_CHANGES[how]}modseq <= ? AND {where}"
            tx.run(statement, (bits, modseq, box, bits, most, *parameters))
    if not changed and names is into.names:
        return Marked(into.modseq, [], sorted(same), sorted(modified))
    modseq = modseq if changed else into.modseq
    tx.run(_BOX, (modseq, unseen // SEEN, deleted // DELETED, " ".join(names.keywords), box))
    return Marked(modseq, sorted(changed), sorted(same), sorted(modified))
