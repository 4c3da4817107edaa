"""The client's own names: PTR records that lead back to its address. # RFC 7208 §5.5, §7.3

Called by spf.mechanisms (ptr) and by spf.check (the p macro).
Never looks at more than ten names, and never counts look-ups of names against the domain: the client chose them.
Fails never: trouble in the client's zone means it has no name.
"""

from hatoba.mailauth.questions import Asking
from hatoba.mailauth.spf.query import Query, askable, dotted
from hatoba.mailauth.spf.result import Temporary

_NAMES = 10  # RFC 7208 §4.6.4: what comes behind them is not looked at


def names(query: Query) -> Asking[tuple[str, ...]]:
    """Those of the first ten names that the client's zone gives that can be asked for; not proven yet."""
    if query.pointers is None:
        labels = dotted(query.ip).lower().split(".")
        suffix = "in-addr" if query.bits == 32 else "ip6"
        try:
            found = yield from query.records(f"{'.'.join(reversed(labels))}.{suffix}.arpa", "PTR")
        except Temporary:
            found = ()
        query.pointers = tuple(filter(askable, (name.lower().removesuffix(".") for name in found[:_NAMES])))
    return query.pointers


def proven(query: Query, name: str) -> Asking[bool]:
    """Whether a name leads back to the client."""
    known = query.owned.get(name)
    if known is None:
        try:
            known = query.has((yield from query.records(name, "A" if query.bits == 32 else "AAAA")))
        except Temporary:
            known = False
        query.owned[name] = known
    return known


def best(query: Query, domain: str) -> Asking[str]:
    """The p macro: the domain itself, else a name below it, else any; "unknown" without one."""
    found = yield from names(query)
    below = f".{domain.lower()}"
    for name in sorted(found, key=lambda name: 0 if f".{name}" == below else 1 if name.endswith(below) else 2):
        if (yield from proven(query, name)):
            return name
    return "unknown"
