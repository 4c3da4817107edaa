"""Admission: a letter becomes rows, jobs and lanes: planned before its commit, handed to the lanes after it.

Called by `Queue.enqueue` for letters from the doors and by settlement for the DSNs it writes.
Never waits for DNS: a recipient whose route is not known yet is sealed without a lane and routed after the commit.
Fails in nothing: whatever goes wrong in routing defers that recipient with 4.3.0 and an error id.
"""

from collections.abc import Awaitable

import msgspec

from hatoba.delivery.site import Site
from hatoba.journal import forms
from hatoba.model.envelope import Letter
from hatoba.model.event import Event
from hatoba.model.outcome import DEFERRED, FAILED, Attempt, Outcome
from hatoba.model.status import Refusal, Status
from hatoba.queue import backoff
from hatoba.queue.board import Board
from hatoba.queue.contents import Contents
from hatoba.queue.lanes import Lane
from hatoba.queue.leased import Leased, held_bytes, last_bytes
from hatoba.queue.ledger import Ledger
from hatoba.queue.means import Means
from hatoba.queue.resolving import Resolving, Settling, discard
from hatoba.store.rows import ACTIVE, HELD, READY, RecipientRow, Seal


class Plan(msgspec.Struct):
    """What admission decided about one letter, until its commit says it holds."""

    letter: Letter
    rows: list[RecipientRow]
    events: list[Event]
    groups: dict[str, tuple[Lane, list[int]]] = {}
    unknown: dict[str, tuple[list[int], Awaitable[Site]]] = {}  # by domain: it alone decides where DNS is asked
    refused: list[Outcome] = []
    orders: int = 0  # Board.orders when it was made: a later order concerns it too


class Admission:
    """One per queue."""

    def __init__(
        self,
        means: Means,
        board: Board,
        contents: Contents,
        ledger: Ledger,
        resolving: Resolving,
        settlement: Settling,
    ) -> None:
        self._means = means
        self._board = board
        self._contents = contents
        self._ledger = ledger
        self._resolving = resolving
        self._settlement = settlement
        self._route = means.courier.route

    def plan(self, letter: Letter) -> Plan:
        """Rows and jobs of a letter. Lanes hold the places of its jobs until `sealed` or `refused`. Hot."""
        means, now = self._means, self._means.clock()
        envelope = letter.envelope
        _deadline(letter, means.settings.expire)
        plan = Plan(letter, [], [], orders=self._board.orders)
        retry = backoff.schedule(means.settings, 1, now, means.draw())
        orders = bool(self._board.holds or self._board.filters)
        rows, number, priority = plan.rows, letter.id, envelope.priority
        hold = letter.notes.hold if letter.notes is not None else ""
        for n, recipient in enumerate(envelope.recipients):
            address = recipient.address
            if hold:
                where, due, last = "", envelope.hold_until or now, held_bytes(hold)
            elif envelope.hold_until > now:
                where, due, last = "", envelope.hold_until, b"{}"
            else:
                where, due, last = self._place(plan, n, now, orders)
            state, attempts = (ACTIVE, 1) if due == 0 else (READY, 0)
            if hold:
                state = HELD
            elif orders and (reason := self._board.held(letter, n, where)):
                self._withdraw(plan, n, where)
                state, attempts = HELD, 0
                plan.events.append(forms.held(number, (n,), "rule", now, reason))
            rows.append(
                RecipientRow(
                    number,
                    n,
                    str(address),
                    address.domain,
                    where,
                    state,
                    attempts,
                    due or retry,
                    priority,
                    0,
                    b"{}",
                    last,
                )
            )
        for lane, _ in plan.groups.values():
            lane.reserved += 1
        if hold:
            plan.events.append(forms.held(number, (), "checks", now, hold))
        plan.events.insert(0, forms.accepted(letter, [row.site for row in rows], retry))
        return plan

    def _place(self, plan: Plan, n: int, now: int, orders: bool) -> tuple[str, int, bytes]:
        """(lane's name or "", 0 or when the row is due instead, last): into the plan where it goes at once."""
        letter = plan.letter
        try:
            found = self._route(letter.envelope.recipients[n].address)
        except Refusal as refusal:
            plan.refused.append(refused(n, refusal.status))
            return "", 0, b"{}"
        except Exception:  # noqa: BLE001  a bug is contained: logged whole, the letter stays
            status = bug(self._means, letter, "routing")
            plan.refused.append(refused(n, status))
            return "", 0, last_bytes(refused(n, status), now)
        if not isinstance(found, Site):
            return "", self._ask(plan, n, found, now), b"{}"
        name = found.name
        group = plan.groups.get(name)
        if group is not None:
            group[1].append(n)
            return name, 0, b"{}"
        lane = self._board.lane(found)
        due = lane.refuses(now)
        if due:
            lane.spilled = True
            return name, due, b"{}"
        plan.groups[name] = (lane, [n])
        return name, 0, b"{}"

    def _ask(self, plan: Plan, n: int, route: Awaitable[Site], now: int) -> int:
        """The recipients of one domain wait for its route together; 0, or when the row is due for want of room."""
        domain = plan.letter.envelope.recipients[n].address.domain
        waiting = plan.unknown.get(domain)
        if waiting is not None:
            waiting[0].append(n)
        elif self._resolving.room() > 0:
            plan.unknown[domain] = ([n], route)
            return 0
        discard(route)
        return 0 if waiting is not None else now

    def _withdraw(self, plan: Plan, n: int, where: str) -> None:
        """Recipient `n` is held after all."""
        group = plan.groups.get(where)
        if group is not None and n in group[1]:
            group[1].remove(n)
            if not group[1]:
                del plan.groups[where]
        domain = plan.letter.envelope.recipients[n].address.domain
        waiting = plan.unknown.get(domain)
        if waiting is not None and n in waiting[0]:
            waiting[0].remove(n)
            if not waiting[0]:
                discard(waiting[1])
                del plan.unknown[domain]
        plan.refused = [outcome for outcome in plan.refused if outcome.n != n] if plan.refused else plan.refused

    def seal(self, plan: Plan) -> Seal:
        """The item of the commit."""
        return Seal(plan.letter, plan.rows, plan.events)

    def sealed(self, plan: Plan) -> None:
        """The commit holds: jobs to their lanes, unknown routes to be resolved, refused recipients settled. Hot."""
        letter, groups = plan.letter, plan.groups
        jobs = len(groups) + len(plan.unknown) + bool(plan.refused)
        if jobs == 0:
            letter.content = None
            self._contents.release(letter)
            return
        if len(plan.rows) > 1:
            self._ledger.enter(letter.id, len(plan.rows), jobs)
        letters = self._contents.share(letter, jobs)
        wake: list[Lane] = []
        late = plan.orders != self._board.orders or self._means.gate.draining
        for lane, indexes in groups.values():
            lane.reserved -= 1
            job = Leased(letters.pop(), tuple(indexes))
            if late:
                self._late(lane, job)
            else:
                lane.put(job)
            wake.append(lane)
        for indexes, awaitable in plan.unknown.values():
            job = Leased(letters.pop(), tuple(indexes))
            if self._means.gate.draining:
                discard(awaitable)
                self._settlement.return_jobs([job], self._means.clock())
            else:
                self._resolving.add(job, awaitable)
        if plan.refused:
            now = self._means.clock()
            job = Leased(letters.pop(), tuple([outcome.n for outcome in plan.refused]))
            self._settlement.settle(None, job, Attempt(now, now, "", plan.refused))
        for lane in wake:
            lane.wake()

    def _late(self, lane: Lane, job: Leased) -> None:
        """Sealed while an order was given, or while the queue drains."""
        for reason, part in self._resolving.ruled(job, lane.name):
            if reason:
                self._settlement.hold_job(part, lane.name, reason)
            elif self._means.gate.draining:
                self._settlement.return_jobs([part], self._means.clock(), lane.name)
            else:
                lane.put(part)

    def refused(self, plan: Plan) -> None:
        """The commit failed: the letter is not ours. The places go back."""
        for lane, _ in plan.groups.values():
            lane.reserved -= 1
        for _, awaitable in plan.unknown.values():
            discard(awaitable)


def rows_at_rest(letter: Letter, now: int, expire: float) -> tuple[list[RecipientRow], list[Event]]:
    """Rows and event of a letter sealed where no courier is (the command line): routed by the next run."""
    _deadline(letter, expire)
    rows = [
        RecipientRow(letter.id, n, str(r.address), r.address.domain, "", READY, 0, now, letter.envelope.priority)
        for n, r in enumerate(letter.envelope.recipients)
    ]
    return rows, [forms.accepted(letter)]


def _deadline(letter: Letter, expire: float) -> None:
    envelope = letter.envelope
    if not letter.expires:
        letter.expires = max(letter.accepted, envelope.hold_until) + int(expire * 1000)
    if envelope.deliver_by and envelope.by_mode == "R" and envelope.deliver_by < letter.expires:
        letter.expires = envelope.deliver_by  # RFC 2852 §4.1.2


def refused(n: int, status: Status) -> Outcome:
    """The outcome of a recipient for whom there is no way (now)."""
    return Outcome(n, DEFERRED if status.temporary else FAILED, status)


def bug(means: Means, letter: Letter, doing: str) -> Status:
    """Logs the exception under way whole; the temporary status that names it. # house law 6"""
    error_id = means.error_id()
    means.log.exception("a bug; the letter stays", doing=doing, letter=letter.id, error_id=error_id)
    return Status("4.3.0", f"Internal error {error_id}")
