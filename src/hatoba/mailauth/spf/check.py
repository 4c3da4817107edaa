"""check_host: a domain's policy, and those it includes or redirects to, held against a client. # RFC 7208 §4

Called by filters for each letter, through mail_from and helo; each is a generator of DNS questions.
Never asks more than the limits allow, whatever the records say of each other: every path ends.
Fails with ValueError for an `ip` that is none; all else is a result.
"""

from typing import NamedTuple

from hatoba.mailauth.questions import Asking
from hatoba.mailauth.spf import macro, mechanisms, pointers, query, record
from hatoba.mailauth.spf.macro import Macro
from hatoba.mailauth.spf.query import Ip, Query
from hatoba.mailauth.spf.record import Record
from hatoba.mailauth.spf.result import Identity, Permanent, Result, Temporary, Word
from hatoba.mailauth.spf.settings import Settings
from hatoba.model import domain as domains
from hatoba.model.domain import BadAddress

_DEFAULT = Settings()


class _Decision(NamedTuple):
    """What one policy says; `exp` and `domain` are where the explanation of a fail would come from."""

    word: Word
    term: str = ""
    exp: Macro | None = None
    domain: str = ""


_NONE = _Decision("none")


def mail_from(
    ip: str | Ip, sender: str, helo: str, *, receiver: str = "unknown", now: int = 0, settings: Settings = _DEFAULT
) -> Asking[Result]:
    """Whether the client may use this envelope sender ("" the null one, then postmaster@helo). # RFC 7208 §2.4

    `sender` and `helo` as given by the client, U-labels or A-labels; `receiver` our name and `now` the time (seconds
    since 1970), both for explanations alone.
    """
    local, _, origin = sender.rpartition("@")
    identity: Identity = "mailfrom" if origin else "helo"
    return _checked(identity, ip, local or "postmaster", origin or helo, helo, settings, receiver, now)


def helo(
    ip: str | Ip, helo: str, *, receiver: str = "unknown", now: int = 0, settings: Settings = _DEFAULT
) -> Asking[Result]:
    """Whether the client may call itself so. # RFC 7208 §2.3"""
    return _checked("helo", ip, "postmaster", helo, helo, settings, receiver, now)


def _checked(
    identity: Identity, ip: str | Ip, local: str, origin: str, helo: str, settings: Settings, receiver: str, now: int
) -> Asking[Result]:
    domain = _normal(origin)
    asked = Query(ip, local, domain, helo, settings, receiver, now)
    if identity == "helo" and "." not in domain:
        return Result("none", identity, domain)  # a host's own name within its network; nobody publishes for it
    try:
        found = yield from _check_host(asked, domain)
    except Permanent as error:
        return Result("permerror", identity, domain, "", str(error), None, asked.lookups, asked.voids)
    except Temporary as error:
        return Result("temperror", identity, domain, "", str(error), None, asked.lookups, asked.voids)
    text = None
    if found.word == "fail" and found.exp is not None and settings.explain:
        text = yield from _explanation(asked, found.exp, found.domain)
    return Result(found.word, identity, domain, found.term, "", text, asked.lookups, asked.voids)


def _normal(origin: str) -> str:
    """The domain in A-labels, lower case; one that cannot be turned into them stays, and does not exist."""
    name = origin.removesuffix(".")
    if not name.isascii():
        try:
            return domains.parse(name)
        except BadAddress:
            return name
    return name.lower()


def _check_host(asked: Query, domain: str) -> Asking[_Decision]:
    """The policy of one domain. Permanent, Temporary."""
    if not query.askable(domain) or domain.endswith("]"):
        return _NONE  # RFC 7208 §4.3
    texts = record.choose((yield from asked.records(domain, "TXT")))
    if not texts:
        return _NONE
    if len(texts) > 1:
        raise Permanent(f"{domain} has {len(texts)} SPF records")
    if len(texts[0]) > asked.settings.record_octets:
        raise Permanent(f"{domain} has an SPF record of {len(texts[0])} octets")
    try:
        policy = record.parse(texts[0])
    except record.BadRecord as error:
        raise Permanent(f"{domain}: {error}") from None
    return (yield from _evaluate(asked, domain, policy))


def _evaluate(asked: Query, domain: str, policy: Record) -> Asking[_Decision]:
    """The terms from left to right; the first that matches decides. # RFC 7208 §4.6"""
    number, bits = asked.number, asked.bits
    for term in policy.terms:
        mechanism = term.mechanism
        if mechanism == "ip4":
            matches = bits == 32 and number >> (32 - term.bits4) == term.network
        elif mechanism == "ip6":
            matches = bits == 128 and number >> (128 - term.bits6) == term.network
        elif mechanism == "all":
            matches = True
        else:
            asked.count()
            name = domain if term.target is None else (yield from _name(asked, term.target, domain))
            if name is None:
                matches = False
            elif mechanism == "include":
                matches = yield from _include(asked, name)
            else:
                matches = query.askable(name) and (yield from mechanisms.MATCH[mechanism](asked, term, name))
        if matches:
            return _Decision(term.qualifier, term.text, policy.exp, domain)
    if policy.redirect is None:
        return _Decision("neutral")  # RFC 7208 §4.7
    return (yield from _redirect(asked, policy.redirect, domain))


def _include(asked: Query, name: str) -> Asking[bool]:
    """Whether the other domain's policy says pass. # RFC 7208 §5.2"""
    word = (yield from _check_host(asked, name)).word
    if word == "none":
        raise Permanent(f"{name[:80]!a} is included and has no SPF record")
    return word == "pass"


def _redirect(asked: Query, target: Macro, domain: str) -> Asking[_Decision]:
    """The other domain's policy instead of this one's. # RFC 7208 §6.1"""
    asked.count()
    name = yield from _name(asked, target, domain)
    if name is None:
        return _Decision("neutral")
    decision = yield from _check_host(asked, name)
    if decision.word == "none":
        raise Permanent(f"{name[:80]!a} is redirected to and has no SPF record")
    return decision


def _name(asked: Query, target: Macro, domain: str) -> Asking[str | None]:
    """The name a term speaks of; None when it would hold a local part beyond ASCII."""
    if not target.letters:
        return macro.domain_name(macro.expand(target, {}))
    if asked.beyond(target):
        return None
    pointer = (yield from pointers.best(asked, domain)) if "p" in target.letters else "unknown"
    return macro.domain_name(macro.expand(target, asked.values(domain, pointer)))


def _explanation(asked: Query, exp: Macro, domain: str) -> Asking[str | None]:
    """The domain's text for the sender; None when there is none or any part of it is wrong. # RFC 7208 §6.2"""
    try:
        name = yield from _name(asked, exp, domain)
        texts = (yield from asked.records(name, "TXT")) if name and query.askable(name) else ()
        if len(texts) != 1 or len(texts[0]) > asked.settings.record_octets:
            return None
        text = macro.parse(texts[0].decode("ascii"), spaces=True)
    except (Temporary, macro.BadMacro, UnicodeDecodeError):
        return None
    pointer = (yield from pointers.best(asked, domain)) if "p" in text.letters else "unknown"
    words = macro.expand(text, asked.values(domain, pointer))
    within = len(words) <= asked.settings.explanation_octets and words.isascii() and words.isprintable()
    return words if within else None
