"""Accounts: whose boxes a shard has, and how much they hold.

Called by the room above inside a transaction or with a reader.
Never knows an address or a password: an account is its directory key.
Fails with StoreTrouble.
"""

from __future__ import annotations

import msgspec

from hatoba.store.mailboxes import boxes, numbering, tables
from hatoba.store.sql import Reader, Tx, text

_FIND = "SELECT id FROM account WHERE key = ?"
_ADD = text(tables.account.insert())
_USAGE = "SELECT bytes, letters FROM account WHERE id = ?"
_LADEN = "SELECT key, bytes, letters FROM account WHERE (? > 0 AND bytes >= ?) OR (? > 0 AND letters >= ?)"
_GREW = "UPDATE account SET bytes = bytes + ?, letters = letters + ? WHERE id = ?"


class Usage(msgspec.Struct, frozen=True, gc=False):
    """What an account holds: octets of its messages (each copy counts) and their number."""

    bytes: int
    letters: int


class Quota(msgspec.Struct, frozen=True, gc=False):
    """The most an account may hold; 0 in either: no limit."""

    bytes: int = 0
    letters: int = 0


def find(reader: Reader, key: str) -> int | None:
    """The id of an account, None when nothing was ever delivered to it here."""
    found = reader.rows(_FIND, (key,))
    return int(found[0][0]) if found else None


def ensure(tx: Tx, key: str, now: int) -> int:
    """The id of an account, which is made with its INBOX when it is not there."""
    found = find(tx, key)
    if found is not None:
        return found
    number = numbering.identify(tx)
    tx.run(_ADD, (number, key, 0, 0, 0, now))
    boxes.create(tx, number, boxes.INBOX, now)
    boxes.subscribe(tx, number, boxes.INBOX)
    return number


def usage(reader: Reader, account: int) -> Usage:
    """What it holds now."""
    found = reader.rows(_USAGE, (account,))
    return Usage(*found[0]) if found else Usage(0, 0)


def laden(reader: Reader, octets: int, letters: int) -> dict[str, Usage]:
    """By key, those that hold at least so many octets or so many letters; 0: that does not count."""
    rows = reader.rows(_LADEN, (octets, octets, letters, letters))
    return {key: Usage(held, count) for key, held, count in rows}


def grow(tx: Tx, account: int, octets: int, letters: int) -> None:
    """The account holds so much more, or less."""
    tx.run(_GREW, (octets, letters, account))
