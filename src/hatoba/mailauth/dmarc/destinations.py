"""Destinations: which of the addresses a record names may be sent reports. # RFC 9990 §4, RFC 7489 §7.1

Called by the room that sends reports; a generator of DNS questions.
Never sends anything: a stranger's address counts only when its own domain says that it wants such reports.
Fails never: without an answer for now an address is left out this time.
"""

from collections.abc import Sequence
from typing import Literal

from hatoba.mailauth.dmarc import author, record, suffix
from hatoba.mailauth.dmarc.record import Uri
from hatoba.mailauth.dmarc.suffix import Suffixes
from hatoba.mailauth.questions import Answer, Asking, Question

MOST = 10  # addresses of one record


def allowed(
    domain: str, uris: Sequence[Uri], tag: Literal["rua", "ruf"] = "rua", *, suffixes: Suffixes | None = None
) -> Asking[tuple[Uri, ...]]:
    """The mailto: URIs of the record at `domain` that may be used, in their order; at most ten.

    A stranger that agrees may name other addresses at its own host, which then stand in the place of the one asked for.
    `uris`: what `tag` of the record holds.
    """
    known = suffixes or suffix.packaged()
    mine = known.organizational(domain) or domain
    candidates = [uri for uri in dict.fromkeys(uris) if _host(uri)][:MOST]
    foreign = [uri for uri in candidates if (known.organizational(_host(uri)) or _host(uri)) != mine]
    agreed: dict[Uri, tuple[Uri, ...]] = {uri: (uri,) for uri in candidates}
    if foreign:
        answers = yield tuple(Question(f"{domain}._report._dmarc.{_host(uri)}", "TXT") for uri in foreign)
        for uri, answer in zip(foreign, answers, strict=True):
            agreed[uri] = _answered(uri, answer, tag)
    return tuple(dict.fromkeys(each for uri in candidates for each in agreed[uri]))[:MOST]


def _host(uri: Uri) -> str:
    return author.normal(uri.mailbox.rpartition("@")[2])


def _answered(uri: Uri, answer: Answer, tag: Literal["rua", "ruf"]) -> tuple[Uri, ...]:
    """What stands for a stranger's address once its host has answered; nothing when it does not agree."""
    texts = [text for text in answer.records if record.claims(text)]
    if not texts:
        return ()
    try:
        said = record.parse(texts[0])
    except record.BadRecord:  # "v=DMARC1" alone is the usual way to agree
        return (uri,)
    others = tuple(each for each in (said.rua if tag == "rua" else said.ruf) if _host(each) == _host(uri))
    return others or (uri,)
