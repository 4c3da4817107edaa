"""Search: letters by any of their words, newest first, found from their commit on.

Called by queue (read in a thread, write through the writer; behind the letters), by app (`hatoba search`, `trace`) and
by the doors for people.
Never reads content and never trusts a hash: what the index gives is verified against the letter's events.
Fails with StoreTrouble; BadQuery for what cannot be looked for.
"""

from collections.abc import Iterator, Sequence

import msgspec

from hatoba.journal import facts, query, terms, walks
from hatoba.journal.facts import Hit
from hatoba.journal.query import BadQuery, Criterion, Query
from hatoba.kit import ids
from hatoba.store import journal as rows
from hatoba.store import words
from hatoba.store.rows import EventRow
from hatoba.store.sql import Reader, Tx
from hatoba.store.words import Posting

CURSOR = "word"
_TAIL = 2000  # events fetched at once behind the cursor
_SLACK = 3_600_000  # ms by which an id's time may differ from the acceptance's: a clock that was set back

word = query.normal
__all__ = ["BadQuery", "Query", "catch_up", "find", "hits", "read", "renew", "sessions", "word", "write"]


class Batch(msgspec.Struct, frozen=True):
    """What `read` made of the next `count` events, up to `seq`."""

    postings: list[Posting]
    seq: int
    count: int


def read(reader: Reader, limit: int) -> Batch | None:
    """The postings of up to `limit` events that the index has not seen; None when there are none. ~20 µs an event."""
    seen = rows.after(reader, rows.position(reader, CURSOR), limit)
    if not seen:
        return None
    return Batch(sorted({posting for row in seen for posting in postings(row)}), seen[-1].seq, len(seen))


def write(tx: Tx, batch: Batch, part: slice = slice(None)) -> None:
    """Adds (a part of) a batch, in the order of the key; with its end the cursor moves."""
    chosen = batch.postings[part]
    words.add(tx, chosen)
    if not chosen or chosen[-1] == batch.postings[-1]:
        rows.move(tx, CURSOR, batch.seq)


def postings(row: EventRow) -> list[Posting]:
    """Where an event stands in the index."""
    span, letter = terms.span(row.letter), row.letter
    return [(span, number, letter) for number in terms.numbers(row)]


def catch_up(tx: Tx, limit: int) -> int:
    """`read` and `write` at once; how many events. Fewer than `limit`: the index is up to date."""
    batch = read(tx, limit)
    if batch is None:
        return 0
    write(tx, batch)
    return batch.count


def renew(tx: Tx) -> None:
    """Empties the index: it is made anew from the first event on."""
    words.forget_all(tx)
    rows.move(tx, CURSOR, 0)


def lag(reader: Reader) -> int:
    """How many events the index has not seen, at most: some of the numbers between may have no event."""
    return max(0, rows.last(reader) - rows.position(reader, CURSOR))


def find(reader: Reader, asked: str, limit: int) -> list[int]:
    """Ids of letters that match every word of `asked`, newest first, at most `limit`; [] for an empty one.

    A word is a letter's id, an address, a domain (with or without @), a Message-ID (with or without <>), an account, a
    client address, or stands in the subject.
    """
    return [number for number, _ in _found(reader, Query(words=tuple(asked.split())), limit)] if asked.strip() else []


def hits(reader: Reader, asked: Query, limit: int) -> list[Hit]:
    """The letters that match, newest first, at most `limit`; an empty query matches all. BadQuery."""
    return [facts.hit(number, known) for number, known in _found(reader, asked, limit)]


def sessions(reader: Reader, name: str, limit: int = 4) -> list[int]:
    """Letters that were the first of the connection `name` (one, but for a shared hash)."""
    criterion = Criterion((frozenset({terms.session(name)}),))
    with reader.snapshot():
        found = _candidates(_walk(reader, [criterion], 0), _tail(reader, [criterion]), walks.TOP, 0)
        return [number for number, _ in zip(found, range(limit), strict=False)]


def _found(reader: Reader, asked: Query, limit: int) -> list[tuple[int, facts.Facts]]:
    named, left = _named(reader, asked.words)
    criteria = query.criteria(msgspec.structs.replace(asked, words=left))
    top, floor = _bounds(asked)
    if limit < 1 or len(named) > 1 or top < floor:
        return []
    found = []
    with reader.snapshot():
        proposed: Iterator[int] | set[int] = named
        if not named:
            indexed = any(criterion.options for criterion in criteria)
            tail = _tail(reader, criteria) if indexed else []
            proposed = _candidates(_walk(reader, criteria, floor), tail, top, floor)
        for number in proposed:
            known = facts.of(rows.of_letter(reader, number))
            if _holds(criteria, known, asked) and floor <= number <= top:
                found.append((number, known))
                if len(found) == limit:
                    break
    return found


def _named(reader: Reader, asked: Sequence[str]) -> tuple[set[int], tuple[str, ...]]:
    """Ids that words name, if there are such letters ("administrator" could be one, too); the other words."""
    named, left = set(), []
    for written in asked:
        try:
            number = ids.number(written)
        except ValueError:
            number = 0
        if number and rows.of_letter(reader, number):
            named.add(number)
        else:
            left.append(written)
    return named, tuple(left)


def _holds(criteria: Sequence[Criterion], known: facts.Facts, asked: Query) -> bool:
    if (asked.since and known.at < asked.since) or (asked.until and known.at >= asked.until):
        return False
    return all(criterion.holds(known) for criterion in criteria)


def _bounds(asked: Query) -> tuple[int, int]:
    """The highest and the lowest id that could be meant: ids grow with the time of acceptance."""
    top = walks.TOP if not asked.until else _at(asked.until + _SLACK)
    floor = 1 if not asked.since else _at(asked.since - _SLACK)
    return min(top, asked.below - 1 if asked.below else walks.TOP), floor


def _at(milliseconds: int) -> int:
    """The lowest id of that time."""
    return min(max(1, milliseconds - ids.EPOCH << 22), walks.TOP)


def _walk(reader: Reader, criteria: Sequence[Criterion], floor: int) -> walks.Walk:
    """What proposes letters for all criteria; where no criterion has terms, all letters (or all in the queue)."""
    first, last = words.spans(reader)
    first = max(first, terms.span(floor))
    each: list[walks.Walk] = []
    for criterion in criteria:
        options: list[walks.Walk] = [
            walks.All([walks.Term(reader, term, first, last) for term in sorted(option)])
            for option in criterion.options
        ]
        if options:
            each.append(walks.Any(options))
        elif criterion.status:
            each.append(walks.Listed(reader, words.queued))
    return walks.All(each or [walks.Listed(reader, words.letters)])


def _candidates(walk: walks.Walk, tail: Sequence[int], top: int, floor: int) -> Iterator[int]:
    """Both as one, highest first, each once; `tail` descends."""
    at = 0
    while top >= floor:
        while at < len(tail) and tail[at] > top:
            at += 1
        best = max(walk.at_most(top), tail[at] if at < len(tail) else -1)
        if best < floor:
            return
        yield best
        top = best - 1


def _tail(reader: Reader, criteria: Sequence[Criterion]) -> list[int]:
    """Letters that an event behind the cursor proposes, highest first.

    An accepted (or refused) event must fit all criteria but those about what happened later; of the others one that
    fits is enough, for the rest may be in the index.
    """
    fields = frozenset(t[0].lower() for c in criteria for o in c.options for t in o if t[1] == " ") - {"k"}
    born = [c for c in criteria if c.options and not c.status]
    later = {term for c in criteria for option in c.options for term in option if term[0] == "k" or term[1] != " "}
    needles = [c.needles for c in born if c.needles]
    found: set[int] = set()
    seq = rows.position(reader, CURSOR)
    while seen := rows.after(reader, seq, _TAIL):
        seq = seen[-1].seq
        for row in seen:
            if row.kind not in terms.BORN:
                if later and not later.isdisjoint(terms.of(row)):
                    found.add(row.letter)
            elif _may(row.data, needles):
                had = terms.of(row, fields)
                if all(criterion.proposes(had) for criterion in born):
                    found.add(row.letter)
        if len(seen) < _TAIL:
            break
    return sorted(found, reverse=True)


def _may(data: bytes, needles: Sequence[tuple[bytes, ...]]) -> bool:
    """Cheaply: no, or perhaps."""
    if not needles or not data.isascii():
        return True
    folded = data.lower()
    return all(any(needle in folded for needle in some) for some in needles)
