"""Judging: what of a command depends on the offer and on what was enabled before, beyond its grammar and state.

Called by server for each command that its reader has made.
Never decides for the session: what is refused here is not offered, or breaks an RFC's own order.
Fails with Bad.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from hatoba.wire.imap import events, items, states
from hatoba.wire.imap.offer import ENABLEABLE, Offer
from hatoba.wire.imap.scanner import Bad, Scanner

_Judge = Callable[[states.Dialogue, Offer, events.Event], "events.Event | None"]
_MODSEQ: Final = items.Attribute("MODSEQ")


def judge(at: states.Dialogue, offer: Offer, verb: str, event: events.Event, scanner: Scanner) -> events.Event:
    """The event, perhaps with what is not offered taken out of it."""
    if "UIDONLY" in at.enabled and scanner.numbered:
        raise uid_required()
    found = _JUDGES.get(verb)
    changed = found(at, offer, event) if found is not None else None
    if _condstore(event) or scanner.modseq:
        at.enabled.add("CONDSTORE")  # RFC 7162 §3.1: these commands enable it
    return event if changed is None else changed


def uid_required() -> Bad:
    """# RFC 9586 §3.2"""
    return Bad("UIDONLY is enabled: message numbers are not spoken", code="UIDREQUIRED")


def _condstore(event: events.Event) -> bool:
    match event:
        case events.Select(condstore=True) | events.Store(unchanged_since=0):
            return True
        case events.Store(unchanged_since=since):
            return since > 0
        case events.Fetch(items=wanted):
            return _MODSEQ in wanted
        case events.Status(items=names):
            return "HIGHESTMODSEQ" in names
    return False


def _authenticate(at: states.Dialogue, offer: Offer, event: events.Event) -> None:
    assert isinstance(event, events.Authenticate)  # noqa: S101 # by its reader; so below
    if event.mechanism not in offer.mechanisms:
        raise Bad("That mechanism is not offered", "NO", "CANNOT")


def _login(at: states.Dialogue, offer: Offer, event: events.Event) -> None:
    if not offer.login:
        raise Bad("LOGIN needs TLS: send STARTTLS first", "NO", "PRIVACYREQUIRED")


def _enable(at: states.Dialogue, offer: Offer, event: events.Event) -> events.Event:
    assert isinstance(event, events.Enable)  # noqa: S101 # as above
    known = {name.upper() for name in offer.capabilities(authenticated=True)} & ENABLEABLE
    return msgspec.structs.replace(event, names=tuple(name for name in event.names if name in known))


def _select(at: states.Dialogue, offer: Offer, event: events.Event) -> None:
    assert isinstance(event, events.Select)  # noqa: S101 # as above
    if event.qresync is not None and "QRESYNC" not in at.enabled:
        raise Bad("Enable QRESYNC first")  # RFC 7162 §3.2.5


def _fetch(at: states.Dialogue, offer: Offer, event: events.Event) -> None:
    assert isinstance(event, events.Fetch)  # noqa: S101 # as above
    if event.vanished and "QRESYNC" not in at.enabled:
        raise Bad("Enable QRESYNC first")  # RFC 7162 §3.2.6


def _thread(at: states.Dialogue, offer: Offer, event: events.Event) -> None:
    assert isinstance(event, events.Thread)  # noqa: S101 # as above
    if not offer.has(f"THREAD={event.algorithm}"):
        raise Bad("That threading algorithm is not offered")


def _compress(at: states.Dialogue, offer: Offer, event: events.Event) -> None:
    if at.compressed:
        raise Bad("The connection is compressed already", "NO", "COMPRESSIONACTIVE")


def _starttls(at: states.Dialogue, offer: Offer, event: events.Event) -> None:
    if at.compressed:  # after UNAUTHENTICATE  # RFC 4978 §3: no TLS above it
        raise Bad("The connection is compressed: TLS cannot begin")


_JUDGES: Final[dict[str, _Judge]] = {
    "STARTTLS": _starttls,
    "AUTHENTICATE": _authenticate,
    "LOGIN": _login,
    "ENABLE": _enable,
    "SELECT": _select,
    "EXAMINE": _select,
    "UID FETCH": _fetch,
    "THREAD": _thread,
    "UID THREAD": _thread,
    "COMPRESS": _compress,
}
