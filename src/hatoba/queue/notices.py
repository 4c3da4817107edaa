"""Notices: the DSNs that a ruling calls for, as letters ready to be sealed, with the events that tell of them.

Called by settlement (attempts), the sweep (letters at rest) and admin (a drop that tells the sender).
Never sends and never writes: the Seals ride in the Settle that caused them. # house law 7
Fails with whatever composing raises: settlement contains it.
"""

import copy
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from typing import Protocol

import msgspec

from hatoba.journal import forms
from hatoba.model.address import Address
from hatoba.model.envelope import Letter
from hatoba.model.event import Event
from hatoba.model.outcome import Attempt, Outcome
from hatoba.notice import dsn
from hatoba.notice import settings as settings_
from hatoba.queue.means import Means
from hatoba.queue.ruling import Ruling
from hatoba.store import spool
from hatoba.store.sql import Reader

HEAD = 256 << 10  # of a body in a file this much is read: more than a header may have


class Sign(Protocol):
    """signing.Signing.notice: signs a notice; None when there is nothing to wait for."""

    def __call__(self, letter: Letter, /) -> Awaitable[None] | None: ...


class Text(msgspec.Struct):
    """A letter that holds its content, or else the beginning of it in `head`."""

    letter: Letter
    head: bytes = b""


class Told(msgspec.Struct):
    """DSNs to seal, and the events on the letter they are about."""

    letters: list[Letter] = []
    events: list[Event] = []


class Notices:
    """One per queue."""

    def __init__(self, means: Means, settings: settings_.Settings, sign: Sign | None = None) -> None:
        self._means = means
        self._settings = settings
        self._sign = sign

    def signing(self, told: Told) -> list[Awaitable[None]]:
        """Signs the notices, the last that is done to them; what must be waited for before they are sealed."""
        if self._sign is None:
            return []
        return [wait for notice in told.letters if (wait := self._sign(notice)) is not None]

    def compose(self, ruling: Ruling, text: Text, attempt: Attempt, final: bool, now: int) -> Told:
        """The notices of one ruling. `final`: success here is delivery, not relaying."""
        told = Told()
        for kind, outcomes in (
            ("failure", ruling.failures),
            ("delay", ruling.delays),
            ("success" if final else "relayed", ruling.successes),
        ):
            for meant, told_of, part in _apart(kind, outcomes, text.letter):
                self._one(told, meant, Text(told_of, text.head), attempt, part, now)
        return told

    def _one(self, told: Told, kind: str, text: Text, attempt: Attempt, outcomes: Sequence[Outcome], now: int) -> None:
        means, letter = self._means, text.letter
        tried = attempt.ended if attempt.started else 0
        notice = dsn.compose(
            kind, letter, outcomes, now, means.hostname, means.new_id(),
            settings=self._settings, content_head=text.head, host=attempt.host, attempted=tried,
        )  # fmt: skip
        event = {"failure": forms.bounced, "delay": forms.delayed}.get(kind)
        named: list[int] = []  # those that the notice tells of: NOTIFY may leave some of them out
        if notice is not None:
            told.letters.append(means.readdress(notice))
            named = [o.n for o in outcomes if dsn.wanted(kind, letter.envelope.recipients[o.n], o)]
            if event is not None:
                told.events.append(event(letter.id, named, notice.id, str(letter.envelope.sender), now=now))
        silent = [outcome.n for outcome in outcomes if outcome.n not in named]
        if silent and event is not None:
            told.events.append(event(letter.id, silent, 0, "", now=now, reason=_why_not(letter)))


def _apart(kind: str, outcomes: Sequence[Outcome], letter: Letter) -> Iterator[tuple[str, Letter, list[Outcome]]]:
    """(kind, the letter as who is told knows it, the outcomes) for each who is told: the sender, or a list's owner.

    # RFC 3461 §5.2.7: an address for several is "expanded"; of a list's own letters its sender hears nothing.
    """
    envelope = letter.envelope
    if not envelope.ways:
        if outcomes:
            yield kind, letter, list(outcomes)
        return
    parts: dict[tuple[str, bool, Address | None], list[Outcome]] = {}
    for outcome in outcomes:
        way = envelope.way(outcome.n)
        meant = kind if not way.ends else "expanded" if way.ends == "expanded" else "success"
        sender = envelope.told(outcome.n)
        parts.setdefault((meant, way.anew and sender is not None, sender), []).append(outcome)
    for (meant, anew, sender), part in parts.items():
        known = copy.copy(letter)
        ret, envid = ("", "") if anew else (envelope.ret, envelope.envid)
        known.envelope = msgspec.structs.replace(envelope, sender=sender, ret=ret, envid=envid)
        yield meant, known, part


def _why_not(letter: Letter) -> str:
    if letter.envelope.sender is None:
        return "null sender"
    return "a notice itself" if letter.source.door == dsn.DOOR else "not wanted (NOTIFY)"


def readable(reader: Reader, means: Means, letter: Letter) -> Text:
    """The letter with what can be returned of it: read from the store, of a body in a file the beginning."""
    if letter.content is not None:
        return Text(letter)
    whole = letter if letter.blob else spool.load(reader, letter.id)
    if whole.content is None:
        return Text(whole, _head(spool.chunks(means.shard.blobs, whole, HEAD)))
    return Text(whole)


def _head(pieces: Iterable[bytes]) -> bytes:
    """The first HEAD octets or a few more, with all of the header."""
    taken: list[bytes] = []
    left = HEAD
    for piece in pieces:
        taken.append(piece)
        left -= len(piece)
        if left <= 0:
            break
    return b"".join(taken)
