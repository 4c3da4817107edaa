"""Alias rows in the directory database: who stands behind an address that is no account.

Called by the directory room: reads from Register.reader, writes inside Register.write.
Never reads meaning into `data`: a JSON object whose keys belong to directory.aliases.
Fails with StoreTrouble.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import astuple
from sqlalchemy import bindparam, func, literal_column, select

from hatoba.store import sql
from hatoba.store.rows import AliasRow
from hatoba.store.sql import Reader, Tx
from hatoba.store.tables import alias as _alias

# One row holds no alias: its `created` counts the changes of this table, so that a process whose snapshot is stale for
# another reason (an account's last login) need not read a hundred thousand aliases again.
_STAMP = ""

_ALL = sql.text(select(_alias.c.key, _alias.c.data).where(_alias.c.key > literal_column("''")))
_ROWS = sql.text(select(*_alias.c).where(_alias.c.key > literal_column("''")).order_by(_alias.c.domain, _alias.c.key))
_ONE = sql.text(select(*_alias.c).where(_alias.c.key == bindparam("key")))
_COUNT = sql.text(select(func.count()).where(_alias.c.domain == bindparam("domain")).select_from(_alias))
_PUT = sql.put(_alias)
_PUTS = sql.added(
    _alias,
    after=" ON CONFLICT (key) DO UPDATE SET domain = excluded.domain, created = excluded.created, data = excluded.data",
)


def stamp(reader: Reader) -> int:
    """A number that another change of this table makes another."""
    found = reader.rows(_ONE, (_STAMP,))
    return int(found[0][2]) if found else 0


def table(reader: Reader) -> dict[str, bytes]:
    """The data of every alias by its key."""
    found: dict[str, bytes] = dict(reader.rows(_ALL))
    return found


def rows(reader: Reader) -> list[AliasRow]:
    """All aliases, by domain and key."""
    return [_made(found) for found in reader.rows(_ROWS)]


def row(reader: Reader, key: str) -> AliasRow | None:
    """The alias with that key."""
    if not key:
        return None
    return next((_made(found) for found in reader.rows(_ONE, (key,))), None)


def count(reader: Reader, domain: str) -> int:
    """How many aliases the domain has, its catch-all included."""
    return int(reader.rows(_COUNT, (domain,))[0][0])


def put(tx: Tx, those: Sequence[AliasRow]) -> None:
    """Adds aliases, or overwrites those with the same key. Each key stands once among them."""
    for text, parameters in tx.parts(_PUTS, [astuple(one) for one in those]):
        tx.run(text, parameters)
    _changed(tx)


def remove(tx: Tx, key: str) -> bool:
    """True if there was one."""
    gone = bool(key) and tx.run(_alias.delete().where(_alias.c.key == key)) > 0
    _changed(tx)
    return gone


def _changed(tx: Tx) -> None:
    tx.run(_PUT, (_STAMP, "", stamp(tx) + 1, b"{}"))


def _made(found: tuple[Any, ...]) -> AliasRow:
    key, domain, created, data = found
    return AliasRow(key, domain, created, bytes(data))
