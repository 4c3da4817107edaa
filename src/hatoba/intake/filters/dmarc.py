"""DMARC: what the domain of From asks for when neither SPF nor DKIM vouches for it. # RFC 9989

Asked at the end of the content, behind SPF and the signatures; fills in `case.authenticity`.
Never acts on a result that DNS could not give, but as the settings say.
Fails never.
"""

from collections.abc import Sequence

import msgspec

from hatoba.intake.asking import Asking
from hatoba.intake.authenticity import Authenticity
from hatoba.intake.case import Case
from hatoba.intake.filter_settings import Auth
from hatoba.intake.subject import Subject
from hatoba.mailauth.arc.chain import Chain
from hatoba.mailauth.dmarc import check
from hatoba.mailauth.dmarc.evidence import DkimResult, SpfResult
from hatoba.mailauth.dmarc.result import Result
from hatoba.mailauth.results import read
from hatoba.model import domain as domains
from hatoba.model.outcome import Verdict
from hatoba.model.status import Status

_MIX = 0x9E3779B97F4A7C15  # spreads ids that follow each other


class Dmarc:
    name = "dmarc"
    anyway = True

    def __init__(self, settings: Auth) -> None:
        self._settings = settings
        self._sealers = frozenset(domains.parse(name) for name in settings.arc_sealers)

    def at_content(self, subject: Subject) -> Asking[Sequence[Verdict]]:
        known = subject.case.authenticity
        spf = [SpfResult(known.spf.domain, known.spf.result)] if known.spf is not None else []
        dkim = [DkimResult(each.domain, each.selector, each.result) for each in known.dkim or ()]
        result = yield from check.check(subject.heading.fields, spf, dkim, settings=self._settings.dmarc_rules)
        if result.result == "fail" and self._unsure(result, subject.case):
            result = msgspec.structs.replace(result, result="temperror", why="SPF or DKIM could not be checked now")
        known.dmarc = result
        if result.result == "temperror":
            return self._trouble(result)
        if result.result != "fail":
            return ()
        asked = result.disposition(_draw(subject.id))
        if asked != result.policy:
            known.overrides += (("sampled_out", f"pct={result.pct}"),)
        return self._failed(result, asked, known)

    def _unsure(self, result: Result, case: Case) -> bool:
        """Whether one of the domains that could vouch for the author was not heard."""
        known = case.authenticity
        asked = [each.domain for each in known.dkim or () if each.result == "temperror"]
        if known.spf is None and self._settings.spf != "off":  # late, or a bug of ours
            asked.append(case.mail.sender.domain if case.mail.sender is not None else case.source.helo.lower())
        elif known.spf is not None and known.spf.result == "temperror":
            asked.append(known.spf.domain)
        organization = result.organizational or result.author
        return any(domain == organization or domain.endswith(f".{organization}") for domain in asked)

    def _trouble(self, result: Result) -> Sequence[Verdict]:
        reason = f"temperror for {result.author}: {result.why}"
        if self._settings.dmarc_trouble == "accept" or self._settings.dmarc == "tag":
            return (Verdict(self.name, "accept", reason=reason),)
        return (Verdict(self.name, "defer", Status("4.7.1", f"DMARC: {result.author} cannot be asked now"), reason),)

    def _failed(self, result: Result, asked: str, known: Authenticity) -> Sequence[Verdict]:
        """What is done about a letter that its author's domain does not vouch for."""
        reason = f"fail for {result.author} (p={result.published})"
        if asked == "none":
            return (Verdict(self.name, "accept", reason=reason),)
        sealer = attested(known.arc, result.author, self._sealers)
        if sealer:
            known.overrides += (("local_policy", f"arc=pass, {sealer} saw dmarc=pass"),)
            return (Verdict(self.name, "accept", reason=f"{reason}, but {sealer} attests by ARC that it had passed"),)
        if self._settings.dmarc == "tag":
            known.overrides += (("local_policy", "only told here"),)
            return (Verdict(self.name, "tag", reason=reason),)
        known.disposition = asked
        if asked == "reject":
            return (Verdict(self.name, "reject", Status("5.7.1", _why(result, known)), reason),)
        return (Verdict(self.name, self._settings.dmarc_quarantine, reason=reason),)


def attested(arc: Chain | None, author: str, trusted: frozenset[str]) -> str:
    """The trusted sealer that saw the letter pass DMARC, "" for none. # RFC 8617 §7.2.1

    All that sealed it since must be trusted as well: each of them could have made up the rest.
    """
    if arc is None or arc.result != "pass" or not trusted:
        return ""
    for sealer in reversed(arc.sealers):
        if sealer.domain not in trusted:
            return ""
        try:
            said = read.parse(sealer.results)
        except read.BadResults:
            return ""
        for finding in said.findings:
            seen = finding.value("header", "from")
            if finding.method == "dmarc" and finding.result == "pass" and (seen is None or seen.lower() == author):
                return sealer.domain
    return ""


def _why(result: Result, known: Authenticity) -> str:
    """The text of a refusal: whose policy, and what was found instead of a proof."""
    spf = f"SPF {known.spf.result} for {known.spf.domain}" if known.spf is not None else "no SPF"
    passed = known.authors
    if passed:
        dkim = f"DKIM pass for {passed[0]} only"
    else:
        dkim = f"DKIM {known.dkim[0].result} for {known.dkim[0].domain}" if known.dkim else "no DKIM signature"
    return f"Refused by the DMARC policy of {result.author} (p={result.published}): {spf}, {dkim}"


def _draw(number: int) -> int:
    """0 to 99, the same for the same letter. # RFC 7489 §6.6.4"""
    return ((number * _MIX) >> 32) % 100
