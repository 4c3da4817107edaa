"""Refill: due rows of the store become jobs in the lanes: read, routed, leased in one commit, then handed over.

Called by the runner, for lanes that ask and for all that is due. Reading and loading happen in a thread.
Never dials and never waits for DNS: unknown routes go to resolving, as far as it has room.
Fails by row: what cannot be decoded is quarantined; StoreTrouble leaves every row READY for the next turn.
"""

import copy
from collections import defaultdict, deque
from collections.abc import Awaitable, Sequence
from functools import partial

import msgspec

from hatoba.delivery.site import Site
from hatoba.model.envelope import Letter
from hatoba.model.outcome import Attempt, Outcome
from hatoba.model.status import Refusal
from hatoba.queue import backoff
from hatoba.queue.admission import bug, refused
from hatoba.queue.board import Board
from hatoba.queue.contents import Reading
from hatoba.queue.lanes import Lane
from hatoba.queue.leased import Leased, last_of, params_of
from hatoba.queue.ledger import Ledger
from hatoba.queue.means import Means
from hatoba.queue.resolving import Resolving, discard
from hatoba.queue.settle import Settlement
from hatoba.store import queue as rows_
from hatoba.store import spool, trouble
from hatoba.store.rows import HELD, READY, Lease, RecipientRow, RecipientUpdate
from hatoba.store.sql import Reader, Tx

SUSPECT = 2  # crashes from which a recipient waits in line
ALONE = 3  # crashes from which it travels alone: the next one will be its own
WINDOW = 64  # most suspects under way together; it starts at one and each that ends well earns one more
SUSPECTS = 10_000  # keys of suspects known in memory
ASIDE = 60_000  # ms: the rows of waiting suspects are put off by this, so that others are read
TOGETHER = 64  # sites read in one visit to the thread

Key = tuple[int, int]  # (letter, n)


class _Read(msgspec.Struct):
    """What the thread found: rows by site and their letters."""

    rows: dict[str, list[RecipientRow]]
    letters: dict[int, Letter]
    troubles: list[trouble.StoreTrouble]


class Leases(msgspec.Struct):
    """What a lease got: the (letter, n) that may go, and how many rows each letter with several recipients has."""

    keys: set[Key]
    left: dict[int, int]


class _Picked(msgspec.Struct):
    """What may go now, and what must be written of the rest. Keys: (lane's name, or domain, letter, attempts)."""

    jobs: dict[tuple[str, int, int], list[RecipientRow]]
    lanes: dict[str, Lane]
    unknown: dict[tuple[str, int, int], tuple[list[RecipientRow], Awaitable[Site]]]
    refused: list[tuple[RecipientRow, Outcome]]
    moved: list[RecipientUpdate]
    taken: dict[str, int]


class Refill:
    """One per queue."""

    def __init__(
        self,
        means: Means,
        board: Board,
        ledger: Ledger,
        resolving: Resolving,
        settlement: Settlement,
        reading: Reading,
    ) -> None:
        self._means = means
        self._board = board
        self._ledger = ledger
        self._resolving = resolving
        self._settlement = settlement
        self._reading = reading
        self._suspects: deque[Key] = deque()  # wait for their turn, put off in the store
        self._grave: deque[Key] = deque()  # those that travel alone
        self._tested: list[Leased] = []  # suspects under way
        self._window = 1

    async def fill(self, sites: Sequence[str]) -> int:
        """Leases what is due for `sites`, as far as their lanes have room; how many recipients went."""
        total = 0
        for start in range(0, len(sites), TOGETHER):
            wanted = {site: room for site in sites[start : start + TOGETHER] if (room := self._room(site)) > 0}
            free = self._means.settings.memory_jobs - self._means.gate.jobs
            share = max(free // max(len(wanted), 1), 1)  # what memory is left is shared out, one for each at least
            wanted = {site: min(room, share) for site, room in wanted.items()}
            if wanted:
                total += await self._fill(wanted)
        return total + await self._next_suspect()

    def _room(self, site: str) -> int:
        if not site:
            return min(self._resolving.room(), self._means.settings.lease) if self._means.gate.open else 0
        if not self._means.gate.open:
            return 0
        lane = self._board.lanes.get(site)
        if lane is None:
            full = self._means.gate.jobs >= self._means.settings.memory_jobs
            return 0 if site in self._board.holds else 1 if full else self._means.settings.lease
        return min(lane.room(), self._means.settings.lease)

    async def _fill(self, wanted: dict[str, int]) -> int:
        now = self._means.clock()
        read = await self._reading.run(lambda reader: _read(reader, wanted, now))
        picked = self._pick(read, now)
        for site, rows in read.rows.items():
            lane = self._board.lanes.get(site)
            if lane is not None:
                lane.spilled = len(rows) >= wanted[site]
        return await self._lease(picked, read, now)

    async def _lease(self, picked: _Picked, read: _Read, now: int) -> int:
        means = self._means
        leases = [
            Lease(row.letter, row.n, backoff.schedule(means.settings, row.attempts + 1, now, means.draw()))
            for row in _rows(picked)
        ]
        if not leases and not picked.moved:
            return 0
        for name, count in picked.taken.items():
            picked.lanes[name].reserved += count
        try:
            several = [n for n in {lease.letter for lease in leases} if len(read.letters[n].envelope.recipients) > 1]
            leased = await means.writer.do(lambda tx: lease(tx, leases, several, picked.moved))
        except BaseException:
            for _, route in picked.unknown.values():
                discard(route)
            raise
        finally:
            for name, count in picked.taken.items():
                picked.lanes[name].reserved -= count
        self._hand_over(picked, read, leased, now)
        return len(leased.keys)

    # those that were under way in several crashes

    async def _next_suspect(self) -> int:
        """Sends suspects as far as their window allows; how many recipients went."""
        total = 0
        while self._means.gate.open and (line := self._line()) is not None:
            key, now = line.popleft(), self._means.clock()
            read = await self._reading.run(partial(_read_one, key=key))
            picked = self._pick(read, now, alone=True)
            total += await self._lease(picked, read, now)
        return total

    def _line(self) -> deque[Key] | None:
        """The line whose first suspect may go now. Settlement takes the mark off those that ended."""
        under_way = [job for job in self._tested if job.suspect]
        self._window = min(self._window + len(self._tested) - len(under_way), WINDOW)
        self._tested = under_way
        if self._suspects:
            return self._suspects if len(under_way) < self._window else None
        return self._grave if self._grave and not under_way else None

    def _put_off(self, picked: _Picked, row: RecipientRow, now: int) -> None:
        """It waits in a list of keys; its row moves out of the way of the others."""
        key, line = (row.letter, row.n), self._grave if row.crashes >= ALONE else self._suspects
        if key not in line and len(line) < SUSPECTS:
            line.append(key)
        self._move(picked, row, row.site, READY, now + ASIDE)

    # choosing

    def _pick(self, read: _Read, now: int, alone: bool = False) -> _Picked:
        picked = _Picked(defaultdict(list), {}, {}, [], [], defaultdict(int))
        for error in read.troubles:
            self._settlement.quarantine(getattr(error, "id", 0), str(error))
        bad: set[int] = set()
        for site, rows in read.rows.items():
            for row in rows:
                letter = read.letters.get(row.letter)
                if letter is None or row.letter in bad:
                    continue
                if row.crashes >= SUSPECT and not alone:
                    self._put_off(picked, row, now)
                    continue
                try:
                    _decode(row, letter)
                except (msgspec.MsgspecError, trouble.BadRow) as error:
                    bad.add(row.letter)
                    self._settlement.quarantine(row.letter, f"its row cannot be read: {error}")
                    continue
                try:
                    self._route(picked, site, row, letter, now)
                except Exception:  # noqa: BLE001  a bug is contained: logged whole, the letter stays
                    status = bug(self._means, letter, "routing")
                    picked.refused.append((row, refused(row.n, status)))
        return picked

    def _route(self, picked: _Picked, site: str, row: RecipientRow, letter: Letter, now: int) -> None:
        try:
            where = self._means.courier.route(letter.envelope.recipients[row.n].address)
        except Refusal as refusal:
            picked.refused.append((row, refused(row.n, refusal.status)))
            return
        if not isinstance(where, Site):
            known = self._board.lanes.get(site)
            if known is None:
                self._ask(picked, row, where)
                return
            discard(where)  # it went this way before: the lane's channel asks DNS anew by itself
            where = known.site
        lane = self._board.lane(where)
        if where.name in self._board.holds:  # filters hold what comes in; what was released from them goes
            self._move(picked, row, where.name, HELD, row.next_at)
        elif picked.taken.get(where.name, 0) < lane.room():
            picked.lanes[where.name] = lane
            key = (where.name, row.letter, row.attempts)
            if key not in picked.jobs:
                picked.taken[where.name] += 1
            picked.jobs[key].append(row)
        elif where.name != site:
            self._move(picked, row, where.name, READY, row.next_at)
            lane.spilled = True

    def _ask(self, picked: _Picked, row: RecipientRow, route: Awaitable[Site]) -> None:
        """The rows of one letter and domain wait for their route together."""
        key = (row.domain, row.letter, row.attempts)
        waiting = picked.unknown.get(key)
        if waiting is not None:
            waiting[0].append(row)
        elif len(picked.unknown) < self._resolving.room():
            picked.unknown[key] = ([row], route)
            return
        discard(route)

    def _move(self, picked: _Picked, row: RecipientRow, site: str, state: int, due: int) -> None:
        picked.moved.append(
            RecipientUpdate(
                row.letter, row.n, site, state, row.attempts, due, row.priority, row.crashes, row.params, row.last
            )
        )

    # handing over

    def _hand_over(self, picked: _Picked, read: _Read, leased: Leases, now: int) -> None:
        wake: dict[str, Lane] = {}
        for (name, _, attempts), found in picked.jobs.items():
            rows = tuple(row for row in found if (row.letter, row.n) in leased.keys)
            if rows:
                picked.lanes[name].put(self._job(read, leased, rows, attempts + 1))
                wake[name] = picked.lanes[name]
        for (_, _, attempts), (found, route) in picked.unknown.items():
            rows = tuple(row for row in found if (row.letter, row.n) in leased.keys)
            if rows:
                self._resolving.add(self._job(read, leased, rows, attempts + 1), route)
            else:
                discard(route)
        for row, outcome in picked.refused:
            if (row.letter, row.n) in leased.keys:
                job = self._job(read, leased, (row,), row.attempts + 1)
                self._settlement.settle(None, job, Attempt(now, now, "", [outcome]))
        for lane in wake.values():
            lane.wake()

    def _job(self, read: _Read, leased: Leases, rows: tuple[RecipientRow, ...], attempts: int) -> Leased:
        number = rows[0].letter
        letter = copy.copy(read.letters[number])  # its own: contents come and go job by job
        if number in leased.left:
            self._ledger.enter(number, leased.left[number])
        suspect = any(row.crashes >= SUSPECT for row in rows)
        job = Leased(letter, tuple([row.n for row in rows]), attempts, rows, suspect)
        if suspect:
            self._tested.append(job)
        return job


def _rows(picked: _Picked) -> list[RecipientRow]:
    rows = [row for found in picked.jobs.values() for row in found]
    rows += [row for found, _ in picked.unknown.values() for row in found]
    rows += [row for row, _ in picked.refused]
    return rows


def _decode(row: RecipientRow, letter: Letter) -> None:
    """What only breaks when it is needed, found out now. ValueError and its kin."""
    params_of(row.params)
    last_of(row.last)
    if row.n >= len(letter.envelope.recipients):
        raise trouble.BadRow(row.letter, f"recipient {row.n} of {len(letter.envelope.recipients)}")


def _read_one(reader: Reader, key: Key) -> _Read:
    rows = [row for row in rows_.of_letter(reader, key[0]) if row.n == key[1] and row.state == READY]
    return _gather(reader, {row.site: [row] for row in rows})


def _read(reader: Reader, wanted: dict[str, int], now: int) -> _Read:
    return _gather(reader, {site: rows_.due(reader, site, now, limit) for site, limit in wanted.items()})


def _gather(reader: Reader, rows: dict[str, list[RecipientRow]]) -> _Read:
    numbers = list({row.letter for found in rows.values() for row in found})
    letters, troubles = spool.load_many(reader, numbers, False)
    return _Read(rows, letters, list(troubles))


def lease(tx: Tx, leases: list[Lease], several: list[int], moved: Sequence[RecipientUpdate] = ()) -> Leases:
    """Leases in one transaction with the count of rows of each letter in `several`, which is right for this commit."""
    if moved:
        rows_.change(tx, moved)
    keys = rows_.lease(tx, leases) if leases else set()
    return Leases(keys, {number: len(rows_.of_letter(tx, number)) for number in several})
