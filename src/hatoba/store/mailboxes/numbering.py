"""Numbering: ids of accounts, boxes and contents, and UIDVALIDITYs: none of them is ever given twice.

Called by accounts, boxes and messages inside a transaction.
Never reuses what a transaction that was rolled back took: nobody saw it.
Fails with StoreTrouble.
"""

from __future__ import annotations

from hatoba.store.sql import Tx

_IDS = "UPDATE cursor SET seq = seq + ? WHERE name = 'id' RETURNING seq"
_VALIDITY = "UPDATE account SET validity = CASE WHEN validity < ? THEN ? ELSE validity + 1 END WHERE id = ?"
_VALID = "SELECT validity FROM account WHERE id = ?"


def identify(tx: Tx, count: int = 1) -> int:
    """The first of `count` new ids: they grow in the order of commits."""
    return int(tx.rows(_IDS, (count,))[0][0]) - count + 1


def validity(tx: Tx, account: int, now: int) -> int:
    """A UIDVALIDITY that no box of the account had before.  # RFC 9051 §2.3.1.1"""
    seconds = now // 1000
    tx.run(_VALIDITY, (seconds, seconds, account))
    return int(tx.rows(_VALID, (account,))[0][0])
