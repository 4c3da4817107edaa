"""The queue's rows: what is due for which lane, leases, recovery, an administrator's filter, counts.

Called by the queue room with a Reader or, to write, inside `writer.do`. Seal and Settle do not come this way.
Never decides when to try again and never holds a letter's content.
Fails with StoreTrouble. Every function costs the same at a thousand and at a million rows, but for `counts`.
"""

from __future__ import annotations

from collections.abc import Sequence

from hatoba.store.rows import Count, Due, Filter, LaneRow, Lease, Listed, RecipientRow, RecipientUpdate, Recovered
from hatoba.store.sqlite import Reader, Tx


def lanes_due(reader: Reader, now: int, limit: int = 10_000) -> list[Due]:
    """Lanes that have a READY row with next_at <= now, by site. One index step per lane, however long it is."""


def next_due(reader: Reader, limit: int = 10_000) -> list[Due]:
    """Every lane with READY rows and its earliest next_at, due or not: what to set the next timer by."""


def due(reader: Reader, site: str, now: int, limit: int) -> list[RecipientRow]:
    """READY rows of one lane with next_at <= now: priority descending, then next_at, letter, n; at most `limit`."""


def lease(tx: Tx, leases: Sequence[Lease]) -> set[tuple[int, int]]:
    """READY → ACTIVE with attempts + 1 and the next_at given; the (letter, n) that were still READY: only they may go.

    Write it and wait for the commit before dialling: a crash is then no retry storm.
    """


def give_back(tx: Tx, keys: Sequence[tuple[int, int]], next_at: int) -> int:
    """ACTIVE → READY without an attempt made (drain, a lane cut short): attempts - 1, due at `next_at`."""


def recover(tx: Tx, now: int, quarantine_after: int) -> Recovered:
    """At start: ACTIVE rows of the former run become READY at `now` with crashes + 1; at `quarantine_after` crashes
    they become QUARANTINED. One statement over an index of the ACTIVE rows alone."""


def quarantine(tx: Tx, letter: int, reason: str) -> int:
    """Sets every recipient of a letter aside; `reason` goes to `last` as {"quarantined": reason}. How many."""


def of_letter(reader: Reader, letter: int) -> list[RecipientRow]:
    """The recipients of a letter still in the queue, by n."""


def select(reader: Reader, which: Filter, limit: int, after: tuple[int, int] | None = None) -> list[Listed]:
    """Recipients that match, by (letter, n), from behind `after` (the last key of the page before); at most `limit`."""


def change(tx: Tx, rows: Sequence[RecipientUpdate]) -> None:
    """Writes the columns of RecipientUpdate for every row named."""


def set_state(tx: Tx, keys: Sequence[tuple[int, int]], state: int, next_at: int | None = None) -> list[tuple[int, int]]:
    """Hold, release, retry now: READY, HELD and QUARANTINED rows among `keys` get the state (and next_at); which.

    ACTIVE rows are in a worker's memory and left alone: the queue room settles them itself.
    """


def move(tx: Tx, site: str, state: int, to: int, next_at: int | None, limit: int) -> list[tuple[int, int]]:
    """The same for a whole lane: rows of `site` in `state` (not ACTIVE), at most `limit` a call; which."""


def counts(reader: Reader) -> list[Count]:
    """Recipients by site and state, with the earliest next_at. Walks the indexes: 0.2 s for a million; in a thread."""


def lanes(reader: Reader) -> list[LaneRow]:
    """What is kept of lanes."""


def put_lane(tx: Tx, row: LaneRow) -> None:
    """Writes what is kept of a lane."""


def remove_lane(tx: Tx, site: str) -> None:
    """Forgets a lane."""
