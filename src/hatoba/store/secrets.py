"""Secrets that all processes of all nodes share: what addresses of ours are signed with.

Called by the directory room: reads from Register.reader, writes inside Register.write.
Never makes one: chance belongs to the caller.
Fails with StoreTrouble.
"""

from __future__ import annotations

from msgspec.structs import astuple
from sqlalchemy import and_, bindparam, select

from hatoba.store import sql
from hatoba.store.rows import SecretRow
from hatoba.store.sql import Reader, Tx
from hatoba.store.tables import secret as _secret

_OF = sql.text(select(*_secret.c).where(_secret.c.name == bindparam("name")).order_by(_secret.c.created.desc()))
_PUT = sql.put(_secret)


def of(reader: Reader, name: str) -> list[SecretRow]:
    """Those of that name, the newest first."""
    return [SecretRow(found, created, bytes(data)) for found, created, data in reader.rows(_OF, (name,))]


def put(tx: Tx, row: SecretRow) -> None:
    """Adds one."""
    tx.run(_PUT, astuple(row))


def remove(tx: Tx, name: str, before: int) -> int:
    """Forgets those made before `before` (ms); how many."""
    return tx.run(_secret.delete().where(and_(_secret.c.name == name, _secret.c.created < before)))
