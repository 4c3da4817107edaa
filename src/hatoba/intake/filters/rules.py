"""Rules: what is thought of letters for what stands in them: fields, words, attachments, archives; the operator's own.

Made by build from [[filter.rule]] and [filter.attachments]; asked at the end of the content.
Never holds the worker up: matching is linear (see pattern), large letters and archives are looked into in a thread.
Fails never: a letter that cannot be read matches what can.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from hatoba.intake import asking
from hatoba.intake.asking import Asking
from hatoba.intake.case import Case
from hatoba.intake.filters import weight
from hatoba.intake.filters.pattern import Match, Pattern
from hatoba.intake.filters.seen import FINDINGS, Limits, Seen, Wanted
from hatoba.intake.filters.weight import Weight
from hatoba.intake.subject import Subject
from hatoba.kit.units import Bytes
from hatoba.message import archive, pieces
from hatoba.model import domain as domain_
from hatoba.model.address import Address, BadAddress
from hatoba.model.envelope import Recipient
from hatoba.model.outcome import Verdict
from hatoba.model.status import Status

NAME = "rules"
INLINE = 64 * 1024  # octets of a letter that is looked at where it came in; a larger one goes to a thread
_TEXT = "This letter is not welcome here"


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[[filter.rule]]` tables."""

    name: Annotated[str, Meta(min_length=1, description="Its name in verdicts and in the journal.")]
    look: Annotated[
        Literal["header", "body", "file", "kind", "finding"],
        Meta(
            description="At the decoded header, the decoded texts, the names of attachments and of what archives hold, "
            "their kinds by their own octets (executable, script, macro, zip, …), or what is odd about them "
            "(encrypted, bomb, double-extension, …)."
        ),
    ]
    pattern: Annotated[tuple[str, ...], Meta(min_length=1, description="What is looked for; one of them is enough.")]
    weight: Annotated[Weight, Meta(description='Points, or an action: "reject", "quarantine", "tag" …')]
    match: Annotated[
        Match,
        Meta(
            description='word: as whole words, in any case and width; glob: the whole text, with * and ?; regex: RE2 '
            "syntax, anywhere. Kinds and findings are compared as they are."
        ),
    ] = "word"
    field: Annotated[str, Meta(description="With header: which field; empty: any, as well as those below it.")] = ""
    text: Annotated[str, Meta(description="What a refused peer is told.")] = ""
    domains: Annotated[
        tuple[str, ...],
        Meta(
            description="Recipient domains it is for (of a submission: the sender's); without any: all. Recipients "
            "with different rules get different transactions: 452 4.5.3."
        ),
    ] = ()


class Attachments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[filter.attachments]` table."""

    look: Annotated[
        bool, Meta(description="Look into attachments and archives; a rule for files, kinds or findings does, too.")
    ] = False
    bomb: Annotated[
        Weight, Meta(description="An archive beyond the limits below: it would burst whoever unpacks it.")
    ] = "reject"
    encrypted: Annotated[Weight, Meta(description="An archive with a password: nobody can look inside.")] = 0.0
    broken: Annotated[Weight, Meta(description="An archive that breaks its own format.")] = 0.0
    unread: Annotated[Weight, Meta(description="An archive of a kind not opened here: rar, cab, lzh, iso …")] = 0.0
    double_extension: Annotated[Weight, Meta(description="A program that calls itself a document: bill.pdf.exe.")] = 0.0
    disguised: Annotated[Weight, Meta(description="A program by its octets under another file's name.")] = 0.0
    bidi_name: Annotated[Weight, Meta(description="A file name that turns its own direction of writing.")] = 0.0
    cut: Annotated[Weight, Meta(description="More parts, or deeper nested ones, than are looked at.")] = 0.0
    parts: Annotated[int, Meta(ge=1, description="Parts of a letter that are looked at; more is a finding, cut.")] = 200
    nested: Annotated[int, Meta(ge=1, le=50, description="Parts within each other; deeper is a finding, cut.")] = 12
    depth: Annotated[int, Meta(ge=1, le=20, description="Archives within each other; deeper is a bomb.")] = 4
    files: Annotated[int, Meta(ge=1, description="Files in all archives of a letter; more is a bomb.")] = 2000
    unpacked: Annotated[Bytes, Meta(description="Octets unpacked of one letter; more is a bomb.")] = 128 << 20
    ratio: Annotated[
        int, Meta(ge=2, description="Octets unpacked for one packed, above 4 MiB; more is a bomb.")
    ] = 300
    text: Annotated[Bytes, Meta(description="Characters of a letter's texts that rules look at.")] = 512 << 10

    def limits(self) -> Limits:
        return Limits(
            self.text,
            pieces.Limits(self.parts, self.nested),
            archive.Limits(self.depth, self.files, self.unpacked, self.ratio),
        )


class _Ready(NamedTuple):
    rule: Rule
    pattern: Pattern | None  # None: compared as they are
    words: frozenset[str]
    domains: frozenset[str]


class Check:
    """ValueError on a pattern that cannot be run, a finding that is none, a domain that is none."""

    name = NAME
    inside = True

    def __init__(self, rules: Sequence[Rule], attachments: Attachments) -> None:
        self.attachments = attachments
        self.rules = [_ready(rule) for rule in rules]
        self._limits = attachments.limits()
        self._scoped = any(one.domains for one in self.rules)

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


def _ready(rule: Rule) -> _Ready:
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
