"""Settlement: an ended attempt becomes one transaction: rows gone, rows put off, events, and the DSNs it calls for.

Called by lanes (done), resolving and refill (no way to a recipient), admin's orders ride along.
Never dials again what is known to be delivered: outcomes stay in memory until they are on disk (ink).
Fails in nothing: a bug in here defers the letter with 4.3.0, or quarantines it when its time is over.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial

import msgspec

from hatoba.journal import forms
from hatoba.model.event import Event
from hatoba.model.outcome import DEFERRED, DELIVERED, FAILED, Attempt, Outcome
from hatoba.model.status import Status
from hatoba.queue import backoff
from hatoba.queue.admission import Admission, Plan, bug
from hatoba.queue.contents import Contents, Reading
from hatoba.queue.ink import Ink
from hatoba.queue.lanes import Lane
from hatoba.queue.leased import Leased, last_bytes, last_of, params_bytes, params_of
from hatoba.queue.ledger import Ledger
from hatoba.queue.means import Means
from hatoba.queue.notices import Notices, Text, Told, readable
from hatoba.queue.ruling import Ruling, rule
from hatoba.store import journal as journal_
from hatoba.store import queue as rows_
from hatoba.store import trouble
from hatoba.store.rows import HELD, QUARANTINED, READY, RecipientUpdate, Settle
from hatoba.store.sql import Tx

_FINAL = frozenset({"local", "lmtp"})  # kinds of site where taken means delivered
NOTHING: dict[int, int] = {}


class Order:
    """What a person ordered about a recipient under way: applied when its attempt ends and it would stay."""

    __slots__ = ("by", "hold", "reason", "tell")

    def __init__(self, by: str, reason: str, *, hold: bool, tell: bool = False) -> None:
        self.by = by
        self.reason = reason
        self.hold = hold
        self.tell = tell


class Settlement:
    """One per queue; satisfies lanes.Settlement and resolving.Settling."""

    admission: Admission  # set by Queue, before the first letter

    def __init__(
        self, means: Means, contents: Contents, ledger: Ledger, ink: Ink, notices: Notices, reading: Reading
    ) -> None:
        self.orders: dict[tuple[int, int], Order] = {}  # of recipients under way
        self.nudge: Callable[[], None] = lambda: None  # wakes the runner: the next suspect may go
        self._means = means
        self._contents = contents
        self._ledger = ledger
        self._ink = ink
        self._notices = notices
        self._reading = reading
        self._tasks: set[asyncio.Task[None]] = set()
        ink.spoiled = self._spoiled

    def _cleared(self, job: Leased) -> None:
        """Whatever became of it, we are still alive."""
        if job.suspect:
            job.suspect = False
            self.nudge()

    # outcomes

    def settle(self, lane: Lane | None, job: Leased, attempt: Attempt) -> None:
        """One ended attempt. Hot for one recipient delivered, which nobody wants to be told of."""
        letter, outcomes = job.letter, attempt.outcomes
        if job.suspect:
            self._cleared(job)
        try:
            if len(outcomes) == 1:
                outcome = outcomes[0]
                recipients = letter.envelope.recipients
                if (
                    outcome.kind == DELIVERED
                    and len(recipients) == 1
                    and outcome.n == 0
                    and not (recipients[0].notify and outcome.dsn and "SUCCESS" in recipients[0].notify)
                ):
                    self._contents.release(letter)
                    self.orders.pop((letter.id, 0), None) if self.orders else None
                    events = forms.settled(job, attempt, NOTHING)
                    self._ink.write(Settle((letter.id,), (), (), events), _nothing)
                    return
            self._settle(lane, job, attempt)
        except Exception:  # noqa: BLE001  a bug is contained: logged whole, the letter stays
            self._contain(job, attempt)

    def _settle(self, lane: Lane | None, job: Leased, attempt: Attempt) -> None:
        means, now = self._means, self._means.clock()
        ruling = rule(job, attempt, means.settings, now, means.draw())
        events = forms.settled(job, attempt, ruling.next_at)
        if self.orders:
            self._obey(job, ruling, events, now)
        if not ruling.notices:
            self._write(job, ruling, events, Told())
            return
        final = lane is not None and lane.site.kind in _FINAL
        if job.letter.content is not None:
            told = self._notices.compose(ruling, Text(job.letter), attempt, final, now)
            signing = self._notices.signing(told)
            if not signing:
                self._write(job, ruling, events, told)
            else:
                self._start(self._sign_and_write(job, ruling, events, told, signing))
            return
        self._start(self._read_and_write(job, attempt, ruling, events, final))

    async def _sign_and_write(
        self, job: Leased, ruling: Ruling, events: list[Event], told: Told, signing: Iterable[Awaitable[None]]
    ) -> None:
        for signed in signing:
            await signed
        self._write(job, ruling, events, told)

    async def _read_and_write(
        self, job: Leased, attempt: Attempt, ruling: Ruling, events: list[Event], final: bool
    ) -> None:
        """The same where the notice needs a content that is not in memory."""
        means = self._means
        try:
            text = await self._reading.run(lambda reader: readable(reader, means, job.letter))
            told = self._notices.compose(ruling, text, attempt, final, means.clock())
            for signed in self._notices.signing(told):
                await signed
        except Exception:  # noqa: BLE001  a bug is contained: logged whole, the letter stays
            self._contain(job, attempt)
        else:
            self._write(job, ruling, events, told)

    def _write(self, job: Leased, ruling: Ruling, events: list[Event], told: Told) -> None:
        letter = job.letter
        admission = self.admission
        plans = [admission.plan(notice) for notice in told.letters]
        gone: tuple[int, ...] = ()
        parts: list[tuple[int, int]] = []
        if ruling.gone:
            left = 0 if len(letter.envelope.recipients) == 1 else self._ledger.gone(letter.id, len(ruling.gone))
            if left == 0:
                gone = (letter.id,)
            else:
                parts = [(letter.id, n) for n in ruling.gone]
        self._contents.release(letter)
        item = Settle(gone, parts, ruling.rows, events + told.events, [admission.seal(plan) for plan in plans])
        self._ink.write(item, partial(self._written, letter.id, plans))

    def _written(self, letter: int, plans: list[Plan]) -> None:
        self._ledger.leave(letter)
        for plan in plans:
            self.admission.sealed(plan)

    def _obey(self, job: Leased, ruling: Ruling, events: list[Event], now: int) -> None:
        """Orders about recipients that were under way: those that would stay are held or dropped."""
        letter = job.letter.id
        for n in job.indexes:
            order = self.orders.pop((letter, n), None)
            row = next((row for row in ruling.rows if row.n == n), None)
            if order is None or row is None:
                continue
            if order.hold:
                row.state = HELD
                events.append(forms.held(letter, (n,), order.by, now, order.reason))
            else:
                ruling.rows.remove(row)
                ruling.delays = [outcome for outcome in ruling.delays if outcome.n != n]
                ruling.gone.append(n)
                if order.tell:
                    ruling.failures.append(dropped(n))
                events.append(forms.dropped(letter, (n,), order.by, now, order.reason))

    def remove(
        self, letter: int, n: Sequence[int], rows: int, events: list[Event], told: Told
    ) -> "asyncio.Future[None]":
        """A person's order takes recipients at rest out; done when it is on disk, whatever the disk says first.

        `rows` counts those of the letter in the commit that put these aside.
        """
        plans = [self.admission.plan(notice) for notice in told.letters]
        self._ledger.enter(letter, rows)  # as a job of its own: others of the letter may end meanwhile
        gone = (letter,) if self._ledger.gone(letter, len(n)) == 0 else ()
        parts = () if gone else [(letter, m) for m in n]
        seals = [self.admission.seal(plan) for plan in plans]
        removed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def then() -> None:
            self._written(letter, plans)
            if not removed.done():
                removed.set_result(None)

        self._ink.write(Settle(gone, parts, (), events + told.events, seals), then)
        return removed

    # trouble of our own making

    def _contain(self, job: Leased, attempt: Attempt) -> None:
        """A bug: what was delivered goes, the rest waits with 4.3.0 (or stands aside when its time is over)."""
        means, now, letter = self._means, self._means.clock(), job.letter
        status = bug(means, letter, "settling")
        delivered = {outcome.n for outcome in attempt.outcomes if outcome.kind == DELIVERED}
        over = now >= letter.expires > 0
        due = backoff.schedule(means.settings, job.attempts, now, means.draw())
        ruling = Ruling(gone=[n for n in job.indexes if n in delivered])
        events: list[Event] = []
        rest = [n for n in job.indexes if n not in delivered]
        for n in rest:
            state = QUARANTINED if over else READY
            last = last_bytes(Outcome(n, DEFERRED, status), now)
            ruling.rows.append(self._update(job, n, state, job.attempts, due, job.where(n), last))
        told = [Outcome(n, DELIVERED, next(o.status for o in attempt.outcomes if o.n == n)) for n in ruling.gone] + [
            Outcome(n, DEFERRED, status) for n in rest
        ]
        plain = Attempt(attempt.started, attempt.ended, attempt.site, told, attempt.host)
        try:
            events = forms.settled(job, plain, dict.fromkeys(rest, due))
        except Exception:  # noqa: BLE001  a bug is contained: logged whole, the letter stays
            bug(means, letter, "telling of an attempt")
        if over and rest:
            events.append(forms.quarantined(letter.id, rest, str(status), now))
        self._write(job, ruling, events, Told())

    def _spoiled(self, item: Settle, then: Callable[[], None], error: BaseException) -> None:
        """The store refuses this one item: what is gone goes without its story, the rest is recovered at next start."""
        if not (item.events or item.seals):
            self._means.log.critical("an outcome cannot be written at all", gone=list(item.gone), error=repr(error))
            return
        self._ink.write(Settle(item.gone, item.recipients_gone, item.rows), then)

    def unreadable(self, job: Leased, error: trouble.StoreTrouble) -> None:
        """Its content cannot be read: set aside when the row is at fault, tried again later when the disk is."""
        means, now = self._means, self._means.clock()
        if isinstance(error, trouble.BadRow | trouble.Gone):
            self._cleared(job)
            self._contents.release(job.letter)
            self.quarantine(job.letter.id, str(error), partial(self._ledger.leave, job.letter.id))
            return
        means.log.warning("content cannot be read now", letter=job.letter.id, error=str(error))
        self.return_jobs([job], now + int(means.settings.site_first * 1000))

    def quarantine(self, letter: int, reason: str, then: Callable[[], None] | None = None) -> None:
        """Sets a letter aside in the store, with its event."""
        event = forms.quarantined(letter, (), reason, self._means.clock())
        self._means.log.error("quarantined", letter=letter, reason=reason)
        self._start(self._quarantine(letter, reason, event, then))

    async def _quarantine(self, letter: int, reason: str, event: Event, then: Callable[[], None] | None) -> None:
        try:
            await self._means.writer.do(lambda tx: quarantine_tx(tx, letter, reason, event))
        except trouble.StoreTrouble as error:
            self._means.log.error("quarantine could not be written", letter=letter, error=str(error))
        if then is not None:
            then()

    # jobs that go back

    def return_jobs(self, jobs: list[Leased], next_at: int, site: str | None = None) -> None:
        """Jobs out of memory, not attempted: READY at `next_at`, the attempt not counted. `site` re-routes them."""
        self._back(jobs, READY, next_at, site, ())

    def hold_job(self, job: Leased, site: str, reason: str) -> None:
        """A job that a rule holds."""
        now = self._means.clock()
        event = forms.held(job.letter.id, job.indexes, "rule", now, reason)
        self._back([job], HELD, now, site, (event,))

    def hold_jobs(self, jobs: list[Leased], by: str, reason: str) -> None:
        """Jobs out of memory that a person holds."""
        now = self._means.clock()
        self._back(jobs, HELD, now, None, [forms.held(j.letter.id, j.indexes, by, now, reason) for j in jobs])

    def _back(self, jobs: list[Leased], state: int, due: int, site: str | None, events: Iterable[Event]) -> None:
        updates: list[RecipientUpdate] = []
        numbers: list[int] = []
        for job in jobs:
            self._cleared(job)
            rows = [
                self._update(job, n, state, job.attempts - 1, due, job.where(n) if site is None else site, job.last(n))
                for n in job.indexes
            ]
            if self.ordered(job):
                self._back_obeying(job, Ruling(rows=rows))
                continue
            self._contents.release(job.letter)
            numbers.append(job.letter.id)
            updates += rows
        if updates:
            self._ink.write(Settle(rows=updates, events=list(events)), partial(self._left, numbers))

    def _back_obeying(self, job: Leased, ruling: Ruling) -> None:
        """A job that a person gave an order about while it was under way, and that was not tried after all."""
        now, story = self._means.clock(), list[Event]()
        self._obey(job, ruling, story, now)
        if not ruling.notices:
            self._write(job, ruling, story, Told())
            return
        attempt = Attempt(0, now, job.site, ruling.failures)
        self._start(self._read_and_write(job, attempt, ruling, story, False))

    def ordered(self, job: Leased) -> bool:
        """Whether a person's order about one of its recipients waits to be carried out."""
        return bool(self.orders) and any((job.letter.id, n) in self.orders for n in job.indexes)

    def _left(self, letters: list[int]) -> None:
        for letter in letters:
            self._ledger.leave(letter)

    def remind(self, job: Leased) -> None:
        """A letter at rest, leased for a moment: its sender is told that it waits, the rows go back as they were."""
        now, outcomes = self._means.clock(), [at_rest(job, n) for n in job.indexes]
        ruling = Ruling(delays=outcomes)
        for before in job.rows:  # each to its own lane
            row = self._update(job, before.n, READY, job.attempts - 1, before.next_at, before.site, before.last)
            row.crashes = before.crashes
            row.params = params_bytes(msgspec.structs.replace(params_of(row.params), delayed=now))
            ruling.rows.append(row)
        attempt = Attempt(0, now, job.rows[0].site, outcomes)
        self._start(self._read_and_write(job, attempt, ruling, [], False))

    def expire(self, job: Leased) -> None:
        """A letter at rest, leased for a moment, whose time is over."""
        now = self._means.clock()
        self.settle(None, job, Attempt(0, now, job.rows[0].site, [at_rest(job, n) for n in job.indexes]))

    def _update(
        self, job: Leased, n: int, state: int, attempts: int, due: int, site: str, last: bytes
    ) -> RecipientUpdate:
        priority = job.letter.envelope.priority
        return RecipientUpdate(job.letter.id, n, site, state, attempts, due, priority, 0, job.params(n), last)

    def _start(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def open(self) -> bool:
        """Something is being composed or written."""
        return bool(self._tasks) or self._means.gate.unsettled > 0

    async def finish(self) -> None:
        """Waits for what is being composed, then for what is being written."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        await self._ink.idle()


def _nothing() -> None:
    """A letter with one recipient leaves no account to close."""


def quarantine_tx(tx: Tx, letter: int, reason: str, event: Event) -> int:
    """Rows and event in one."""
    count = rows_.quarantine(tx, letter, reason)
    if count:
        journal_.append(tx, [event])
    return count


def at_rest(job: Leased, n: int) -> Outcome:
    """The last that is known of a recipient that was not tried now."""
    last = last_of(job.last(n))
    return Outcome(n, DEFERRED, Status(last.code or "4.4.7", last.text or "Not attempted yet"), last.reply)


def dropped(n: int) -> Outcome:
    """What the sender is told of a recipient that a person removed."""
    return Outcome(n, FAILED, Status("5.7.0", "Removed from the queue by an administrator"))
