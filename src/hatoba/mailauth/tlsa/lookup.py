"""Where a host's TLSA records are and whether they count: the questions of DANE. # RFC 7672 §2.2

Called by delivery for each mail host before it dials; a generator of DNS questions.
Never trusts an answer that a validating resolver did not vouch for, and never takes trouble for "no records".
Fails never: a host that must not be tried now has the state "trouble".
"""

from typing import Literal, NamedTuple

from hatoba.mailauth import questions
from hatoba.mailauth.questions import Asking, Question
from hatoba.mailauth.tlsa import records
from hatoba.mailauth.tlsa.records import Tlsa

_ALIASES = 8  # CNAMEs that are followed


class Dane(NamedTuple):
    """What DANE asks for at one host.

    `absent`: nothing; `usable`: TLS, and a certificate that matches `records` (for usage 2 also one of `names`);
    `unusable`: TLS, whatever the certificate (RFC 7672 §2.2); `trouble`: the host is not to be used for now.
    `base`: the name the records stand below.
    """

    state: Literal["absent", "usable", "unusable", "trouble"]
    records: tuple[Tlsa, ...] = ()
    names: tuple[str, ...] = ()
    base: str = ""
    why: str = ""


_ABSENT = Dane("absent")


def discover(host: str, port: int = 25, *, nexthop: tuple[str, ...] = ()) -> Asking[Dane]:
    """DANE at one mail host (A-labels).

    `nexthop`: the domain the MX records were asked for (and its alias), when those were secure: its name may stand
    in the certificate too. Empty otherwise. # RFC 7672 §3.2.2
    """
    bases, trouble = yield from _bases(host)
    if trouble:
        return Dane("trouble", why="its addresses cannot be had from DNS")
    for base in bases:
        answer = yield from questions.ask(f"_{port}._tcp.{base}", "TLSA")
        if answer.status == "trouble":  # an attacker could bring it about, so it is no "no"  # RFC 7672 §2.1
            return Dane("trouble", base=base, why="its TLSA records cannot be had from DNS")
        if answer.status != "ok" or not answer.secure:
            continue
        found = records.usable(answer.records)
        if not found:
            return Dane("unusable", base=base, why="none of its TLSA records can be used")
        return Dane("usable", found, tuple(dict.fromkeys((base, *nexthop))), base)
    return _ABSENT


def _bases(host: str) -> Asking[tuple[list[str], bool]]:
    """The names below which TLSA records may stand, best first, and whether the DNS has trouble. # RFC 7672 §2.2.2

    A host whose addresses are not secure is not asked for TLSA: its servers may not even know the type.
    """
    v4, v6 = yield (Question(host, "A"), Question(host, "AAAA"))
    answers = [answer for answer in (v4, v6) if answer.status == "ok"]
    if not answers:
        return [], "trouble" in (v4.status, v6.status)
    if all(answer.secure for answer in answers):
        target = yield from _expanded(host)
        return list(dict.fromkeys((target, host))), False
    alias = yield from questions.ask(host, "CNAME")
    return ([host] if alias.status == "ok" and alias.secure else []), False


def _expanded(host: str) -> Asking[str]:
    """The name at the end of a secure chain of aliases; the host's own without one."""
    name = host
    for _ in range(_ALIASES):
        answer = yield from questions.ask(name, "CNAME")
        if answer.status != "ok" or not answer.secure or not answer.records:
            return name
        name = answer.records[0]
    return host
