"""The journal's rows: events and cursors of one shard.

Called by the journal room (forms, timeline, search, purge) with a Reader or, to write, inside `writer.do`.
Never knows what an event means: kind and data pass through.
Fails with StoreTrouble. Events of the hot way are not written here but by writer, with the letter's own commit.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import astuple
from sqlalchemy import bindparam, func, select

from hatoba.model.event import Event
from hatoba.store import sql
from hatoba.store.rows import EventRow
from hatoba.store.sql import Multi, Reader, Tx
from hatoba.store.tables import cursor, event

EVENTS = sql.added(event, "letter", "at", "kind", "data")

_COLUMNS = (event.c.seq, event.c.letter, event.c.at, event.c.kind, event.c.data)

OF_LETTER = sql.text(select(*_COLUMNS).where(event.c.letter == bindparam("letter")))
AFTER = sql.text(
    select(*_COLUMNS).where(event.c.seq > bindparam("seq")).order_by(event.c.seq).limit(bindparam("limit"))
)
_POSITION = sql.text(select(cursor.c.seq).where(cursor.c.name == bindparam("name")))
_MOVE = sql.put(cursor)
LETTERS_EVENTS_GONE = Multi("DELETE FROM event WHERE letter {among}", "i")
REMOVE = Multi("DELETE FROM event WHERE seq {among}", "i")
_OLDEST = sql.text(select(*_COLUMNS).order_by(event.c.seq).limit(bindparam("limit")))
_AGES = sql.text(select(event.c.seq, event.c.at).order_by(event.c.seq).limit(bindparam("limit")))
_PURGE = sql.text(event.delete().where(event.c.seq <= bindparam("seq")))
_NEWEST = "SELECT at FROM event ORDER BY seq DESC LIMIT 1"
_HIGHEST = sql.text(select(func.max(event.c.letter)))


def append(tx: Tx, events: Iterable[Event]) -> None:
    """Writes events in their order."""
    for statement, parameters in tx.parts(EVENTS, [astuple(one) for one in events]):
        tx.run(statement, parameters)


def of_letter(reader: Reader, letter: int) -> list[EventRow]:
    """Every event of one letter, oldest first."""
    # Sorted here: asked to sort, a server that thinks the table small walks all of it by seq.
    return [EventRow(*row) for row in sorted(reader.rows(OF_LETTER, (letter,)))]


def after(reader: Reader, seq: int, limit: int) -> list[EventRow]:
    """Up to `limit` events of any letter whose seq is above `seq`, oldest first: what a cursor has not seen."""
    return [EventRow(*row) for row in reader.rows(AFTER, (seq, limit))]


def last(reader: Reader) -> int:
    """The highest seq ever given, 0 in a new shard."""
    return reader.last_seq()


def highest(reader: Reader) -> int:
    """The highest letter id that has an event, 0 in a new shard: new ids are drawn above it."""
    return int(reader.rows(_HIGHEST)[0][0] or 0)


def newest(reader: Reader) -> int:
    """When the last event written happened (ms), 0 in a new shard: a clock that says less was set back."""
    found = reader.rows(_NEWEST)
    return int(found[0][0]) if found else 0


def position(reader: Reader, name: str) -> int:
    """Where the cursor `name` stands, 0 if it never moved."""
    found = reader.rows(_POSITION, (name,))
    return int(found[0][0]) if found else 0


def move(tx: Tx, name: str, seq: int) -> None:
    """Sets the cursor `name`, in the same transaction as the work it stands for."""
    tx.run(_MOVE, (name, seq))


def remove(tx: Tx, numbers: Iterable[int]) -> None:
    """Removes events by seq."""
    for statement, parameters in tx.parts(REMOVE, list(numbers)):
        tx.run(statement, parameters)


def oldest(reader: Reader, before: int, limit: int) -> list[EventRow]:
    """Up to `limit` of the oldest events by seq, as far as they happened before `before` (ms): the next to purge."""
    found = []
    for row in reader.rows(_OLDEST, (limit,)):
        if row[2] >= before:
            break
        found.append(EventRow(*row))
    return found


def purge(tx: Tx, before: int, limit: int) -> int:
    """Deletes what `oldest(before, limit)` gives; how many. Call again until it is less than `limit`."""
    up_to = 0
    for seq, at in tx.rows(_AGES, (limit,)):
        if at >= before:
            break
        up_to = seq
    return tx.run(_PURGE, (up_to,)) if up_to else 0
