"""The mechanisms that need the DNS, but for include: does the client match? # RFC 7208 §5

Called by spf.check with the name a term speaks of, macros expanded.
Never counts the term itself: check has done so.
Fails with Permanent (limits) and Temporary (DNS).
"""

from collections.abc import Callable

from hatoba.mailauth.questions import Asking, Question, Type
from hatoba.mailauth.spf import pointers
from hatoba.mailauth.spf.query import Query, askable, heard
from hatoba.mailauth.spf.record import Term
from hatoba.mailauth.spf.result import Permanent

_HOSTS = 10  # RFC 7208 §4.6.4: MX records of one mechanism


def a(query: Query, term: Term, name: str) -> Asking[bool]:
    """One of the name's addresses, or its network, is the client's. # RFC 7208 §5.3"""
    found = yield from query.counted(name, "A" if query.bits == 32 else "AAAA")
    return query.has(found, term.bits4, term.bits6)


def mx(query: Query, term: Term, name: str) -> Asking[bool]:
    """One of the addresses of the name's mail hosts; a name without MX has none. # RFC 7208 §5.4

    Finding nothing counts once for the term, as RFC 7208 §4.6.4 counts terms: else three mail hosts without IPv6
    would make a permerror of every letter that comes over IPv6.
    """
    hosts = yield from query.counted(name, "MX")
    if len(hosts) > _HOSTS:
        raise Permanent(f"{name[:80]} has more than {_HOSTS} MX")
    rtype: Type = "A" if query.bits == 32 else "AAAA"
    names = dict.fromkeys(host.lower().removesuffix(".") for _, host in hosts)
    wanted = tuple(Question(host, rtype) for host in names if askable(host))
    answers = (yield wanted) if wanted else ()
    some = False
    for question, answer in zip(wanted, answers, strict=True):
        found = heard(question.name, rtype, answer)  # trouble behind a match is no matter
        if query.has(found, term.bits4, term.bits6):
            return True
        some = some or bool(found)
    if hosts and not some:
        query.void()
    return False


def ptr(query: Query, term: Term, name: str) -> Asking[bool]:
    """One of the client's proven names is the name or below it. # RFC 7208 §5.5"""
    found = yield from pointers.names(query)
    if not found:
        query.void()
    below = f".{name.lower()}"
    for candidate in found:
        if f".{candidate}".endswith(below) and (yield from pointers.proven(query, candidate)):
            return True
    return False


def exists(query: Query, term: Term, name: str) -> Asking[bool]:
    """The name has an IPv4 address, whatever the client's version. # RFC 7208 §5.7"""
    return bool((yield from query.counted(name, "A")))


MATCH: dict[str, Callable[[Query, Term, str], Asking[bool]]] = {"a": a, "mx": mx, "ptr": ptr, "exists": exists}
