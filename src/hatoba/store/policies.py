"""Policies of other domains as rows: what MTA-STS told us, kept over restarts and shared by workers and nodes.

Called by delivery's cache with the register's reader, and inside Register.note.
Never reads what `data` says and never decides how long a policy holds.
Fails with StoreTrouble.
"""

from __future__ import annotations

from msgspec.structs import astuple
from sqlalchemy import bindparam, select

from hatoba.store import sql
from hatoba.store.rows import PolicyRow
from hatoba.store.sql import Reader, Tx
from hatoba.store.tables import policy

_ONE = sql.text(select(*policy.c).where(policy.c.domain == bindparam("domain"), policy.c.kind == bindparam("kind")))
_SINCE = sql.text(
    select(*policy.c)
    .where(policy.c.kind == bindparam("kind"), policy.c.fetched > bindparam("fetched"))
    .order_by(policy.c.fetched.desc())
    .limit(bindparam("limit"))
)
_PUT = sql.put(policy)
_FORGET = sql.text(policy.delete().where(policy.c.kind == bindparam("which"), policy.c.until < bindparam("before")))
_REMOVE = sql.text(policy.delete().where(policy.c.domain == bindparam("name"), policy.c.kind == bindparam("which")))


def get(reader: Reader, domain: str, kind: str) -> PolicyRow | None:
    """The policy of a domain (A-labels, lower case)."""
    found = reader.rows(_ONE, (domain, kind))
    return PolicyRow(*found[0]) if found else None


def since(reader: Reader, kind: str, fetched: int, limit: int) -> list[PolicyRow]:
    """Those fetched after that moment, the newest first, at most `limit`."""
    return [PolicyRow(*row) for row in reader.rows(_SINCE, (kind, fetched, limit))]


def put(tx: Tx, row: PolicyRow) -> None:
    """Keeps it in place of what was there."""
    tx.run(_PUT, astuple(row))


def remove(tx: Tx, domain: str, kind: str) -> bool:
    """True if there was one."""
    return tx.run(_REMOVE, (domain, kind)) > 0


def forget(tx: Tx, kind: str, before: int) -> int:
    """Removes those that ended before that moment; how many."""
    return tx.run(_FORGET, (kind, before))
