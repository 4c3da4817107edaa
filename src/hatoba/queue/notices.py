"""Notices: the DSNs that a ruling calls for, as letters ready to be sealed, with the events that tell of them.

Called by settlement (attempts), the sweep (letters at rest) and admin (a drop that tells the sender).
Never sends and never writes: the Seals ride in the Settle that caused them. # house law 7
Fails with whatever composing raises: settlement contains it.
"""

import copy
from collections.abc import Callable, Sequence

import msgspec

from hatoba.journal import forms
from hatoba.model.envelope import Letter
from hatoba.model.event import Event
from hatoba.model.outcome import Outcome
from hatoba.notice import dsn
from hatoba.queue.means import Means
from hatoba.queue.ruling import Ruling
from hatoba.store import spool
from hatoba.store.sqlite import Reader

HEAD = 256 << 10  # of a body in a file this much is read: more than a header may have

Compose = Callable[[Ruling, Letter, bool, int], "Told"]


class Told(msgspec.Struct):
    """DSNs to seal, and the events on the letter they are about."""

    letters: list[Letter] = []
    events: list[Event] = []


class Notices:
    """One per queue."""

    def __init__(self, means: Means) -> None:
        self._means = means

    def compose(self, ruling: Ruling, letter: Letter, final: bool, now: int) -> Told:
        """`letter` holds its content or at least its header. `final`: success here is delivery, not relaying."""
        told = Told()
        for kind, outcomes in (
            ("failure", ruling.failures),
            ("delay", ruling.delays),
            ("success" if final else "relayed", ruling.successes),
        ):
            if outcomes:
                self._one(told, kind, letter, outcomes, now)
        return told

    def _one(self, told: Told, kind: str, letter: Letter, outcomes: Sequence[Outcome], now: int) -> None:
        means = self._means
        notice = dsn.compose(kind, letter, list(outcomes), now, means.hostname, means.new_id())
        n = [outcome.n for outcome in outcomes]
        sender = letter.envelope.sender
        if notice is not None:
            told.letters.append(notice)
        number, to = (notice.id, str(sender)) if notice is not None else (0, "")
        reason = "" if notice is not None else ("null sender" if sender is None else "not wanted (NOTIFY)")
        if kind == "failure":
            told.events.append(forms.bounced(letter.id, n, number, to, now=now, reason=reason))
        elif kind == "delay":
            told.events.append(forms.delayed(letter.id, n, number, to, now=now, reason=reason))


def readable(reader: Reader, means: Means, letter: Letter) -> Letter:
    """A copy of the letter that holds its content, or the beginning of it when it lives in a file (then RET=HDRS)."""
    whole = copy.copy(letter)
    if whole.content is None and not whole.blob:
        whole = spool.load(reader, letter.id)
    if whole.content is None and whole.blob:
        whole.content = next(iter(spool.chunks(means.shard.blobs, whole, HEAD)), b"")
        whole.envelope = msgspec.structs.replace(whole.envelope, ret="HDRS")
    return whole
