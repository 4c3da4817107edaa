"""Translate: Status, the word of the middle, into an SMTP reply.

Called by the verbs of this door for every refusal.
Never changes a status: its enhanced code and text go out as they are, the three digits are chosen here.
Fails never: what the table does not know goes by class and place.
"""

from __future__ import annotations

from hatoba.model.status import Status
from hatoba.wire.smtp import reply

# Enhanced code: the digits old clients go by.  # RFC 5248, RFC 5321 §4.2.3, and the RFC that names the code
_CODES = {
    "4.2.2": 452,
    "4.3.1": 452,
    "4.5.3": 452,
    "4.7.1": 450,  # of a recipient: greylisted, too many; of a letter it is 451
    "5.1.3": 553,
    "5.1.7": 553,
    "5.2.2": 552,
    "5.2.3": 552,
    "5.3.4": 552,
    "5.4.6": 554,
    "5.5.1": 503,
    "5.5.2": 501,
    "5.5.4": 501,
    "5.6.7": 553,  # RFC 6531 §3.5
    "5.7.0": 530,  # RFC 4954 §6
    "5.7.8": 535,
    "5.7.10": 530,
    "5.7.11": 538,
}
_KEPT = 4096
_replies: dict[tuple[str, str, bool], reply.Reply] = {}  # texts repeat: unknown users of a list, busy disks


def code(enhanced: str, *, content: bool = False) -> int:
    """The reply code for an enhanced code; `content`: it answers the end of content rather than a command."""
    found = _CODES.get(enhanced)
    if found is not None:
        if content:
            return {501: 554, 503: 554, 530: 554, 553: 554, 450: 451}.get(found, found)
        return found
    if enhanced[0] == "4":
        return 451
    if enhanced[0] == "2":
        return 250
    return 554 if content and not enhanced.startswith("5.7.") else 550


def refusal(status: Status, *, content: bool = False) -> reply.Reply:
    """The reply that says `status`."""
    key = (status.code, status.text, content)
    found = _replies.get(key)
    if found is None:
        if len(_replies) >= _KEPT:
            _replies.clear()
        text = status.text or ("Try again later" if status.temporary else "Refused")
        found = _replies[key] = reply.Reply(code(status.code, content=content), status.code, text)
    return found
