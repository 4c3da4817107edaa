"""Scripts: an account's Sieve scripts, at most one of which is active.

Called by the room above for ManageSieve, and by delivery for the active one.
Never reads what a script says.
Fails with NoSuch and InUse, with StoreTrouble.  # RFC 5804 §2
"""

from __future__ import annotations

import msgspec

from hatoba.store.mailboxes.refusals import BoxExists, InUse, NoSuch
from hatoba.store.sql import Reader, Tx

_ALL = "SELECT name, active, changed, length(source) FROM script WHERE account = ? ORDER BY name"
_GET = "SELECT source FROM script WHERE account = ? AND name = ?"
_ACTIVE = "SELECT name, source FROM script WHERE account = ? AND active = 1"
_PUT = (
    "INSERT INTO script (account, name, active, changed, source) VALUES (?, ?, 0, ?, ?)"
    " ON CONFLICT (account, name) DO UPDATE SET changed = excluded.changed, source = excluded.source"
)
_NONE = "UPDATE script SET active = 0 WHERE account = ? AND active = 1"
_ONE = "UPDATE script SET active = 1 WHERE account = ? AND name = ?"
_DELETE = "DELETE FROM script WHERE account = ? AND name = ? AND active = 0"
_RENAME = "UPDATE script SET name = ? WHERE account = ? AND name = ?"


class Script(msgspec.Struct, frozen=True, gc=False):
    """One of them; `changed` in ms, `size` in octets."""

    name: str
    active: bool
    changed: int
    size: int


def all_of(reader: Reader, account: int) -> list[Script]:
    """An account's scripts, by name."""
    return [Script(name, bool(active), changed, size) for name, active, changed, size in reader.rows(_ALL, (account,))]


def get(reader: Reader, account: int, name: str) -> bytes:
    """The text of a script. NoSuch."""
    found = reader.rows(_GET, (account, name))
    if not found:
        raise NoSuch(f"script {name!r}")
    return bytes(found[0][0])


def active(reader: Reader, account: int) -> tuple[str, bytes] | None:
    """Name and text of the active script."""
    found = reader.rows(_ACTIVE, (account,))
    return (found[0][0], bytes(found[0][1])) if found else None


def put(tx: Tx, account: int, name: str, source: bytes, now: int) -> None:
    """Adds a script, or changes one: if it is active it stays so."""
    tx.run(_PUT, (account, name, now, source))


def activate(tx: Tx, account: int, name: str) -> None:
    """Makes a script the active one; "" none of them. NoSuch."""
    tx.run(_NONE, (account,))
    if name and not tx.run(_ONE, (account, name)):
        raise NoSuch(f"script {name!r}")


def delete(tx: Tx, account: int, name: str) -> None:
    """Removes a script that is not active. NoSuch, InUse."""
    if not tx.run(_DELETE, (account, name)):
        get(tx, account, name)
        raise InUse(f"script {name!r} is active")


def rename(tx: Tx, account: int, old: str, new: str) -> None:
    """Gives a script another name; the active one stays active. NoSuch, BoxExists."""
    if tx.rows(_GET, (account, new)):
        raise BoxExists(f"script {new!r}")
    if not tx.run(_RENAME, (new, account, old)):
        raise NoSuch(f"script {old!r}")
