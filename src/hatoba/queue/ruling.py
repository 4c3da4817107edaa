"""Ruling: what an ended attempt means for each of its recipients: gone, again later, returned; who is to be told.

Called by settlement; pure but for the drawn number it is given.
Never writes and never composes a notice: it says which are due.
Fails with ValueError when the outcomes do not answer the job's recipients one by one.
"""

import msgspec

from hatoba.model.outcome import DEFERRED, DELIVERED, FAILED, Attempt, Outcome
from hatoba.model.status import Status
from hatoba.queue import backoff
from hatoba.queue.leased import Leased, last_bytes, params_bytes, params_of
from hatoba.queue.settings import Settings
from hatoba.store.rows import READY, RecipientUpdate


class Ruling(msgspec.Struct):
    """`gone` are the n that leave the queue; `next_at` (ms) of each deferred one. The rest are DSNs that are due."""

    gone: list[int] = []
    rows: list[RecipientUpdate] = []
    next_at: dict[int, int] = {}
    failures: list[Outcome] = []
    successes: list[Outcome] = []
    delays: list[Outcome] = []

    @property
    def notices(self) -> bool:
        return bool(self.failures or self.successes or self.delays)


def rule(job: Leased, attempt: Attempt, settings: Settings, now: int, draw: float) -> Ruling:
    """The ruling over `attempt`, settled at `now` (ms)."""
    letter = job.letter
    recipients = letter.envelope.recipients
    ruling = Ruling()
    if sorted(outcome.n for outcome in attempt.outcomes) != sorted(job.indexes):
        raise ValueError(f"outcomes for {[o.n for o in attempt.outcomes]}, recipients {list(job.indexes)}")
    for outcome in attempt.outcomes:
        if outcome.kind == DELIVERED:
            ruling.gone.append(outcome.n)
            if outcome.dsn and "SUCCESS" in recipients[outcome.n].notify:
                ruling.successes.append(outcome)
        elif outcome.kind == FAILED:
            ruling.gone.append(outcome.n)
            ruling.failures.append(outcome)
        elif outcome.kind == DEFERRED:
            if now >= letter.expires:
                ruling.gone.append(outcome.n)
                ruling.failures.append(expired(outcome, letter.accepted, now))
            else:
                _defer(ruling, job, attempt, outcome, settings, now, draw)
        else:
            raise ValueError(f"an outcome of kind {outcome.kind!r}")
    return ruling


def _defer(
    ruling: Ruling, job: Leased, attempt: Attempt, outcome: Outcome, settings: Settings, now: int, draw: float
) -> None:
    letter = job.letter
    params = job.params(outcome.n)
    if delay_due(job, outcome.n, settings, now):
        ruling.delays.append(outcome)
        params = params_bytes(msgspec.structs.replace(params_of(params), delayed=now))
    # one last try just when the time is over: the sender learns the most recent reason
    due = min(backoff.schedule(settings, job.attempts, now, draw), max(letter.expires, now + 1000))
    ruling.next_at[outcome.n] = due
    ruling.rows.append(
        RecipientUpdate(
            letter.id,
            outcome.n,
            job.site,
            READY,
            job.attempts,
            due,
            letter.envelope.priority,
            0,
            params,
            last_bytes(outcome, attempt.ended, attempt.host),
        )
    )


def delay_due(job: Leased, n: int, settings: Settings, now: int) -> bool:
    """Whether the sender is to be told now that recipient `n` waits (once). # RFC 3461 §4.1, RFC 2852 §4.1.4"""
    at = delay_at(job.letter.accepted, job.letter.envelope.hold_until, settings)
    envelope = job.letter.envelope
    if envelope.deliver_by and envelope.by_mode == "N":
        at = min(at, envelope.deliver_by)
    if now < at or params_of(job.params(n)).delayed:
        return False
    notify = envelope.recipients[n].notify
    return notify == "" or "DELAY" in notify


def delay_at(accepted: int, hold_until: int, settings: Settings) -> int:
    """When a letter counts as delayed (ms); never when the setting is 0."""
    return max(accepted, hold_until) + int(settings.delay_notice * 1000) if settings.delay_notice else 1 << 62


def expired(outcome: Outcome, accepted: int, now: int) -> Outcome:
    """The permanent form of a last deferral whose time ran out. # RFC 3463 §3.5 (X.4.7)"""
    hours = max((now - accepted) // 3_600_000, 0)
    said = outcome.reply or str(outcome.status)
    text = f"Delivery time expired after {hours} hours; last: {said}"
    return Outcome(outcome.n, FAILED, Status("5.4.7", text[:900]), outcome.reply, outcome.scope, outcome.dsn)
