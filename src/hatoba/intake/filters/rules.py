"""Rules: what is thought of letters for what stands in them: fields, words, attachments, archives; the operator's own.

Made by build from [[filter.rule]] and [filter.attachments]; asked at the end of the content.
Never holds the worker up: matching is linear (see pattern), large letters and archives are looked into in a thread.
Fails never: a letter that cannot be read matches what can.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

from hatoba.intake import asking, filter_tables
from hatoba.intake.asking import Asking
from hatoba.intake.case import Case
from hatoba.intake.filter_tables import Weight
from hatoba.intake.filters import weight
from hatoba.intake.filters.pattern import Pattern
from hatoba.intake.filters.seen import FINDINGS, Limits, Seen, Wanted
from hatoba.intake.subject import Subject
from hatoba.message import archive, pieces
from hatoba.model import domain as domain_
from hatoba.model.address import Address, BadAddress
from hatoba.model.envelope import Recipient
from hatoba.model.outcome import Verdict
from hatoba.model.status import Status

NAME = "rules"
INLINE = 64 * 1024  # octets of a letter that is looked at where it came in; a larger one goes to a thread
_TEXT = "This letter is not welcome here"


class _Ready(NamedTuple):
    rule: filter_tables.Rule
    pattern: Pattern | None  # None: compared as they are
    words: frozenset[str]
    domains: frozenset[str]


class Check:
    """ValueError on a pattern that cannot be run, a finding that is none, a domain that is none."""

    name = NAME
    inside = True

    def __init__(self, rules: Sequence[filter_tables.Rule], attachments: filter_tables.Attachments) -> None:
        self.attachments = attachments
        self.rules = [_ready(rule) for rule in rules]
        self._limits = _limits(attachments)
        self._scoped = any(one.domains for one in self.rules)

    @property
    def worth(self) -> str:
        rules = [
            f"{one.rule.name} {weight.shown(one.rule.weight) or 'nothing'}"
            + (f" (for {', '.join(sorted(one.domains))})" if one.domains else "")
            for one in self.rules
        ]
        looks = self._wants(self.rules).files
        return ", ".join([*rules, *([weight.listed(self.attachments)] if looks else [])])

    @property
    def wanted(self) -> bool:
        """There is anything to look for."""
        return bool(self.rules) or self.attachments.look

    def at_recipient(self, case: Case, recipient: Recipient) -> Sequence[Verdict]:
        """Recipients with different rules part here."""
        if not self._scoped or not case.recipients or case.submitted:
            return ()
        first = case.recipients[0].address.domain
        if self._of(first) == self._of(recipient.address.domain):
            return ()
        text = "Other rules hold for this recipient: send it in another transaction"
        return (Verdict(NAME, "defer", Status("4.5.3", text), "recipients with different rules in one letter"),)

    def at_content(self, subject: Subject) -> Asking[Sequence[Verdict]]:
        rules = self._of(_domain(subject.case))
        if not rules and not self.attachments.look:
            return ()
        if subject.large or subject.size > INLINE:
            whole: Sequence[Verdict] = yield from asking.work(partial(self._whole, subject, rules))
            return whole
        seen = Seen(subject.content(), self._wants(rules), self._limits)
        if seen.packed:
            yield from asking.work(seen.open)
        return tuple(self.judge(seen, rules))

    def _whole(self, subject: Subject, rules: Sequence[_Ready]) -> Sequence[Verdict]:
        seen = Seen(b"".join(subject.pieces()), self._wants(rules), self._limits)
        seen.open()
        return tuple(self.judge(seen, rules))

    def _of(self, domain: str) -> list[_Ready]:
        return [one for one in self.rules if not one.domains or domain in one.domains]

    def _wants(self, rules: Sequence[_Ready]) -> Wanted:
        looks = {one.rule.look for one in rules}
        return Wanted("body" in looks, self.attachments.look or bool(looks & {"file", "kind", "finding"}))

    def judge(self, seen: Seen, rules: Sequence[_Ready]) -> Iterator[Verdict]:
        """The verdicts of the rules that match, and of what is odd about the attachments."""
        for one in rules:
            found = _found(one, seen)
            if found:
                rule = one.rule
                yield from weight.verdict(f"rule {rule.name}", rule.weight, found, rule.text or _TEXT)
        for finding, about in seen.findings.items():
            worth: Weight = getattr(self.attachments, finding.replace("-", "_"), 0.0)
            yield from weight.verdict(f"attachment {finding}", worth, about, _told(finding), "5.7.1")


def _limits(settings: filter_tables.Attachments) -> Limits:
    return Limits(
        settings.text,
        pieces.Limits(settings.parts, settings.nested),
        archive.Limits(settings.depth, settings.files, settings.unpacked, settings.ratio),
    )


def _ready(rule: filter_tables.Rule) -> _Ready:
    domains = frozenset(domain_.parse(name) for name in rule.domains)
    if rule.look in ("kind", "finding"):
        known = frozenset(word.lower() for word in rule.pattern)
        if rule.look == "finding" and (wrong := known - set(FINDINGS)):
            raise ValueError(f"{sorted(wrong)[0]!r} is no finding; there are {', '.join(FINDINGS)}")
        return _Ready(rule, None, known, domains)
    return _Ready(rule, Pattern(rule.match, rule.pattern), frozenset(), domains)


def _found(one: _Ready, seen: Seen) -> str:
    """What of the letter matches, for the journal; "" for nothing."""
    rule, pattern = one.rule, one.pattern
    if pattern is None:
        return _named(one, seen)
    if rule.look == "header":
        for name, value in seen.fields(rule.field):
            if (hit := pattern.find(value)) is not None:
                return f"{name}: {hit}"
    elif rule.look == "body":
        if (hit := pattern.find(seen.text)) is not None:
            return f"text: {hit}"
    else:
        for file in seen.files:
            if pattern.find(file.name) is not None or pattern.find(file.path) is not None:
                return f"file: {file.path}"
    return ""


def _named(one: _Ready, seen: Seen) -> str:
    if one.rule.look == "finding":
        hits = [f"{word}: {about}" for word, about in seen.findings.items() if word in one.words]
    else:
        hits = [
            f"{', '.join(sorted(file.kinds & one.words))}: {file.path or 'without a name'}"
            for file in seen.files
            if file.kinds & one.words
        ]
    return hits[0] if hits else ""


def _told(finding: str) -> str:
    return {
        "bomb": "An attached archive is too large, too deep or too many files when unpacked",
        "encrypted": "Archives with a password are not taken here",
        "broken": "An attached archive is broken",
        "unread": "Archives of this kind are not taken here",
    }.get(finding, "An attachment is not what it says it is")


def _domain(case: Case) -> str:
    """Whose rules hold: of the recipients, for a submission of the sender."""
    if not case.submitted:
        return case.recipients[0].address.domain if case.recipients else ""
    if case.source.account:
        try:
            return Address.parse(case.source.account).domain
        except BadAddress:
            return ""
    return case.mail.sender.domain if case.mail.sender is not None else ""
