"""Notes: METADATA: what clients remember about a mailbox or the account, by entry.

Called by the room above; entries are lower case and begin with "/private/" or "/shared/".
Never interprets a value.
Fails with StoreTrouble.  # RFC 5464
"""

from __future__ import annotations

from hatoba.store.sql import Reader, Tx

SERVER = 0  # instead of a box: the account itself
_ALL = "SELECT entry, value FROM note WHERE account = ? AND box = ? AND who IN ('', ?) ORDER BY entry"
_PUT = (
    "INSERT INTO note (account, box, entry, who, value) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (account, box, entry, who) DO UPDATE SET value = excluded.value"
)
_DELETE = "DELETE FROM note WHERE account = ? AND box = ? AND entry = ? AND who = ?"


def all_of(reader: Reader, account: int, box: int, who: str) -> dict[str, bytes]:
    """Every entry of a box (SERVER: of the account) that `who` may see: the shared ones and their own."""
    return {entry: bytes(value) for entry, value in reader.rows(_ALL, (account, box, who))}


def put(tx: Tx, account: int, box: int, who: str, entry: str, value: bytes | None) -> None:
    """Sets an entry, None removes it; a private one is `who`'s alone."""
    owner = who if entry.startswith("/private") else ""
    if value is None:
        tx.run(_DELETE, (account, box, entry, owner))
    else:
        tx.run(_PUT, (account, box, entry, owner, value))
