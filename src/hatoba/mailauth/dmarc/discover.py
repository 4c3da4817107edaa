"""Discovery: the record that holds for a domain and the organization it belongs to. # RFC 9989 §4.10, RFC 7489 §6.6.3

Called by dmarc.check for the author's domain and for the domains that SPF and DKIM vouch for.
Never asks more than eight names for a domain, and each name once in a letter: `known` keeps the answers.
Fails never: an organization that cannot be known for now is None.
"""

from typing import Literal, NamedTuple, Protocol, TypeAlias

from hatoba.mailauth.dmarc import record
from hatoba.mailauth.dmarc.suffix import Suffixes
from hatoba.mailauth.questions import Answer, Asking, Question

_STEPS = 8  # RFC 9989 §4.10

Known: TypeAlias = dict[str, Answer]


class Level(NamedTuple):
    """What stands at _dmarc below one domain. `text` is its only record; "trouble": no answer for now."""

    domain: str
    state: Literal["record", "none", "several", "trouble"]
    text: bytes = b""


class Found(NamedTuple):
    """`text` is the record that holds and `domain` where it stands, both empty when there is none.

    `organizational` is None, and `trouble` set, when DNS had no answer for now that matters. `why`: what was odd.
    """

    text: bytes
    domain: str
    organizational: str | None
    trouble: bool = False
    why: str = ""


class Method(Protocol):
    """One of the two ways: Walk, List."""

    name: Literal["treewalk", "psl"]

    def policy(self, author: str) -> Asking[Found]: ...

    def organizational(self, domain: str) -> Asking[str | None]: ...


class Walk:
    """The way of RFC 9989: the labels are walked up, and the records tell where an organization begins."""

    name: Literal["treewalk", "psl"] = "treewalk"

    def __init__(self) -> None:
        self._known: Known = {}

    def policy(self, author: str) -> Asking[Found]:
        """The author's own record, else its organization's, else that of the public suffix. # RFC 9989 §4.10.1"""
        levels = yield from self._levels(author)
        organization = _organization(author, levels)
        own = levels[0]
        why = f"there are several records at {_shown(own.domain)}" if own.state == "several" else ""
        if own.state == "record":
            return Found(own.text, author, organization, why=why)
        if organization is None:
            return Found(b"", "", None, trouble=True)
        by_domain = {level.domain: level for level in levels}
        at = by_domain.get(organization)
        if at is not None and at.state == "record":
            return Found(at.text, organization, organization, why=why)
        above = levels[-1]
        if above.state == "record" and record.psd(above.text) == "y":
            return Found(above.text, above.domain, organization, why=why)
        return Found(b"", "", organization, why=why)

    def organizational(self, domain: str) -> Asking[str | None]:
        """# RFC 9989 §4.10.2"""
        return _organization(domain, (yield from self._levels(domain)))

    def _levels(self, domain: str) -> Asking[list[Level]]:
        """The walk, from the domain up to where it stops; all its names are asked at once."""
        names = steps(domain)
        yield from _ask(self._known, names)
        levels: list[Level] = []
        for name in names:
            level = _level(name, self._known[name])
            levels.append(level)
            if level.state == "record" and record.psd(level.text) != "u":
                break
        return levels


class List:
    """The way of RFC 7489: the author's domain, then the one its public suffix lets an organization register."""

    name: Literal["treewalk", "psl"] = "psl"

    def __init__(self, suffixes: Suffixes) -> None:
        self._suffixes = suffixes
        self._known: Known = {}

    def policy(self, author: str) -> Asking[Found]:
        """# RFC 7489 §6.6.3"""
        organization = self._suffixes.organizational(author) or author
        names = tuple(dict.fromkeys((author, organization)))
        yield from _ask(self._known, names)
        for level in (_level(name, self._known[name]) for name in names):
            if level.state == "trouble":
                return Found(b"", "", organization, trouble=True)
            if level.state == "several":
                return Found(b"", "", organization, why=f"there are several records at {_shown(level.domain)}")
            if level.state == "record":
                return Found(level.text, level.domain, organization)
        return Found(b"", "", organization)

    def organizational(self, domain: str) -> Asking[str | None]:
        yield from ()
        return self._suffixes.organizational(domain) or domain


def steps(domain: str) -> tuple[str, ...]:
    """The domains whose records a walk looks at: itself, then its parents, of long names the last seven only."""
    labels = domain.split(".")
    tails = [".".join(labels[at:]) for at in range(max(1, len(labels) - _STEPS + 1), len(labels))]
    return (domain, *tails)


def _ask(known: Known, domains: tuple[str, ...]) -> Asking[None]:
    unknown = [domain for domain in domains if domain not in known]
    if unknown:
        answers = yield tuple(Question(f"_dmarc.{domain}", "TXT") for domain in unknown)
        known.update(zip(unknown, answers, strict=True))


def _level(domain: str, answer: Answer) -> Level:
    if answer.status == "trouble":
        return Level(domain, "trouble")
    texts = [text for text in answer.records if record.claims(text)]
    if len(texts) > 1:
        return Level(domain, "several")
    return Level(domain, "record", texts[0]) if texts else Level(domain, "none")


def _organization(start: str, levels: list[Level]) -> str | None:
    """The organizational domain that a walk from `start` shows; None when an answer is lacking. # RFC 9989 §4.10.2"""
    if any(level.state == "trouble" for level in levels):
        return None
    highest = start
    for at, level in enumerate(levels):
        if level.state != "record":
            continue
        mark = record.psd(level.text)
        if mark == "n":
            return level.domain
        if mark == "y" and at > 0:
            return ".".join(start.split(".")[-(level.domain.count(".") + 2) :])
        highest = level.domain
    return highest


def _shown(domain: str) -> str:
    return domain[:80]
