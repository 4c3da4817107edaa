"""DMARC check: the author's domain held against those that SPF and DKIM vouch for. # RFC 9989 §5.3, RFC 7489 §6.6

Called by filters for each letter, after SPF and DKIM; a generator of DNS questions.
Never judges a signature or an address itself, and never acts on the letter.
Fails never: all is a result.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from hatoba.mailauth import questions
from hatoba.mailauth.dmarc import author as authors
from hatoba.mailauth.dmarc import discover, record, suffix
from hatoba.mailauth.dmarc.discover import Found, Method
from hatoba.mailauth.dmarc.evidence import DkimResult, SpfResult
from hatoba.mailauth.dmarc.record import Mode, Policy, Record
from hatoba.mailauth.dmarc.result import Result, Tag, Word, lower
from hatoba.mailauth.dmarc.settings import Settings
from hatoba.mailauth.dmarc.suffix import Suffixes
from hatoba.mailauth.questions import Asking
from hatoba.message.headers import Headers

_DEFAULT = Settings()
# Of the results of several authors the leftmost counts: only a letter all of whose authors pass has passed.
_WORST: tuple[Word, ...] = ("fail", "temperror", "permerror", "none", "pass")
_SEVERITY: tuple[Policy, ...] = ("reject", "quarantine", "none")


class _Aligned(NamedTuple):
    """The domain that aligns, "" for none; `unsure`: one might, DNS did not say."""

    domain: str
    unsure: bool = False


def check(
    header: Headers,
    spf: Sequence[SpfResult],
    dkim: Sequence[DkimResult],
    *,
    settings: Settings = _DEFAULT,
    suffixes: Suffixes | None = None,
) -> Asking[Result]:
    """The result for a letter. `suffixes`: the public suffix list, when the settings ask for it (else the packaged)."""
    shown = authors.shown(header)
    count = len(shown.domains)
    if not count:
        yield from ()
        return Result("none", "", authors=0, why="there is no From" if not shown.fields else "From shows no domain")
    if count > settings.authors:
        return Result("permerror", shown.domains[0], authors=count, why="From shows too many domains")
    if count > 1 and settings.several == "none":
        return Result("none", shown.domains[0], authors=count, why="From shows several domains")
    method = _method(settings, suffixes)
    found = []
    for domain in shown.domains:
        found.append((yield from _evaluated(domain, spf, dkim, method, settings.identities)))
    worst = min(found, key=lambda each: (_WORST.index(each.result), _SEVERITY.index(each.policy)))
    return worst if count == 1 else msgspec.structs.replace(worst, authors=count)


def evaluate(
    author: str,
    spf: Sequence[SpfResult],
    dkim: Sequence[DkimResult],
    *,
    settings: Settings = _DEFAULT,
    suffixes: Suffixes | None = None,
) -> Asking[Result]:
    """The result for one author's domain, in A-labels and lower case."""
    return (yield from _evaluated(author, spf, dkim, _method(settings, suffixes), settings.identities))


def _method(settings: Settings, suffixes: Suffixes | None) -> Method:
    """The way of finding records; one for all authors of a letter, so that no name is asked twice."""
    return discover.Walk() if settings.discovery == "treewalk" else discover.List(suffixes or suffix.packaged())


def _evaluated(
    author: str, spf: Sequence[SpfResult], dkim: Sequence[DkimResult], method: Method, most: int
) -> Asking[Result]:
    found = yield from method.policy(author)
    organizational = found.organizational or ""
    if not found.domain:
        word: Word = "temperror" if found.trouble else "none"
        why = "its DNS does not answer" if found.trouble else found.why
        return Result(word, author, organizational=organizational, method=method.name, why=why)
    try:
        published = record.parse(found.text)
    except record.BadRecord as error:
        why = f"the record at {found.domain[:80]} is of no use: {error}"
        return Result("none", author, organizational=organizational, method=method.name, why=why)
    tag = yield from _tag(author, found, published)
    asked: Policy = {"p": published.p, "sp": published.sp or published.p, "np": published.np or published.p}[tag]
    by_spf = yield from _aligned(_passed(spf), author, published.aspf, found, method, most)
    by_dkim = yield from _aligned(_passed(dkim), author, published.adkim, found, method, most)
    unsure = by_spf.unsure or by_dkim.unsure
    word = "pass" if by_spf.domain or by_dkim.domain else "temperror" if unsure else "fail"
    return Result(
        word, author, found.domain, organizational,
        lower(asked) if published.testing and method.name == "treewalk" else asked,
        asked, tag, by_spf.domain, by_dkim.domain, published, method.name,
        published.pct if method.name == "psl" else 100,
        why="its DNS does not answer" if word == "temperror" else found.why,
    )  # fmt: skip


def _tag(author: str, found: Found, published: Record) -> Asking[Tag]:
    """Which of its policies a record means for this domain. # RFC 9989 §4.7

    np= is for a name that does not exist, and only worth a question when it says something of its own.
    """
    if found.domain == author:
        return "p"
    if published.np is not None and published.np != (published.sp or published.p):
        answer = yield from questions.ask(author, "A")
        if answer.status == "nxdomain":
            return "np"
    return "sp" if published.sp is not None else "p"


def _passed(results: Sequence[SpfResult] | Sequence[DkimResult]) -> list[str]:
    """The domains that passed, each once."""
    names = (authors.normal(each.domain) for each in results if each.result == "pass")
    return list(dict.fromkeys(name for name in names if name))


def _aligned(domains: list[str], author: str, mode: Mode, found: Found, method: Method, most: int) -> Asking[_Aligned]:
    """The first of the domains that aligns with the author's. # RFC 9989 §4.4, §5.3.4

    Only a domain at or below the author's organization can belong to it; none other is worth a question.
    """
    if author in domains:
        return _Aligned(author)
    if mode == "s" or not domains:
        return _Aligned("")
    organization = found.organizational
    if organization is None:
        return _Aligned("", unsure=any(_related(domain, author) for domain in domains))
    near = [domain for domain in domains if domain == organization or domain.endswith(f".{organization}")]
    unsure = False
    for domain in near[:most]:
        other = yield from method.organizational(domain)
        if other == organization:
            return _Aligned(domain)
        unsure = unsure or other is None
    return _Aligned("", unsure)


def _related(one: str, other: str) -> bool:
    """Whether two names could belong to one organization at all: they share their last two labels."""
    return one.split(".")[-2:] == other.split(".")[-2:]
