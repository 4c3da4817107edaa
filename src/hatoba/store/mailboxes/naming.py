"""Naming: boxes get other names, with all that stand below them, or are deleted.

Called by the room above inside a transaction.
Never changes a UIDVALIDITY by a rename: a box keeps its id, its MAILBOXID and its messages.  # RFC 8474 §4.1
Fails with NoBox and BoxExists, with StoreTrouble.
"""

from __future__ import annotations

from hatoba.store.mailboxes import boxes, copies, trash
from hatoba.store.mailboxes.boxes import INBOX, Box
from hatoba.store.mailboxes.refusals import BoxExists, NoBox
from hatoba.store.sql import Tx

_NAME = "UPDATE box SET name = ? WHERE id = ?"
_DELETE = (
    "DELETE FROM vanished WHERE box = ?",
    "DELETE FROM note WHERE box = ?",
    'DELETE FROM "right" WHERE box = ?',
    "DELETE FROM box WHERE id = ?",
)


def rename(tx: Tx, account: int, old: str, new: str, now: int) -> list[tuple[str, str]]:
    """A box and the boxes below it get other names: (old, new) of each. INBOX stays, and what it holds moves.

    `old` may have no box of its own if there are boxes below it. NoBox, BoxExists.  # RFC 9051 §6.3.6
    """
    if old == INBOX:
        return [_inbox(tx, account, new, now)]
    known = {box.name: box for box in boxes.all_of(tx, account)}
    moved = [(name, new + name[len(old) :]) for name in known if name == old or name.startswith(old + "/")]
    if not moved:
        raise NoBox(old)
    leaving = {name for name, _ in moved}
    for name in [new, *(target for _, target in moved)]:
        if name in known and name not in leaving:
            raise BoxExists(name)
    # A box may take a name that another of them has until now: first all of them get names that no box can have.
    for name, _ in moved:
        tx.run(_NAME, (f"/{known[name].id}", known[name].id))
    for name, target in moved:
        tx.run(_NAME, (target, known[name].id))
    return moved


def delete(tx: Tx, box: int, now: int, *, recover: bool = True) -> Box:
    """Deletes a box; its messages can be had back for a while unless `recover` is False. Boxes below it stay."""
    found = boxes.get(tx, box)
    trash.empty(tx, found, now, recover=recover)
    for statement in _DELETE:
        tx.run(statement, (box,))
    return found


def _inbox(tx: Tx, account: int, new: str, now: int) -> tuple[str, str]:
    inbox = boxes.find(tx, account, INBOX)
    if inbox is None:
        raise NoBox(INBOX)
    made = boxes.create(tx, account, new, now)
    uids = [uid for (uid,) in tx.rows("SELECT uid FROM message WHERE box = ? ORDER BY uid", (inbox.id,))]
    copies.move(tx, inbox.id, uids, made.id, now)
    return INBOX, new
