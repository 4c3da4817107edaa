"""Destinations: which of the addresses a record names may be sent reports. # RFC 9990 §4, RFC 7489 §7.1

Called by the room that sends reports; a generator of DNS questions.
Never sends anything: a stranger's address counts only when its own domain says that it wants such reports.
Fails never: without an answer for now an address is left out this time.
"""

from collections.abc import Sequence

from hatoba.mailauth.dmarc import author, record, suffix
from hatoba.mailauth.dmarc.record import Uri
from hatoba.mailauth.dmarc.suffix import Suffixes
from hatoba.mailauth.questions import Asking, Question

MOST = 10  # addresses of one record


def allowed(domain: str, uris: Sequence[Uri], *, suffixes: Suffixes | None = None) -> Asking[tuple[Uri, ...]]:
    """The mailto: URIs of the record at `domain` that may be used, in their order; at most ten."""
    known = suffixes or suffix.packaged()
    mine = known.organizational(domain) or domain
    hosts = {uri: author.normal(uri.mailbox.rpartition("@")[2]) for uri in dict.fromkeys(uris)}
    candidates = [uri for uri, host in hosts.items() if host][:MOST]
    foreign = [uri for uri in candidates if (known.organizational(hosts[uri]) or hosts[uri]) != mine]
    agreed: set[Uri] = set()
    if foreign:
        answers = yield tuple(Question(f"{domain}._report._dmarc.{hosts[uri]}", "TXT") for uri in foreign)
        for uri, answer in zip(foreign, answers, strict=True):
            if any(record.claims(text) for text in answer.records):
                agreed.add(uri)
    return tuple(uri for uri in candidates if uri not in foreign or uri in agreed)
