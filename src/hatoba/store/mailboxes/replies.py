"""Replies: what a script has answered or seen already, until a time: vacation's addresses, duplicate's ids.

Called by delivery inside the transaction that delivers, and by upkeep for `purge`.
Never keeps an address longer than its time.
Fails with StoreTrouble.  # RFC 5230 §4.2, RFC 7352
"""

from __future__ import annotations

from hatoba.store.sql import Reader, Tx

VACATION, DUPLICATE = "vacation", "duplicate"
_KNOWN = "SELECT 1 FROM reply WHERE account = ? AND kind = ? AND name = ? AND until > ?"
_PUT = (
    "INSERT INTO reply (account, kind, name, until) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (account, kind, name) DO UPDATE SET until = excluded.until"
)
_OLD = "SELECT account, kind, name FROM reply WHERE until <= ? ORDER BY until LIMIT ?"
_DELETE = "DELETE FROM reply WHERE account = ? AND kind = ? AND name = ?"


def known(reader: Reader, account: int, kind: str, name: str, now: int) -> bool:
    """It was noted and its time (ms) is not over."""
    return bool(reader.rows(_KNOWN, (account, kind, name, now)))


def note(tx: Tx, account: int, kind: str, name: str, until: int, now: int) -> bool:
    """Notes it until a time; False when it was known already, and then nothing is changed."""
    if known(tx, account, kind, name, now):
        return False
    tx.run(_PUT, (account, kind, name, until))
    return True


def extend(tx: Tx, account: int, kind: str, name: str, until: int) -> None:
    """Notes it until a time whether it was known or not: the ":last" of duplicate."""
    tx.run(_PUT, (account, kind, name, until))


def due(reader: Reader, now: int) -> bool:
    """There is something for `purge`."""
    return bool(reader.rows(_OLD, (now, 1)))


def purge(tx: Tx, now: int, limit: int = 500) -> int:
    """Up to `limit` of those whose time is over go; how many."""
    old = tx.rows(_OLD, (now, limit))
    for key in old:
        tx.run(_DELETE, key)
    return len(old)
