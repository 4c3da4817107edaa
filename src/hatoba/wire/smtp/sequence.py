"""Commands that the state of the dialogue, or the offer, has no place for.

Called by wire.smtp.server before it parses an argument.
Never decides a policy (AUTH required, TLS required): those are the session's.
`fault` gives the Malformed event, None where the command may stand.  # RFC 5321 §4.1.4
"""

from collections.abc import Callable
from typing import Final

from hatoba.wire.smtp import faults, states
from hatoba.wire.smtp.events import Malformed
from hatoba.wire.smtp.offer import Offer
from hatoba.wire.smtp.states import Dialogue


def fault(at: Dialogue, offer: Offer, verb: str) -> Malformed | None:
    """The fault of `verb` here and now."""
    if verb not in states.NEXT[at.state]:
        if at.refused and verb in ("DATA", "BDAT"):
            return faults.NO_RCPT
        return Malformed(states.why(at.state, verb), "sequence")
    check = _CHECKS.get(verb)
    return check(at, offer) if check else None


def _data(at: Dialogue, offer: Offer) -> Malformed | None:
    return faults.BINARY_DATA if at.binary else None  # RFC 3030 §3


def _chunk(at: Dialogue, offer: Offer) -> Malformed | None:
    return None if at.extended and offer.chunking else faults.ABSENT


def _tls(at: Dialogue, offer: Offer) -> Malformed | None:
    return None if at.extended and offer.tls else faults.NO_TLS


def _auth(at: Dialogue, offer: Offer) -> Malformed | None:
    if at.authenticated:  # RFC 4954 §4
        return faults.AUTH_TWICE
    if not at.extended:
        return faults.NEED_EHLO
    if not offer.mechanisms:
        return faults.AUTH_TLS if offer.tls else faults.NO_AUTH
    return None


def _xclient(at: Dialogue, offer: Offer) -> Malformed | None:
    return None if offer.xclient else faults.ABSENT


_CHECKS: Final[dict[str, Callable[[Dialogue, Offer], Malformed | None]]] = {
    "DATA": _data,
    "BDAT": _chunk,
    "STARTTLS": _tls,
    "AUTH": _auth,
    "XCLIENT": _xclient,
}
