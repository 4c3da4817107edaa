"""The rows of DKIM keys in the directory's database.

Called by the directory room, in its transactions and from its reader.
Never opens a private key: `data` is a JSON object whose keys belong to directory.dkim, the private key in it sealed.
Fails with StoreTrouble.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import astuple
from sqlalchemy import and_, select

from hatoba.store import sql
from hatoba.store.sql import Reader, Tx
from hatoba.store.tables import dkim_key as _key


class DkimKeyRow(msgspec.Struct, frozen=True, gc=False):
    """A key of a domain (lower case A-labels) under its selector. Times in ms; `retires` 0: nobody knows yet."""

    domain: str
    selector: str
    created: int
    retires: int
    data: bytes


_ALL = sql.text(select(*_key.c).order_by(_key.c.domain, _key.c.created, _key.c.selector))
_PUT = sql.put(_key)


def keys(reader: Reader) -> list[DkimKeyRow]:
    """All keys, by domain, the oldest first."""
    return [DkimKeyRow(*row) for row in reader.rows(_ALL)]


def of_domain(reader: Reader, domain: str) -> list[DkimKeyRow]:
    """The keys of a domain, the oldest first."""
    chosen = select(*_key.c).where(_key.c.domain == domain).order_by(_key.c.created, _key.c.selector)
    return [DkimKeyRow(*row) for row in reader.rows(*sql.bound(chosen))]


def put(tx: Tx, row: DkimKeyRow) -> None:
    """Adds the key or overwrites it."""
    tx.run(_PUT, astuple(row))


def remove(tx: Tx, domain: str, selector: str) -> bool:
    """True if there was one."""
    return tx.run(_key.delete().where(and_(_key.c.domain == domain, _key.c.selector == selector))) > 0
