"""The queue's rows: what is due for which lane, leases, recovery, an administrator's filter, counts.

Called by the queue room with a Reader or, to write, inside `writer.do`. Seal and Settle do not come this way.
Never decides when to try again and never holds a letter's content.
Fails with StoreTrouble. Every function costs the same at a thousand and at a million rows, but for `counts`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

import msgspec
from msgspec.structs import astuple
from sqlalchemy import ColumnElement, and_, bindparam, func, literal_column, tuple_
from sqlalchemy import select as _select

from hatoba.store import sql
from hatoba.store.rows import (
    ACTIVE,
    QUARANTINED,
    Count,
    Due,
    Filter,
    LaneRow,
    Lease,
    Listed,
    RecipientRow,
    RecipientUpdate,
    Recovered,
)
from hatoba.store.sql import Multi, Reader, Tx
from hatoba.store.tables import IS_ACTIVE, IS_READY, NOT_ACTIVE
from hatoba.store.tables import lane as _lane
from hatoba.store.tables import letter as _letter
from hatoba.store.tables import recipient as _recipient

Key = tuple[int, int]  # (letter, n)
_EVER = 2**63 - 1

_c = _recipient.c
RECIPIENTS = sql.added(_recipient)
# Keys are looked up by IN (SELECT … FROM (VALUES …)): IN (VALUES …) alone would read the whole table. Plans are tested.
RECIPIENTS_GONE = Multi(
    "DELETE FROM recipient WHERE (letter, n) IN (SELECT column1, column2 FROM ({values}) AS v)",
    "ii",
)
LETTERS_RECIPIENTS_GONE = Multi("DELETE FROM recipient WHERE letter {among}", "i")
LETTERS_GONE = Multi("DELETE FROM letter WHERE id {among}", "i")
UPDATES = Multi(
    "UPDATE recipient SET site = v.column3, state = v.column4, attempts = v.column5, next_at = v.column6,"
    " priority = v.column7, crashes = v.column8, params = v.column9, last = v.column10 FROM ({values}) AS v"
    " WHERE recipient.letter = v.column1 AND recipient.n = v.column2",
    "iitiiiiibb",
)
LEASES = Multi(
    "UPDATE recipient SET state = 1, attempts = attempts + 1, next_at = v.column3 FROM ({values}) AS v"
    " WHERE recipient.letter = v.column1 AND recipient.n = v.column2 AND recipient.state = 0 RETURNING letter, n",
    "iii",
)
# "+state": the condition is checked on the row found by key; it must not tempt the planner to an index of its own.
GIVEN_BACK = Multi(
    "UPDATE recipient SET state = 0, attempts = attempts - 1, next_at = ?"
    " WHERE (letter, n) IN (SELECT column1, column2 FROM ({values}) AS v) AND +state = 1",
    "ii",
)
MOVED = Multi(
    "UPDATE recipient SET state = ?, next_at = coalesce(?, next_at)"
    " WHERE (letter, n) IN (SELECT column1, column2 FROM ({values}) AS v) AND +state <> 1 RETURNING letter, n",
    "ii",
)
# Not what waits for a time its sender named (no site, never tried, due beyond the old clock): RFC 4865 holds by UTC.
AHEAD = (
    "SELECT letter, n FROM recipient WHERE (letter, n) > (?, ?) AND +state = 0 AND next_at > ?"
    " AND NOT (attempts = 0 AND site = '' AND next_at > ?) ORDER BY letter, n LIMIT ?"
)
NEARER = Multi(
    "UPDATE recipient SET next_at = CASE WHEN next_at - ? > ? THEN next_at - ? ELSE ? END"
    " WHERE (letter, n) IN (SELECT column1, column2 FROM ({values}) AS v)",
    "ii",
)
# A loose scan: from one lane's first entry straight to the next lane's.
# https://wiki.postgresql.org/wiki/Loose_indexscan
LANES = (
    "WITH RECURSIVE lane(site) AS (SELECT min(site) FROM recipient WHERE state = 0 AND state <> 1 UNION ALL"
    " SELECT (SELECT min(site) FROM recipient WHERE state = 0 AND state <> 1 AND site > lane.site)"
    " FROM lane WHERE lane.site IS NOT NULL),"
    " due(site, first) AS (SELECT site,"
    " (SELECT min(next_at) FROM recipient WHERE state = 0 AND state <> 1 AND recipient.site = lane.site)"
    " FROM lane WHERE site IS NOT NULL)"
    " SELECT site, first FROM due WHERE first <= ? LIMIT ?"
)

_of_site = and_(IS_READY, _c.site == bindparam("site"))
PRIORITY = sql.text(
    _select(_c.priority)
    .where(_of_site, _c.priority < bindparam("below"))
    .order_by(_c.priority.desc())
    .limit(literal_column("1"))
)
DUE = sql.text(
    _select(*_c)
    .where(_of_site, _c.priority == bindparam("priority"), _c.next_at <= bindparam("now"))
    .order_by(_c.next_at, _c.letter, _c.n)
    .limit(bindparam("limit"))
)
# A next_at below 0 is of a letter at rest: see rows.Lease.
RECOVER = (
    "UPDATE recipient SET crashes = CASE WHEN next_at < 0 THEN crashes ELSE crashes + 1 END,"
    " attempts = CASE WHEN next_at < 0 THEN attempts - 1 ELSE attempts END,"
    " state = CASE WHEN next_at >= 0 AND crashes + 1 >= ? THEN 3 ELSE 0 END,"
    " next_at = CASE WHEN next_at < 0 THEN -next_at ELSE ? END"
    " WHERE state = 1 RETURNING letter, n, state"
)
_OF_LETTER = sql.text(_select(*_c).where(_c.letter == bindparam("letter")).order_by(_c.n))
_COUNT_REST = sql.text(
    _select(_c.site, _c.state, func.count(), func.min(_c.next_at))
    .where(NOT_ACTIVE)
    .group_by(_c.state, _c.site)
    .order_by(_c.state, _c.site)
)
_COUNT_ACTIVE = sql.text(
    _select(_c.site, _c.state, func.count(), literal_column("0"))
    .where(IS_ACTIVE)
    .group_by(_c.state, _c.site)
    .order_by(_c.site)
)
_LANES_KEPT = sql.text(_select(*_lane.c).order_by(_lane.c.site))
_PUT_LANE = sql.put(_lane)
_QUARANTINE = "UPDATE recipient SET state = 3, last = ? WHERE letter = ?"


def lanes_due(reader: Reader, now: int, limit: int = 100_000) -> list[Due]:
    """Lanes that have a READY row with next_at <= now, by site. Two index steps per lane, however long it is."""
    return [Due(*row) for row in reader.rows(LANES, (now, limit))]


def next_due(reader: Reader, limit: int = 100_000) -> list[Due]:
    """Every lane with READY rows and its earliest next_at, due or not: what to set the next timer by."""
    return [Due(*row) for row in reader.rows(LANES, (_EVER, limit))]


def due(reader: Reader, site: str, now: int, limit: int) -> list[RecipientRow]:
    """READY rows of one lane with next_at <= now: priority descending, then next_at, letter, n; at most `limit`.

    One look-up for each priority that occurs in the lane: rows not due yet are never walked.
    """
    found: list[RecipientRow] = []
    below = 1 << 31
    while len(found) < limit:
        top = reader.rows(PRIORITY, (site, below))
        if not top:
            break
        below = top[0][0]
        found += [RecipientRow(*row) for row in reader.rows(DUE, (site, below, now, limit - len(found)))]
    return found


def lease(tx: Tx, leases: Sequence[Lease]) -> set[Key]:
    """READY → ACTIVE with attempts + 1 and the next_at given; the (letter, n) that were still READY: only they may go.

    Write it and wait for the commit before dialling: a crash is then no retry storm.
    """
    taken: set[Key] = set()
    for text, parameters in tx.parts(LEASES, [astuple(one) for one in leases]):
        taken.update(tx.rows(text, parameters))
    return taken


def give_back(tx: Tx, keys: Sequence[Key], next_at: int) -> int:
    """ACTIVE → READY without an attempt made (drain, a lane cut short): attempts - 1, due at `next_at`. How many."""
    return sum(tx.run(text, (next_at, *parameters)) for text, parameters in tx.parts(GIVEN_BACK, keys))


def set_back(tx: Tx, then: int, now: int, after: Key, limit: int) -> list[Key]:
    """The clock went from `then` back to `now` (ms): READY rows that wait for a time beyond `now` wait as long as they
    had to. A page of `limit` in the order of their keys, from behind `after`; which. Less than `limit`: the last page.
    """
    found = [(letter, n) for letter, n in tx.rows(AHEAD, (*after, now, then, limit))]
    shift = then - now
    for text, parameters in tx.parts(NEARER, found):
        tx.run(text, (shift, now, shift, now, *parameters))
    return found


def recover(tx: Tx, now: int, quarantine_after: int) -> Recovered:
    """At start: ACTIVE rows of the former run become READY at `now` with crashes + 1; at `quarantine_after` crashes
    they become QUARANTINED; what was leased at rest rests again. One statement over an index of the ACTIVE rows alone.
    """
    quarantined: list[Key] = []
    ready = 0
    for letter, n, state in tx.rows(RECOVER, (quarantine_after, now)):
        if state == QUARANTINED:
            quarantined.append((letter, n))
        else:
            ready += 1
    return Recovered(ready, sorted(quarantined))


def quarantine(tx: Tx, letter: int, reason: str) -> int:
    """Sets every recipient of a letter aside; `reason` goes to `last` as {"quarantined": reason}. How many."""
    return tx.run(_QUARANTINE, (msgspec.json.encode({"quarantined": reason}), letter))


def of_letter(reader: Reader, letter: int) -> list[RecipientRow]:
    """The recipients of a letter still in the queue, by n."""
    return [RecipientRow(*row) for row in reader.rows(_OF_LETTER, (letter,))]


def select(reader: Reader, which: Filter, limit: int, after: Key | None = None) -> list[Listed]:
    """Recipients that match, by (letter, n), from behind `after` (the last key of the page before); at most `limit`."""
    l_ = _letter.c
    statement = (
        _select(*_c, l_.accepted, l_.expires, l_.sender, l_.size)
        .join_from(_recipient, _letter, l_.id == _c.letter)
        .where(*_conditions(which))
        .order_by(_c.letter, _c.n)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(tuple_(_c.letter, _c.n) > tuple_(*after))
    width = len(_c)
    return [Listed(RecipientRow(*row[:width]), *row[width:]) for row in reader.rows(statement)]


def _conditions(which: Filter) -> Iterator[ColumnElement[bool]]:
    if which.letter is not None:
        yield _c.letter == which.letter
    if which.state is not None:
        yield IS_ACTIVE if which.state == ACTIVE else and_(NOT_ACTIVE, _c.state == which.state)
    if which.older is not None:
        yield _letter.c.accepted < which.older
    for column, wanted in (
        (_letter.c.sender, which.sender),
        (_c.address, which.recipient),
        (_c.domain, which.domain),
        (_c.site, which.site),
    ):
        if wanted:
            yield column == wanted


def change(tx: Tx, rows: Sequence[RecipientUpdate]) -> None:
    """Writes the columns of RecipientUpdate for every row named."""
    for text, parameters in tx.parts(UPDATES, [astuple(row) for row in rows]):
        tx.run(text, parameters)


def set_state(tx: Tx, keys: Sequence[Key], state: int, next_at: int | None = None) -> list[Key]:
    """Hold, release, retry now: READY, HELD and QUARANTINED rows among `keys` get the state (and next_at); which.

    ACTIVE rows are in a worker's memory and left alone: the queue room settles them itself.
    """
    if state == ACTIVE:
        raise ValueError("rows become ACTIVE by lease alone")
    changed: list[Key] = []
    for text, parameters in tx.parts(MOVED, keys):
        changed += tx.rows(text, (state, next_at, *parameters))
    return sorted(changed)


def move(tx: Tx, site: str, state: int, to: int, next_at: int | None, limit: int) -> list[Key]:
    """The same for a whole lane: rows of `site` in `state` (not ACTIVE), at most `limit` a call; which.

    Call again until it gives fewer than `limit`. With `to` == `state` (retry now) only rows due after `next_at` count.
    """
    if state == ACTIVE:
        raise ValueError("ACTIVE rows are in a worker's memory")
    keys = _select(_c.letter, _c.n).where(NOT_ACTIVE, _c.state == state, _c.site == site)
    if to == state:
        keys = keys.where(_c.next_at > (next_at or 0))
    found = [(letter, n) for letter, n in tx.rows(keys.order_by(_c.next_at.desc()).limit(limit))]
    return set_state(tx, found, to, next_at)


def counts(reader: Reader) -> list[Count]:
    """Recipients by site and state, with the earliest next_at (0 for ACTIVE). Walks two indexes: in a thread."""
    return [Count(*row) for row in chain(reader.rows(_COUNT_REST), reader.rows(_COUNT_ACTIVE))]


def lanes(reader: Reader) -> list[LaneRow]:
    """What is kept of lanes, by site."""
    return [
        LaneRow(site, bool(held), reason, changed, data)
        for site, held, reason, changed, data in reader.rows(_LANES_KEPT)
    ]


def put_lane(tx: Tx, row: LaneRow) -> None:
    """Writes what is kept of a lane."""
    tx.run(_PUT_LANE, (row.site, int(row.held), row.reason, row.changed, row.data))


def remove_lane(tx: Tx, site: str) -> None:
    """Forgets a lane."""
    tx.run(_lane.delete().where(_lane.c.site == site))
