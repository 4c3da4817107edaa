"""Mutants: deliberate mistakes in the queue, one scene each, for the test that the simulation can find any.

Called by test_simulation, and by `python -m tests.simulation --mutant NAME`.
Never left behind: each is a context manager that puts back what it changed.
Fails with nothing.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hatoba.journal import forms
from hatoba.model.event import Event
from hatoba.model.outcome import Attempt, Job
from hatoba.queue import admission, backoff, contents, ink, lanes, ledger, means, notices, orders, queue, refill, settle
from hatoba.queue.leased import Leased
from hatoba.store import queue as rows_
from hatoba.store import writer
from hatoba.store.rows import Lease, RecipientUpdate, Recovered, Seal, Settle
from hatoba.store.sql import Tx

Scene = Callable[[], contextlib.AbstractContextManager[None]]


@contextlib.contextmanager
def _instead(owner: Any, name: str, made: Callable[[Any], Any]) -> Iterator[None]:
    """`owner.name` is what `made` makes of it, for a while."""
    old = owner.__dict__[name]
    setattr(owner, name, made(old))
    try:
        yield
    finally:
        setattr(owner, name, old)


def said_before_the_commit() -> contextlib.AbstractContextManager[None]:
    """250 is said while the letter is still in memory."""

    def made(old: Any) -> Any:
        def seal(self: writer.Writer, item: Seal) -> "asyncio.Future[None]":
            old(self, item).add_done_callback(lambda done: done.exception())
            told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            told.set_result(None)
            return told

        return seal

    return _instead(writer.Writer, "seal", made)


def settled_before_the_commit() -> contextlib.AbstractContextManager[None]:
    """What follows a settlement happens at once, whether it gets to the disk or not; nothing is tried again."""

    def made(_: Any) -> Any:
        def write(self: ink.Ink, item: Settle, then: Callable[[], None]) -> None:
            with contextlib.suppress(Exception):
                self._means.writer.settle(item).add_done_callback(lambda done: done.exception())
            self._gate.unsettled += 1
            self._written(then)

        return write

    return _instead(ink.Ink, "write", made)


def lease_not_written() -> contextlib.AbstractContextManager[None]:
    """Rows are dialled without the attempt on the disk."""

    def made(_: Any) -> Any:
        def lease(
            tx: Tx, leases: list[Lease], several: list[int], moved: Sequence[RecipientUpdate] = ()
        ) -> refill.Leases:
            if moved:
                rows_.change(tx, moved)
            counts = {number: len(rows_.of_letter(tx, number)) for number in several}
            return refill.Leases({(one.letter, one.n) for one in leases}, counts)

        return lease

    return _instead(refill, "lease", made)


def notice_beside_the_transaction() -> contextlib.AbstractContextManager[None]:
    """The DSN is written in a commit of its own, behind the one that ends the recipient."""

    def made(old: Any) -> Any:
        def write(self: ink.Ink, item: Settle, then: Callable[[], None]) -> None:
            seals, item.seals = item.seals, ()

            def later() -> None:
                for seal in seals:
                    self._means.writer.seal(seal).add_done_callback(lambda done: done.exception())
                then()

            old(self, item, later)

        return write

    return _instead(ink.Ink, "write", made)


def crashes_not_counted() -> contextlib.AbstractContextManager[None]:
    """A start makes rows READY again and forgets that they were under way."""

    def made(_: Any) -> Any:
        def recover(tx: Tx, now: int, quarantine_after: int) -> Recovered:
            return Recovered(tx.run("UPDATE recipient SET state = 0, next_at = ? WHERE state = 1", (now,)), [])

        return recover

    return _instead(rows_, "recover", made)


def letter_removed_too_early() -> contextlib.AbstractContextManager[None]:
    """The first recipient that ends takes the whole letter with it."""
    return _instead(ledger.Ledger, "gone", lambda old: lambda self, letter, count: old(self, letter, count) and 0)


def letter_never_removed() -> contextlib.AbstractContextManager[None]:
    """The account of a letter's recipients is closed one too late."""

    def made(old: Any) -> Any:
        return lambda self, letter, left, jobs=1: old(self, letter, left + 1, jobs)

    return _instead(ledger.Ledger, "enter", made)


def outcomes_forgotten_on_a_full_disk() -> contextlib.AbstractContextManager[None]:
    """A settlement that the store refuses counts as written."""

    def made(_: Any) -> Any:
        return lambda self, item, then, error: self._written(then)

    return _instead(ink.Ink, "_failed", made)


def waiting_jobs_not_recalled() -> contextlib.AbstractContextManager[None]:
    """A hold or a drop does not reach what waits in memory."""

    def made(_: Any) -> Any:
        async def recall(self: orders.Orders, choice: Any, order: Any) -> int:
            choice.check()
            return 0

        return recall

    return _instead(orders.Orders, "recall", made)


def orders_under_way_forgotten() -> contextlib.AbstractContextManager[None]:
    """An order about an attempt under way is not carried out when it ends."""
    return _instead(settle.Settlement, "_obey", lambda old: lambda self, job, ruling, events, now: None)


def orders_forgotten_while_resolving() -> contextlib.AbstractContextManager[None]:
    """An order about a recipient whose route is asked for, or whose attempt was none, is not looked at."""
    return _instead(settle.Settlement, "ordered", lambda old: lambda self, job: False)


def held_lane_misses_letters_in_the_commit() -> contextlib.AbstractContextManager[None]:
    """A letter planned before its lane was held goes in after it."""

    def made(old: Any) -> Any:
        def plan(self: admission.Admission, letter: Any) -> admission.Plan:
            made_: admission.Plan = old(self, letter)
            return _Blind(**{name: getattr(made_, name) for name in made_.__struct_fields__})

        return plan

    return _instead(admission.Admission, "plan", made)


class _Blind(admission.Plan):
    """A plan that thinks no order came since."""

    def __getattribute__(self, name: str) -> Any:
        return _Any() if name == "orders" else super().__getattribute__(name)


class _Any:
    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return True


def no_waits_between_attempts() -> contextlib.AbstractContextManager[None]:
    """Every retry comes a second later, whatever the schedule."""
    return _instead(backoff, "wait", lambda old: lambda settings, attempt, draw: 1000)


def given_back_jobs_vanish() -> contextlib.AbstractContextManager[None]:
    """A job that was taken and not tried is forgotten."""

    def made(_: Any) -> Any:
        def give_back(self: lanes.Lane, job: Job) -> None:
            self.active.pop(id(job), None)
            self._gate.jobs -= 1

        return give_back

    return _instead(lanes.Lane, "give_back", made)


def gate_never_shut() -> contextlib.AbstractContextManager[None]:
    """Attempts start however many outcomes wait for the disk."""
    return _instead(means.Gate, "open", lambda old: property(lambda self: not self.draining))


def notices_answer_the_null_sender() -> contextlib.AbstractContextManager[None]:
    """The event says that a notice went out where there is none."""

    def made(old: Any) -> Any:
        def compose(self: notices.Notices, *arguments: Any) -> notices.Told:
            told: notices.Told = old(self, *arguments)
            told.letters = told.letters[:-1]
            return told

        return compose

    return _instead(notices.Notices, "compose", made)


def contents_never_released() -> contextlib.AbstractContextManager[None]:
    """The budget of memory for contents only fills."""
    return _instead(contents.Contents, "release", lambda old: lambda self, letter: None)


def events_doubled() -> contextlib.AbstractContextManager[None]:
    """Each ended attempt is told twice."""

    def made(old: Any) -> Any:
        def settled(job: Leased, attempt: Attempt, next_at: Any) -> list[Event]:
            events: list[Event] = old(job, attempt, next_at)
            return events + events

        return settled

    return _instead(forms, "settled", made)


def a_cancelled_client_takes_its_letter_along() -> contextlib.AbstractContextManager[None]:
    """Nobody asks what became of a letter whose client did not wait for the answer."""
    return _instead(queue.Queue, "_ask", lambda old: lambda self, plan: self._known(plan, False))


def reminders_gather_everybody() -> contextlib.AbstractContextManager[None]:
    """A reminder puts all recipients of a letter into the first one's lane."""

    def made(old: Any) -> Any:
        def remind(self: settle.Settlement, job: Leased) -> None:
            for row in job.rows:
                row.site = job.rows[0].site
            old(self, job)

        return remind

    return _instead(settle.Settlement, "remind", made)


def sealed_letters_miss_the_drain() -> contextlib.AbstractContextManager[None]:
    """Jobs of letters whose commit comes back during a drain stay in memory."""
    return _instead(queue.Queue, "_finish", lambda old: lambda self: self._settlement.finish())


SCENES: dict[str, Scene] = {
    scene.__name__: scene
    for scene in (
        said_before_the_commit, settled_before_the_commit, lease_not_written, notice_beside_the_transaction,
        crashes_not_counted, letter_removed_too_early, letter_never_removed, outcomes_forgotten_on_a_full_disk,
        waiting_jobs_not_recalled, orders_under_way_forgotten, orders_forgotten_while_resolving,
        held_lane_misses_letters_in_the_commit, no_waits_between_attempts, given_back_jobs_vanish, gate_never_shut,
        notices_answer_the_null_sender, contents_never_released, events_doubled,
        a_cancelled_client_takes_its_letter_along, reminders_gather_everybody, sealed_letters_miss_the_drain,
    )
}  # fmt: skip
