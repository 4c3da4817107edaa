"""Addressees: who wants the report about a domain, as its record says now and as strangers agree.

Called by sending before a report goes out; a generator of DNS questions, answered by its driver.
Never takes the record that held when the letters came: who has withdrawn an address gets nothing more.
Fails never: without an answer for now it says so, and is asked again later.
"""

from typing import Literal, NamedTuple

from hatoba.mailauth import questions
from hatoba.mailauth.dmarc import destinations, record
from hatoba.mailauth.questions import Asking
from hatoba.mailauth.tlsrpt import record as tlsrpt
from hatoba.reports import kinds

_MOST = 10  # addresses of one domain


class Addressees(NamedTuple):
    """`state` "trouble": ask again later. `uris` are mailto: and https: with the octets that each takes, 0 for any."""

    state: Literal["known", "none", "trouble"]
    uris: tuple[tuple[str, int], ...] = ()
    why: str = ""


def asked(kind: str, domain: str) -> Asking[Addressees]:
    """Who wants reports of the kind about the domain: its policy domain, or the recipients' domain."""
    found = yield from (_tls(domain) if kind == kinds.TLS else _dmarc(domain))
    return found


def _tls(domain: str) -> Asking[Addressees]:
    found = yield from tlsrpt.lookup(domain)
    if found.state == "trouble":
        return Addressees("trouble", why=found.why)
    uris = tuple((uri, 0) for uri in found.uris[:_MOST])
    return Addressees("known" if uris else "none", uris, found.why or "" if uris else "it asks for no TLS reports")


def _dmarc(domain: str) -> Asking[Addressees]:
    answer = yield from questions.ask(f"_dmarc.{domain}", "TXT")
    if answer.status == "trouble":
        return Addressees("trouble", why="no answer from its DNS")
    texts = [text for text in answer.records if record.claims(text)]
    if len(texts) != 1:
        return Addressees("none", why="there are several records" if texts else "it has no DMARC record any more")
    try:
        published = record.parse(texts[0])
    except record.BadRecord as error:
        return Addressees("none", why=str(error))
    if not published.rua:
        return Addressees("none", why="it asks for no reports")
    uris = yield from destinations.allowed(domain, published.rua)
    if not uris:
        return Addressees("none", why="no address that it names has agreed to take its reports")
    return Addressees("known", tuple((uri.uri, uri.most) for uri in uris[:_MOST]))
