"""Published: whether the DNS has the record of a key of ours, and what it has instead.

Called by whoever takes new keys into use, and by publish, which tells a domain's owner what to mend.
Never judges a key of others: that is verify.
Fails never; no answer for now is a finding too.
"""

from typing import Literal, NamedTuple

from hatoba.mailauth import questions
from hatoba.mailauth.dkim import keys
from hatoba.mailauth.dkim.signature import Unusable
from hatoba.mailauth.questions import Asking


class Published(NamedTuple):
    """ "ok": verifiers find this key. `found`: the TXT records there. `why`, for people, where it is not ok."""

    state: Literal["ok", "missing", "differs", "trouble"]
    found: tuple[bytes, ...] = ()
    why: str = ""


def look(domain: str, selector: str, record: str) -> Asking[Published]:
    """Whether `record` (as keys.record writes it) is what verifiers find for the selector. # RFC 6376 §3.6.2"""
    answer = yield from questions.ask(f"{selector}._domainkey.{domain}", "TXT")
    if answer.status == "trouble":
        return Published("trouble", why="no answer from its DNS")
    texts = tuple(answer.records)
    if not texts:
        return Published("missing", why="the key is not published")
    if len(texts) > 1:
        return Published("differs", texts, f"there are {len(texts)} records, verifiers may take any")
    why = _fault(texts[0], record.encode())
    return Published("differs", texts, why) if why else Published("ok", texts)


def _fault(found: bytes, ours: bytes) -> str:
    """Why verifiers would not take our signatures with this record; "" when they would."""
    expected = keys.read(ours)
    try:
        read = keys.read(found)
        keys.usable(read, "rsa-sha256" if expected.kind == "rsa" else "ed25519-sha256")
    except Unusable as unusable:
        return unusable.reason
    if read.key != expected.key:
        return "it is another key"
    return "it says t=y: verifiers treat signatures as a test" if read.testing else ""
