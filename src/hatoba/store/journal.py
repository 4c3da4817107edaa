"""The journal's rows: events, search terms and cursors of one shard.

Called by the journal room (forms, timeline, search, purge) with a Reader or, to write, inside `writer.do`.
Never knows what an event means: kind and data pass through.
Fails with StoreTrouble. Events of the hot way are not written here but by writer, with the letter's own commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.sqlite import insert

from hatoba.model.event import Event
from hatoba.store import sqlite
from hatoba.store.rows import EventRow
from hatoba.store.sqlite import Reader, Tx
from hatoba.store.tables import cursor, event, term

_COLUMNS = (event.c.seq, event.c.letter, event.c.at, event.c.kind, event.c.data)
_INSERT = "INSERT INTO event (letter, at, kind, data) VALUES "


def append(tx: Tx, events: Iterable[Event]) -> None:
    """Writes events in their order."""


def of_letter(reader: Reader, letter: int) -> list[EventRow]:
    """Every event of one letter, oldest first."""


def after(reader: Reader, seq: int, limit: int) -> list[EventRow]:
    """Up to `limit` events of any letter whose seq is above `seq`, oldest first: what a cursor has not seen."""


def last(reader: Reader) -> int:
    """The highest seq ever given, 0 in a new shard."""


def position(reader: Reader, name: str) -> int:
    """Where the cursor `name` stands, 0 if it never moved."""


def move(tx: Tx, name: str, seq: int) -> None:
    """Sets the cursor `name`, in the same transaction as the work it stands for."""


def index(tx: Tx, terms: Iterable[tuple[int, int]]) -> None:
    """Adds (term, letter) pairs; a term is a signed 64-bit number (a hash made by the journal room). Known pairs stay."""


def forget(tx: Tx, terms: Iterable[tuple[int, int]]) -> None:
    """Removes (term, letter) pairs."""


def find(reader: Reader, number: int, limit: int, below: int | None = None) -> list[int]:
    """Letters with the term, highest id first, at most `limit`, only ids under `below` when given (next page)."""


def oldest(reader: Reader, before: int, limit: int) -> list[EventRow]:
    """Up to `limit` of the oldest events by seq, as far as they happened before `before` (ms): the next to purge."""


def purge(tx: Tx, before: int, limit: int) -> int:
    """Deletes what `oldest(before, limit)` gives; how many. Call again until it is less than `limit`."""
