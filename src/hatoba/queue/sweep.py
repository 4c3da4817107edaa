"""Sweep: letters at rest whose time is over, or whose sender should hear that they wait.

Called by the runner, one page a turn: a rolling walk over the READY rows, oldest letters first, then a rest.
Never touches what is in memory, held or quarantined; it leases a row for the moment it takes to settle it.
Fails as the store does; the walk goes on from where it stood.
"""

from collections import defaultdict

import msgspec

from hatoba.model.envelope import Letter
from hatoba.queue.contents import Reading
from hatoba.queue.leased import Leased
from hatoba.queue.ledger import Ledger
from hatoba.queue.means import Means
from hatoba.queue.refill import lease
from hatoba.queue.ruling import delay_at, delay_due
from hatoba.queue.settle import Settlement
from hatoba.store import queue as rows_
from hatoba.store import spool
from hatoba.store.rows import READY, Filter, Lease, Listed, RecipientRow
from hatoba.store.sql import Reader

PAGE = 1000  # rows a turn
REST = 60_000  # ms between two walks


class _Found(msgspec.Struct):
    listed: list[Listed]
    letters: dict[int, Letter]


class Sweep:
    """One per queue."""

    def __init__(self, means: Means, ledger: Ledger, settlement: Settlement, reading: Reading) -> None:
        self._means = means
        self._ledger = ledger
        self._settlement = settlement
        self._reading = reading
        self._after: tuple[int, int] | None = None
        self._next = 0

    async def step(self, now: int) -> int:
        """One page, unless it rests; how many recipients were settled."""
        if 0 < self._next - now <= REST or not self._means.gate.open:
            return 0
        after = self._after
        # without a condition on the state: the walk then follows the key and costs the same for any queue
        page = await self._reading.run(lambda r: rows_.select(r, Filter(), PAGE, after))
        if len(page) < PAGE:
            self._after, self._next = None, now + REST
        else:
            self._after = (page[-1].row.letter, page[-1].row.n)
        late = [one for one in page if self._late(one, now)]
        return await self._settle(late, now) if late else 0

    def _late(self, one: Listed, now: int) -> bool:
        """Cheaply: may this row be due for something? DELIVERBY with N is seen at the letter's attempts."""
        return one.row.state == READY and (
            now >= one.expires
            or (now >= delay_at(one.accepted, 0, self._means.settings) and b'"delayed"' not in one.row.params)
        )

    async def _settle(self, late: list[Listed], now: int) -> int:
        found = await self._reading.run(lambda reader: _load(reader, late))
        due: dict[tuple[int, int], list[Listed]] = defaultdict(list)
        for one in found.listed:
            letter = found.letters.get(one.row.letter)
            if letter is None:
                continue
            probe = Leased(letter, (one.row.n,), one.row.attempts, (one.row,))
            if now >= letter.expires or delay_due(probe, one.row.n, self._means.settings, now):
                due[one.row.letter, one.row.attempts].append(one)
        if not due:
            return 0
        leases = [Lease(one.row.letter, one.row.n, -one.row.next_at) for group in due.values() for one in group]
        several = [n for n in {one.letter for one in leases} if len(found.letters[n].envelope.recipients) > 1]
        leased = await self._means.writer.do(lambda tx: lease(tx, leases, several))
        for (number, attempts), group in due.items():
            rows = tuple([one.row for one in group if (number, one.row.n) in leased.keys])
            if rows:
                if number in leased.left:
                    self._ledger.enter(number, leased.left[number])
                self._one(found.letters[number], attempts, rows, now)
        return len(leased.keys)

    def _one(self, letter: Letter, attempts: int, rows: tuple[RecipientRow, ...], now: int) -> None:
        indexes = tuple([row.n for row in rows])
        if now >= letter.expires:
            self._settlement.expire(Leased(letter, indexes, attempts, rows))
        else:
            self._settlement.remind(Leased(letter, indexes, attempts + 1, rows))


def _load(reader: Reader, late: list[Listed]) -> _Found:
    numbers = list({one.row.letter for one in late})
    letters, _ = spool.load_many(reader, numbers, False)  # what cannot be read is quarantined when it is due
    return _Found(late, letters)
