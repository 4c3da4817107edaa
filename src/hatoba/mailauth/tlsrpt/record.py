"""The TLS-RPT record: where reports about TLS to a domain go. # RFC 8460 §3

Called by the room that sends reports, and by the rooms that help a domain's owner.
Never sends anything.
Fails with terms.BadTerms for a text that is no record; a look-up ends in a value.
"""

import re
from typing import Literal, NamedTuple

from hatoba.mailauth import questions, terms
from hatoba.mailauth.questions import Asking

VERSION = "TLSRPTv1"
_MOST = 20  # URIs of one record
# A comma, an exclamation mark or a semicolon within a URI is written %2C, %21, %3B.  # RFC 8460 §3
_URI = re.compile(r"(?i:mailto:[!-~]+@[!-~]+|https://[!-~]+)")
_ANY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")


class Found(NamedTuple):
    """What the DNS says. `uris`: mailto: and https: in their owner's order."""

    state: Literal["announced", "none", "trouble"]
    uris: tuple[str, ...] = ()
    why: str = ""


def parse(text: bytes) -> tuple[str, ...]:
    """The mailto: and https: URIs of a record; other kinds are left out. terms.BadTerms."""
    found = terms.parse(text, VERSION)
    terms.check_extensions(found, known="rua")
    values = [value for name, value in found if name == "rua"]
    if len(values) != 1:
        raise terms.BadTerms("rua= is missing or stands twice")
    uris = [part.strip(" \t") for part in values[0].split(",")]
    for uri in uris:
        if not _ANY.fullmatch(uri) or "!" in uri:
            raise terms.BadTerms(f"{uri[:80]!a} is no URI")
    usable = tuple(uri for uri in uris if _URI.fullmatch(uri))
    if not usable:
        raise terms.BadTerms("no URI is one of mailto: or https:")
    return usable[:_MOST]


def lookup(domain: str) -> Asking[Found]:
    """Where reports about a policy domain (A-labels) go. # RFC 8460 §3"""
    answer = yield from questions.ask(f"_smtp._tls.{domain}", "TXT")
    if answer.status == "trouble":
        return Found("trouble", why="no answer from its DNS")
    texts = [text for text in answer.records if terms.claims(text, VERSION)]
    if len(texts) != 1:
        return Found("none", why="there are several records" if texts else "")
    try:
        return Found("announced", parse(texts[0]))
    except terms.BadTerms as error:
        return Found("none", why=str(error))
