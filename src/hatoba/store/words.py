"""The index's rows: which letters have a word, by stretches of time; and the other ways to walk letters, newest first.

Called by the journal room with a Reader or, to write, inside `writer.do`; by verify.
Never knows a word: a term is a signed 64-bit number (a hash by the journal room), a span is a small one.
Fails with StoreTrouble.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, select

from hatoba.store import sql
from hatoba.store.sql import Multi, Reader, Tx
from hatoba.store.tables import word

Posting = tuple[int, int, int]  # span, term, letter

_ADD = sql.added(word, after=" ON CONFLICT DO NOTHING")
_found = select(word.c.letter).where(
    word.c.span == bindparam("span"), word.c.term == bindparam("term"), word.c.letter < bindparam("below")
)
FIND = sql.text(_found.order_by(word.c.letter.desc()).limit(bindparam("limit")))
# One look at an end of the key each: what the widest range of spans is.
FIRST_SPAN = "SELECT span FROM word ORDER BY span, term, letter LIMIT 1"
LAST_SPAN = "SELECT span FROM word ORDER BY span DESC, term DESC, letter DESC LIMIT 1"
EDGE = "SELECT term, letter FROM word WHERE span = ? ORDER BY term, letter LIMIT 1 OFFSET ?"
DROP = "DELETE FROM word WHERE span = ? AND (term, letter) <= (?, ?)"
DROP_ALL = "DELETE FROM word WHERE span = ?"
# A letter has several events: the index by letter gives its id once for each, and DISTINCT would walk all of it.
LETTERS = "SELECT letter FROM event WHERE letter < ? ORDER BY letter DESC LIMIT ?"
QUEUED = "SELECT letter FROM recipient WHERE letter < ? ORDER BY letter DESC LIMIT ?"
BETWEEN = "SELECT letter FROM event WHERE letter >= ? AND letter < ? ORDER BY letter LIMIT 1"
UNKNOWN = Multi(
    "SELECT column1, column2, column3 FROM ({values}) AS v"
    " WHERE NOT EXISTS (SELECT 1 FROM word WHERE span = v.column1 AND term = v.column2 AND letter = v.column3)",
    "iii",
)


def add(tx: Tx, postings: Sequence[Posting]) -> None:
    """Adds postings; known ones stay. Sorted, neighbours share their page."""
    for statement, parameters in tx.parts(_ADD, postings):
        tx.run(statement, parameters)


def find(reader: Reader, span: int, term: int, below: int, limit: int) -> list[int]:
    """Letters of the span with the term, highest id first, at most `limit`, only ids under `below`."""
    return [row[0] for row in reader.rows(FIND, (span, term, below, limit))]


def spans(reader: Reader) -> tuple[int, int]:
    """The first and the last span that have a posting; (0, -1) when there is none."""
    first, last = reader.rows(FIRST_SPAN), reader.rows(LAST_SPAN)
    return (int(first[0][0]), int(last[0][0])) if first and last else (0, -1)


def drop(tx: Tx, span: int, limit: int) -> bool:
    """Removes up to `limit` postings of a span; True when nothing of it is left."""
    edge = tx.rows(EDGE, (span, limit))
    if edge:
        tx.run(DROP, (span, *edge[0]))
        return False
    tx.run(DROP_ALL, (span,))
    return True


def forget_all(tx: Tx) -> None:
    """Removes every posting."""
    tx.run("DELETE FROM word")


def letters(reader: Reader, below: int, limit: int) -> list[int]:
    """Letters with an event, highest id first, only ids under `below`; [] when there are no more."""
    return _distinct(reader, LETTERS, below, limit)


def queued(reader: Reader, below: int, limit: int) -> list[int]:
    """Letters with a recipient in the queue, highest id first, only ids under `below`; [] when there are no more."""
    return _distinct(reader, QUEUED, below, limit)


def _distinct(reader: Reader, statement: str, below: int, limit: int) -> list[int]:
    return list(dict.fromkeys(row[0] for row in reader.rows(statement, (below, limit))))


def living(reader: Reader, first: int, end: int) -> bool:
    """Whether the journal has an event of a letter whose id is at least `first` and under `end`."""
    return bool(reader.rows(BETWEEN, (first, end)))
