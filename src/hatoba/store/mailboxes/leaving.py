"""Leaving: an account goes, with all its boxes; what it held can be had back for a while, then nothing is left.

Called by the room above when the directory has no such account any more.
Never touches another account's boxes, but for its name on their lists of rights.
Fails with StoreTrouble.
"""

from __future__ import annotations

from hatoba.store.mailboxes import boxes, naming, origins
from hatoba.store.sql import Tx

# Of the account's own; the rows of its trash and of the index go by upkeep, in steps.
_OWN = (
    "DELETE FROM subscription WHERE account = ?",
    "DELETE FROM script WHERE account = ?",
    "DELETE FROM note WHERE account = ?",
    "DELETE FROM reply WHERE account = ?",
    "DELETE FROM thread WHERE account = ?",
    "DELETE FROM pending WHERE account = ?",
    "UPDATE segment SET state = 0 WHERE account = ?",
)
_NAME = "UPDATE account SET key = ? WHERE id = ?"


def leave(tx: Tx, account: int, now: int, *, recover: bool = True) -> int:
    """Deletes all that an account has; how many boxes. The same key then makes another account."""
    gone = boxes.all_of(tx, account)
    for box in gone:
        naming.delete(tx, box.id, now, recover=recover)
    for statement in _OWN:
        tx.run(statement, (account,))
    origins.forget(tx, account)
    tx.run(_NAME, (f"({account})", account))
    return len(gone)


def unlist(tx: Tx, who: str) -> int:
    """Takes an identifier off every list of rights in this shard; from how many."""
    return tx.run('DELETE FROM "right" WHERE who = ?', (who,))
