"""Verdicts: what a peer's reply, or its silence, means for the recipients it is about.

Called by transaction and dial with a reply and the stage it came at; gives the Outcomes that queue settles.
Never speaks, never decides when to try again. Statuses of often repeated replies are made once.
Fails in nothing: a reply that makes no sense is temporary.
"""

from hatoba.model.outcome import DEFERRED, DELIVERED, FAILED, Outcome
from hatoba.model.status import Status
from hatoba.wire.smtp.peer import PeerReply

RECIPIENT, LETTER, SITE = "recipient", "letter", "site"

_REPLY_LONGEST = 1024  # characters of a reply that are kept with an outcome
_SITE_CODES = ("4.3.2", "4.4.", "4.7.")  # said at MAIL they are about us and the host, not about the letter
_known: dict[bytes, tuple[str, Status]] = {}


def told(reply: PeerReply) -> tuple[str, Status]:
    """(the reply as it stood, its status). Hot: peers say the same few lines again and again."""
    known = _known.get(reply.raw)
    if known is not None:
        return known
    text = str(reply)
    if len(text) > _REPLY_LONGEST:
        text = text[:_REPLY_LONGEST] + "…"
    made = (text, reply.status())
    if len(_known) >= 4096:
        _known.clear()
    if reply.raw:
        _known[reply.raw] = made
    return made


def kind(reply: PeerReply) -> str:
    """DELIVERED, DEFERRED or FAILED. What is none of 2xx, 4xx, 5xx where an end is due is temporary."""
    if reply.ok:
        return DELIVERED
    return FAILED if reply.permanent else DEFERRED


def of_site(reply: PeerReply) -> bool:
    """Whether a refusal of MAIL speaks about us and the host as a whole: then another host may be asked.

    421 always does (RFC 5321 §3.8), and a temporary status about the system, the network or a policy.
    """
    return reply.code == 421 or (reply.temporary and reply.enhanced.startswith(_SITE_CODES))


def outcome(n: int, reply: PeerReply, scope: str = RECIPIENT, *, dsn: bool = True) -> Outcome:
    """The Outcome of recipient `n` made of a reply; a 3xx (or other nonsense) is deferred with 4.5.0."""
    text, status = told(reply)
    if 300 <= reply.code < 400:
        status = Status("4.5.0", f"unexpected reply: {text}")
    return Outcome(n, kind(reply), status, text, scope, dsn)


def ours(n: int, status: Status, scope: str = RECIPIENT, reply: str = "") -> Outcome:
    """An Outcome with a status of ours: failed when that is permanent, else deferred."""
    return Outcome(n, FAILED if status.permanent else DEFERRED, status, reply, scope)
