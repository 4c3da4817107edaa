"""Tallies: counts by kind, day and domain, from which reports are made.

Called by whoever counts (inside Register.note) and by whoever reports (with the register's reader).
Never knows what is counted: `key` and `data` pass through.
Fails with StoreTrouble.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import astuple
from sqlalchemy import bindparam, select

from hatoba.store import sql
from hatoba.store.rows import TallyRow
from hatoba.store.sql import Reader, Tx
from hatoba.store.tables import tally

_OF_DAY = (tally.c.kind == bindparam("kind"), tally.c.day == bindparam("day"))
_ADD = sql.added(
    tally, after=" ON CONFLICT (kind, day, domain, key) DO UPDATE SET count = tally.count + excluded.count"
)
_DAYS = sql.text(select(tally.c.day).distinct().where(tally.c.kind == bindparam("kind")).order_by(tally.c.day))
_DOMAINS = sql.text(select(tally.c.domain).distinct().where(*_OF_DAY).order_by(tally.c.domain))
_OF = sql.text(select(*tally.c).where(*_OF_DAY, tally.c.domain == bindparam("domain")).order_by(tally.c.key))
_FORGET = sql.text(tally.delete().where(tally.c.kind == bindparam("which"), tally.c.day < bindparam("before")))


def add(tx: Tx, rows: Iterable[TallyRow]) -> None:
    """Counts these up. No two of the rows may have the same kind, day, domain and key."""
    for statement, parameters in tx.parts(_ADD, [astuple(row) for row in rows]):
        tx.run(statement, parameters)


def days(reader: Reader, kind: str) -> list[int]:
    """The days for which there are counts, oldest first."""
    return [int(row[0]) for row in reader.rows(_DAYS, (kind,))]


def domains(reader: Reader, kind: str, day: int) -> list[str]:
    """The domains that have counts of that day."""
    return [str(row[0]) for row in reader.rows(_DOMAINS, (kind, day))]


def of(reader: Reader, kind: str, day: int, domain: str) -> list[TallyRow]:
    """All that was counted towards a domain on a day."""
    return [TallyRow(*row) for row in reader.rows(_OF, (kind, day, domain))]


def forget(tx: Tx, kind: str, before: int) -> int:
    """Removes what was counted on days before that one; how many rows."""
    return tx.run(_FORGET, (kind, before))
