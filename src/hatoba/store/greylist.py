"""The rows of greylisting in the directory database: who tried when, and who came back.

Called by the greylist service, in a thread, through a Register: reads at any time, writes with `note`.
Never decides; never reads a clock.
Fails with StoreTrouble.
"""

from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import astuple
from sqlalchemy import bindparam, delete, select

from hatoba.store import sql
from hatoba.store.sql import Reader, Tx
from hatoba.store.tables import greylist as _greylist


class GreyRow(msgspec.Struct, frozen=True, gc=False):
    """One key: a triple of network, sender, recipient, or a network. Times are ms since 1970.

    `passed`: letters that were let through since; 0 while it waits.
    """

    key: str
    first: int
    last: int
    passed: int


_ONE = sql.text(select(*_greylist.c).where(_greylist.c.key == bindparam("key")))
_PUT = sql.put(_greylist)
_AGED = 500  # rows of one purge: it holds the writers' lock for moments only


def get(reader: Reader, keys: Sequence[str]) -> dict[str, GreyRow]:
    """Those of the keys that are there."""
    found = (reader.rows(_ONE, (key,)) for key in keys)  # few, and each is one probe of the primary key
    return {rows[0][0]: GreyRow(*rows[0]) for rows in found if rows}


def put(tx: Tx, rows: Iterable[GreyRow]) -> None:
    """Adds the rows or overwrites them."""
    for row in rows:
        tx.run(_PUT, astuple(row))


def purge(tx: Tx, waiting: int, passed: int) -> int:
    """Removes some rows that wait since before `waiting` or passed last before `passed` (ms); how many."""
    columns = _greylist.c
    aged = columns.last < waiting
    keys = [
        row[0]
        for row in tx.rows(
            select(columns.key).where(aged & ((columns.passed == 0) | (columns.last < passed))).limit(_AGED)
        )
    ]
    if not keys:
        return 0
    return tx.run(delete(_greylist).where(columns.key.in_(keys)))
