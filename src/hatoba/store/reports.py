"""The rows of reports, and what the making of them must remember: how far each journal was read, and who makes them.

Called by the room of reports with the directory's reader or, to write, inside `Register.note`.
Never knows what a report says: data passes through.
Fails with StoreTrouble.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import astuple
from sqlalchemy import ColumnElement, bindparam, delete, func, literal_column, select

from hatoba.store import sql
from hatoba.store.rows import ReportRow
from hatoba.store.sql import Reader, Tx
from hatoba.store.tables import report as _report
from hatoba.store.tables import tally as _tally

CURSOR, LEASE = "cursor", "lease"  # kinds of tally rows that count nothing
_OWNER = "reports"

_ADD = sql.head(_report) + f"VALUES {sql.groups(1, len(_report.columns))} ON CONFLICT DO NOTHING"
_PUT = sql.put(_report)
_GET = sql.text(select(*_report.c).where(_report.c.id == bindparam("id")))
_NONE: ColumnElement[int] = literal_column("0")
_WHERE = (_tally.c.kind == bindparam("which"), _tally.c.day == _NONE, _tally.c.domain == bindparam("owner"))
_STATE = sql.text(select(_tally.c.count, _tally.c.data).where(*_WHERE, _tally.c.key == bindparam("name")))
_MARK = sql.head(_tally) + f"VALUES {sql.groups(1, len(_tally.columns))} ON CONFLICT DO NOTHING"
_CURSORS = sql.text(select(_tally.c.key, _tally.c.count, _tally.c.data).where(*_WHERE))
_ADVANCE = "UPDATE tally SET count = ?, data = ? WHERE kind = ? AND day = 0 AND domain = ? AND key = ? AND count = ?"
_SEIZE = (
    "UPDATE tally SET count = ?, data = ? WHERE kind = ? AND day = 0 AND domain = ? AND key = ?"
    " AND (count < ? OR data = ?)"
)
_FREE = "UPDATE tally SET count = 0 WHERE kind = ? AND day = 0 AND domain = ? AND key = ? AND data = ?"
_SLICE = (_tally.c.kind == bindparam("which"), _tally.c.day == bindparam("when"), _tally.c.domain == bindparam("whose"))
_KEYS = sql.text(select(_tally.c.key).where(*_SLICE))
_COUNT = sql.text(select(func.count()).select_from(_tally).where(*_SLICE))
_TAKE = "DELETE FROM tally WHERE kind = ? AND day = ? AND domain = ?"
_LATER = _tally.c.kind == bindparam("which"), _tally.c.day > bindparam("when")
_NEXT = sql.text(select(func.min(_tally.c.day)).where(*_LATER))


def add(tx: Tx, row: ReportRow) -> bool:
    """Adds the report; False if one with its id is there already, which stays."""
    return tx.run(_ADD, astuple(row)) > 0


def put(tx: Tx, row: ReportRow) -> None:
    """Adds the report or overwrites the one with its id."""
    tx.run(_PUT, astuple(row))


def get(reader: Reader, number: str) -> ReportRow | None:
    """The report with that id."""
    found = reader.rows(_GET, (number,))
    return ReportRow(*found[0]) if found else None


def named(reader: Reader, beginning: str, limit: int) -> list[ReportRow]:
    """Reports whose id begins so."""
    wanted = _report.c.id >= beginning, _report.c.id < beginning + "\x7f"
    return _made(reader.rows(select(*_report.c).where(*wanted).order_by(_report.c.id).limit(limit)))


def listed(
    reader: Reader, kinds: Sequence[str], since: int, limit: int, *, domain: str = "", reporter: str = ""
) -> list[ReportRow]:
    """Reports of these kinds whose `at` is `since` or later, newest first. `limit` 0: all."""
    wanted: list[Any] = [_report.c.kind.in_(kinds), _report.c.at >= since]
    if domain:
        wanted.append(_report.c.domain == domain)
    if reporter:
        wanted.append(_report.c.reporter == reporter)
    statement = select(*_report.c).where(*wanted).order_by(_report.c.at.desc(), _report.c.id)
    return _made(reader.rows(statement.limit(limit) if limit else statement))


def due(reader: Reader, kinds: Sequence[str], now: int, limit: int) -> list[ReportRow]:
    """Reports of these kinds whose `at` has come, oldest first."""
    wanted = _report.c.kind.in_(kinds), _report.c.at <= now
    return _made(reader.rows(select(*_report.c).where(*wanted).order_by(_report.c.at, _report.c.id).limit(limit)))


def count(reader: Reader, kinds: Sequence[str], since: int) -> int:
    """How many reports of these kinds have an `at` of `since` or later."""
    statement = select(func.count()).select_from(_report).where(_report.c.kind.in_(kinds), _report.c.at >= since)
    return int(reader.rows(statement)[0][0])


def remove(tx: Tx, number: str) -> bool:
    """True if there was one."""
    return tx.run(delete(_report).where(_report.c.id == number)) > 0


def any_before(reader: Reader, kinds: Sequence[str], before: int) -> bool:
    """Whether there is a report of these kinds whose `at` is before that."""
    wanted = _report.c.kind.in_(kinds), _report.c.at < before
    return bool(reader.rows(select(_report.c.id).where(*wanted).limit(1)))


def purge(tx: Tx, kinds: Sequence[str], before: int, limit: int) -> int:
    """Removes up to `limit` reports of these kinds whose `at` is before that; how many."""
    old = select(_report.c.id).where(_report.c.kind.in_(kinds), _report.c.at < before).limit(limit)
    numbers = [row[0] for row in tx.rows(old)]
    return tx.run(delete(_report).where(_report.c.id.in_(numbers))) if numbers else 0


def cursor(reader: Reader, shard: int) -> tuple[int, int]:
    """(the seq up to which a shard's journal was read, when that was in ms); noughts when it never was."""
    found = reader.rows(_STATE, (CURSOR, _OWNER, _shard(shard)))
    return (int(found[0][0]), int(found[0][1] or 0)) if found else (0, 0)


def cursors(reader: Reader) -> dict[int, int]:
    """When the journal of each shard was last read to its end, in ms."""
    return {int(key): int(data or 0) for key, _, data in reader.rows(_CURSORS, (CURSOR, _OWNER))}


def advance(tx: Tx, shard: int, seq: int, to: int, at: int) -> bool:
    """Moves a shard's cursor from `seq`; False when it does not stand there (any more): then nothing is written.

    Called first in a transaction, it keeps two who read the same events from both counting them.
    """
    name, written = _shard(shard), str(at).encode()
    if tx.run(_ADVANCE, (to, written, CURSOR, _OWNER, name, seq)):
        return True
    return seq == 0 and tx.run(_MARK, (CURSOR, 0, _OWNER, name, to, written)) > 0


def seize(tx: Tx, owner: str, now: int, until: int) -> bool:
    """Takes the lease for making reports, or renews it; False while it is another's. Times in ms."""
    written = owner.encode()
    if tx.run(_SEIZE, (until, written, LEASE, _OWNER, "", now, written)):
        return True
    return tx.run(_MARK, (LEASE, 0, _OWNER, "", until, written)) > 0


def release(tx: Tx, owner: str) -> None:
    """Gives the lease back, if it is ours."""
    tx.run(_FREE, (LEASE, _OWNER, "", owner.encode()))


def keys(reader: Reader, kind: str, day: int, domain: str) -> set[str]:
    """The keys that are counted for one domain and day."""
    return {row[0] for row in reader.rows(_KEYS, (kind, day, domain))}


def width(reader: Reader, kind: str, day: int, domain: str) -> int:
    """How many keys these are."""
    return int(reader.rows(_COUNT, (kind, day, domain))[0][0])


def days(reader: Reader, kind: str) -> list[int]:
    """The days that something of the kind was counted on, oldest first."""
    found: list[int] = []
    while (day := reader.rows(_NEXT, (kind, found[-1] if found else -1))[0][0]) is not None:
        found.append(int(day))  # from one to the next by the key: a day may have many rows
    return found


def forget(tx: Tx, kind: str, day: int, domain: str) -> int:
    """Removes what was counted for one domain and day; how many rows."""
    return tx.run(_TAKE, (kind, day, domain))


def _shard(number: int) -> str:
    return f"{number:04d}"


def _made(rows: sql.Rows) -> list[ReportRow]:
    return [ReportRow(*row) for row in rows]
