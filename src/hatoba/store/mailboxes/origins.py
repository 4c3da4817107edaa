"""Origins: where letters came from that nobody delivered: mailboxes of another server, and how far each is pulled.

Called by app.migrating inside the transaction that puts the letters in, and with a reader before it asks for any; by
leaving.
Never goes back: a lower UID than was reached changes nothing; and what was put in is remembered as long as the account.
Fails with StoreTrouble.
"""

from __future__ import annotations

from hatoba.store.mailboxes import tables
from hatoba.store.sql import Reader, Tx, text

_REACHED = "SELECT seq FROM cursor WHERE name = ?"
_FIRST = text(tables.cursor.insert()) + " ON CONFLICT DO NOTHING"
_REACH = "UPDATE cursor SET seq = ? WHERE name = ? AND seq < ?"
_FORGET = (
    "DELETE FROM cursor WHERE name >= ? AND name < ?",
    "DELETE FROM delivery WHERE letter >= ? AND place >= ? AND place < ?",
)
# Of the letter in a delivery by `key`: ids of the spool, which upkeep forgets by their time, stay below it until 2054.
ABOVE = 1 << 62


def key(account: int, place: str, number: int) -> tuple[int, str]:
    """What messages.New calls its delivery, for a letter by its number (below 2**62) in a place, for an account."""
    return ABOVE | number, f"{account} {place}"


def reached(reader: Reader, account: int, place: str) -> int:
    """The highest UID of a place that the account's boxes have, 0 when nothing was pulled from there."""
    found = reader.rows(_REACHED, (_name(account, place),))
    return int(found[0][0]) if found else 0


def reach(tx: Tx, account: int, place: str, uid: int) -> None:
    """Everything of the place up to this UID has been dealt with."""
    name = _name(account, place)
    tx.run(_FIRST, (name, 0))
    tx.run(_REACH, (uid, name, uid))


def forget(tx: Tx, account: int) -> None:
    """The account goes: nothing of where its letters came from is left."""
    cursors, deliveries = _FORGET
    tx.run(cursors, (_name(account, ""), _name(account, "")[:-1] + "!"))  # "!" follows the space
    tx.run(deliveries, (ABOVE, f"{account} ", f"{account}!"))


def _name(account: int, place: str) -> str:
    return f"origin {account} {place}"
