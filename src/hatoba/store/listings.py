"""The rows of allow and deny lists in the directory database, shared by every process.

Called by the directory room through a Register: reads at each load, writes for a person's change.
Never knows what an entry means.
Fails with StoreTrouble.
"""

from typing import Any

import msgspec
from sqlalchemy import delete, select

from hatoba.store import sql
from hatoba.store.sql import Reader, Tx
from hatoba.store.tables import listing as _listing


class ListingRow(msgspec.Struct, frozen=True, gc=False):
    """One entry; the first four are its key. `scope` is a recipient domain, "" for all."""

    verdict: str
    subject: str
    value: str
    scope: str
    created: int  # ms since 1970
    note: str = ""


class _Data(msgspec.Struct, omit_defaults=True):
    note: str = ""


_ALL = sql.text(select(*_listing.c).order_by(_listing.c.scope, _listing.c.subject, _listing.c.value))
_PUT = sql.put(_listing)
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Data).decode


def all_(reader: Reader) -> list[ListingRow]:
    """All entries, by scope, subject and value."""
    return [_made(row) for row in reader.rows(_ALL)]


def put(tx: Tx, row: ListingRow) -> bool:
    """Adds the entry or overwrites it; True if it was new."""
    new = not tx.rows(select(_listing.c.created).where(*_key(row)))
    tx.run(_PUT, (row.verdict, row.subject, row.value, row.scope, row.created, _encode(_Data(row.note))))
    return new


def remove(tx: Tx, row: ListingRow) -> bool:
    """True if there was one with this key."""
    return tx.run(delete(_listing).where(*_key(row))) > 0


def _key(row: ListingRow) -> tuple[Any, ...]:
    columns = _listing.c
    return (
        columns.verdict == row.verdict,
        columns.subject == row.subject,
        columns.value == row.value,
        columns.scope == row.scope,
    )


def _made(row: tuple[Any, ...]) -> ListingRow:
    verdict, subject, value, scope, created, data = row
    return ListingRow(verdict, subject, value, scope, created, _decode(data).note)
