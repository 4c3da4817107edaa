"""Origins: how far a mailbox of another server has been pulled, so that a later run goes on there.

Called by app.migrating inside the transaction that puts the letters in, and with a reader before it asks for any.
Never goes back: a lower UID than was reached changes nothing.
Fails with StoreTrouble.
"""

from __future__ import annotations

from hatoba.store.mailboxes import tables
from hatoba.store.sql import Reader, Tx, text

_REACHED = "SELECT seq FROM cursor WHERE name = ?"
_FIRST = text(tables.cursor.insert()) + " ON CONFLICT DO NOTHING"
_REACH = "UPDATE cursor SET seq = ? WHERE name = ? AND seq < ?"


def reached(reader: Reader, account: int, place: str) -> int:
    """The highest UID of a place that the account's boxes have, 0 when nothing was pulled from there."""
    found = reader.rows(_REACHED, (_name(account, place),))
    return int(found[0][0]) if found else 0


def reach(tx: Tx, account: int, place: str, uid: int) -> None:
    """Everything of the place up to this UID has been dealt with."""
    name = _name(account, place)
    tx.run(_FIRST, (name, 0))
    tx.run(_REACH, (uid, name, uid))


def _name(account: int, place: str) -> str:
    return f"origin {account} {place}"
