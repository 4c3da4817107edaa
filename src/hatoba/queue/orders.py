"""Orders: how an order of a person is carried out: memory emptied, rows changed page by page, each with its event.

Called by admin alone. On a running queue no refill happens meanwhile; without one only the rows are touched.
Never cuts off an attempt under way: the order is noted and settlement carries it out when the attempt ends.
Fails with StoreTrouble between two pages; what was done before stays done.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from functools import partial

import msgspec

from hatoba.journal import forms
from hatoba.model.event import Event
from hatoba.model.outcome import Attempt
from hatoba.queue.admission import Admission, rows_at_rest
from hatoba.queue.board import Board
from hatoba.queue.choice import Choice
from hatoba.queue.contents import Reading
from hatoba.queue.leased import Leased, last_of
from hatoba.queue.ledger import Ledger
from hatoba.queue.means import Means
from hatoba.queue.notices import Notices, Text, Told, readable
from hatoba.queue.resolving import Resolving
from hatoba.queue.ruling import Ruling
from hatoba.queue.runner import Runner
from hatoba.queue.settle import Order, Settlement, dropped
from hatoba.store import journal as journal_
from hatoba.store import queue as rows_
from hatoba.store import spool
from hatoba.store.rows import HELD, Listed, Seal, Settle
from hatoba.store.sql import Reader, Tx

PAGE = 500  # recipients in one commit

Key = tuple[int, int]  # (letter, n)
Tell = Callable[[int, Sequence[int]], Event]


class Done(msgspec.Struct):
    """What an order did. Counts are recipients; `under_way` ones follow it when their attempt ends."""

    changed: int = 0
    under_way: int = 0


class Online(msgspec.Struct):
    """The parts of a running queue that an order touches."""

    board: Board
    settlement: Settlement
    admission: Admission
    resolving: Resolving
    ledger: Ledger
    runner: Runner


class Orders:
    """One per Admin; `on` is the running queue, None offline."""

    def __init__(self, means: Means, notices: Notices, reading: Reading) -> None:
        self.on: Online | None = None
        self._means = means
        self._notices = notices
        self._reading = reading
        self._lock = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """No refill while rows and memory are changed together; afterwards the loop looks at once."""
        async with self._lock if self.on is None else self.on.runner.lock:
            yield
        if self.on is not None:
            self.on.runner.stir()

    async def recall(self, choice: Choice, order: Order) -> int:
        """Waiting jobs that match go back to the store; for those under way the order is noted: how many."""
        choice.check()
        if self.on is None:
            return 0
        on, now = self.on, self._means.clock()

        def wanted(job: Leased) -> bool:
            return any(_matches(choice, job, n) for n in job.indexes)

        for lane in on.board.lanes.values():
            if jobs := lane.remove(wanted):
                lane.spilled = True
                on.settlement.return_jobs(jobs, now)
        noted = 0
        under_way = [job for lane in on.board.lanes.values() for job in lane.active.values()]
        for job in under_way + on.resolving.matching(wanted):
            for n in job.indexes:
                if _matches(choice, job, n):
                    on.settlement.orders[job.letter.id, n] = order
                    noted += 1
        await on.settlement.finish()
        return noted

    def revoke(self, choice: Choice) -> None:
        """A release takes back the orders noted for recipients under way."""
        if self.on is not None:
            orders = self.on.settlement.orders
            under_way = [job for lane in self.on.board.lanes.values() for job in lane.active.values()]
            for job in under_way + self.on.resolving.matching(lambda job: True):
                for n in job.indexes:
                    if _matches(choice, job, n):
                        orders.pop((job.letter.id, n), None)

    async def select(self, choice: Choice, state: int) -> "AsyncIterator[list[Listed]]":
        choice.check()
        which = choice.rows(state)
        after: Key | None = None
        while True:
            page = await self._reading.run(partial(rows_.select, which=which, limit=PAGE, after=after))
            if fitting := [one for one in page if choice.fits(one.row)]:
                yield fitting
            if len(page) < PAGE:
                return
            after = (page[-1].row.letter, page[-1].row.n)

    async def change(
        self, done: Done, choice: Choice, states: Iterable[int], to: int, due: int | None, tell: Tell
    ) -> set[str]:
        """Every row that matches gets the state (and next_at) with an event; the sites concerned."""
        sites: set[str] = set()
        for state in states:
            async for page in self.select(choice, state):
                keys = [(one.row.letter, one.row.n) for one in page]
                changed = await self._means.writer.do(partial(_change, keys=keys, to=to, due=due, tell=tell))
                sites |= {one.row.site for one in page}
                done.changed += changed
        return sites

    async def drop(self, done: Done, page: list[Listed], by: str, reason: str, tell: bool) -> None:
        if not tell:
            await self._drop(done, page, by, reason, None)
            return
        means, by_letter = self._means, defaultdict[int, list[Listed]](list)
        for one in page:
            by_letter[one.row.letter].append(one)
        for number, part in by_letter.items():  # read before anything is changed: reading may fail
            text = await self._reading.run(partial(_text, means, number))
            await self._drop(done, part, by, reason, text)

    async def _drop(self, done: Done, page: list[Listed], by: str, reason: str, text: Text | None) -> None:
        keys = [(one.row.letter, one.row.n) for one in page]
        # HELD first: from then on no lease can take them
        held, counts = await self._means.writer.do(lambda tx: _put_aside(tx, keys))
        written: list[Awaitable[None]] = []
        for number in sorted({letter for letter, _ in held}):
            n = [m for letter, m in held if letter == number]
            now = self._means.clock()
            told = Told() if text is None else self._tell(text, n, now)
            for signed in self._notices.signing(told):
                await signed
            events = [forms.dropped(number, n, by, now, reason)]
            if self.on is not None:
                written.append(self.on.settlement.remove(number, n, counts[number], events, told))
            else:
                written.append(self._remove(number, n, counts[number], events, told))
            done.changed += len(n)
        for one in written:
            await one

    def _tell(self, text: Text, n: Sequence[int], now: int) -> Told:
        ruling = Ruling(failures=[dropped(m) for m in n])
        return self._notices.compose(ruling, text, Attempt(0, now, "", ruling.failures), False, now)

    def _remove(
        self, number: int, n: Sequence[int], rows: int, events: list[Event], told: Told
    ) -> "asyncio.Future[None]":
        """Without a running queue nobody else counts the letter's rows."""
        seals: list[Seal] = []
        for notice in told.letters:
            fresh, story = rows_at_rest(notice, self._means.clock(), self._means.settings.expire)
            seals.append(Seal(notice, fresh, story))
        gone = (number,) if rows == len(n) else ()
        parts = () if gone else [(number, m) for m in n]
        return self._means.writer.settle(Settle(gone, parts, (), events + told.events, seals))


def _matches(choice: Choice, job: Leased, n: int) -> bool:
    return choice.matches(job.letter, n, job.where(n), last_of(job.last(n)).code if choice.status else "")


def _text(means: Means, number: int, reader: Reader) -> Text:
    return readable(reader, means, spool.load(reader, number))


def _put_aside(tx: Tx, keys: "Sequence[Key]") -> "tuple[list[Key], dict[int, int]]":
    """Rows to HELD; which, and how many rows each letter concerned has in all."""
    held = rows_.set_state(tx, keys, HELD)
    return held, {letter: len(rows_.of_letter(tx, letter)) for letter in {letter for letter, _ in held}}


def _change(tx: Tx, keys: "Sequence[Key]", to: int, due: int | None, tell: Tell) -> int:
    by_letter: dict[int, list[int]] = defaultdict(list)
    changed = rows_.set_state(tx, keys, to, due)
    for letter, n in changed:
        by_letter[letter].append(n)
    journal_.append(tx, [tell(letter, n) for letter, n in by_letter.items()])
    return len(changed)
