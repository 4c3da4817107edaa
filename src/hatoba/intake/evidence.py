"""Evidence: what the journal keeps of the checks of a letter: verdicts, findings, and what DMARC reports want to know.

Called by transaction and composing at the end of the content.
Never keeps more of a letter than its envelope, its author's domain and words.
Fails never.
"""

from hatoba.intake import ruling
from hatoba.intake.case import Case
from hatoba.intake.heading import Heading
from hatoba.journal import forms
from hatoba.mailauth.arc import trace as arc_trace
from hatoba.mailauth.dkim import trace as dkim_trace
from hatoba.mailauth.dmarc import evidence as dmarc_evidence
from hatoba.mailauth.dmarc import trace as dmarc_trace
from hatoba.mailauth.dmarc.aggregate import observe
from hatoba.mailauth.dmarc.aggregate.form import Reason
from hatoba.mailauth.results import write
from hatoba.mailauth.results.finding import Finding, Property, Results
from hatoba.mailauth.spf import trace as spf_trace
from hatoba.model.envelope import Notes
from hatoba.model.event import Event
from hatoba.model.status import Status

_REASON_MOST = 200  # characters of one reason


def findings(case: Case, ruled: ruling.Ruling) -> tuple[Finding, ...]:
    """Everything that was found out about who sent the letter."""
    known = case.authenticity
    found: list[Finding] = []
    sender = "" if case.mail.sender is None else str(case.mail.sender)
    for spf in (known.spf, known.helo):
        if spf is not None:
            found.append(spf_trace.finding(spf, sender, case.source.helo))
    if known.dkim is not None:
        found += dkim_trace.findings(known.dkim)
    if known.arc is not None and known.arc.result != "none":
        found.append(arc_trace.finding(known.arc, case.source.ip))
    if known.dmarc is not None:
        found.append(dmarc_trace.finding(known.dmarc, disposition(case, ruled)[0]))
    if case.client.iprev:
        shown = case.client.ptr[0] if case.client.ptr else ""
        found.append(Finding("iprev", case.client.iprev, (Property("policy", "iprev", case.source.ip),), comment=shown))
    return (*found, *known.findings)


def disposition(case: Case, ruled: ruling.Ruling) -> tuple[str, tuple[Reason, ...]]:
    """(what is done about DMARC: none, quarantine or reject; why that is not what the domain asked for)."""
    known = case.authenticity
    reasons = tuple(Reason(*each) for each in known.overrides)
    if known.disposition == "none":
        return "none", reasons
    if ruled.action == ruling.ACCEPT or any(verdict.action == ruling.ALLOW for verdict in ruled.verdicts):
        return "none", (*reasons, Reason("local_policy", "allowed by a list"))
    return known.disposition, reasons


def text(payload: bytes) -> str:
    """What stands in an Authentication-Results behind our name, in one line."""
    return " ".join(payload.decode().split()).partition("; ")[2]


def notes(case: Case, ruled: ruling.Ruling, told: str) -> Notes:
    """What goes with the letter to the journal. `told`: the findings as text."""
    made = Notes(_verdicts(ruled), told, _dmarc(case, ruled), chain=case.authenticity.arc)
    if ruled.action == ruling.QUARANTINE:
        made.hold = f"quarantine: {_why(ruled)}"
    elif ruled.action == ruling.DISCARD:
        made.drop = f"discarded: {_why(ruled)}"
    return made


def refused(number: int, case: Case, read: Heading, ruled: ruling.Ruling, status: Status) -> Event:
    """The event of a letter that was not taken."""
    source = case.source
    form = forms.Refused(
        "" if case.mail.sender is None else str(case.mail.sender),
        tuple([str(recipient.address) for recipient in case.recipients]),
        source.door, status.code, status.text, source.ip, source.port, source.helo, source.tls, source.account,
        read.message_id, read.header_from, read.subject,
        _verdicts(ruled), text(write.payload(Results("us", findings(case, ruled)))), _dmarc(case, ruled),
    )  # fmt: skip
    return forms.refused(number, form, case.now)


def _why(ruled: ruling.Ruling) -> str:
    decisive = ruled.decisive
    return f"{decisive.check}: {decisive.reason}"[:_REASON_MOST] if decisive.reason else decisive.check


def _verdicts(ruled: ruling.Ruling) -> tuple[tuple[str, str, float, str], ...]:
    return tuple(
        (verdict.check, verdict.action, verdict.score, verdict.reason[:_REASON_MOST]) for verdict in ruled.verdicts
    )


def _dmarc(case: Case, ruled: ruling.Ruling) -> forms.Dmarc | None:
    """None where no record held, so that nobody wants a report."""
    known = case.authenticity
    result, spf = known.dmarc, known.spf
    if result is None or not result.domain:
        return None
    done, reasons = disposition(case, ruled)
    row = observe.row(
        result,
        case.source.ip,
        done,  # type: ignore[arg-type] # one of the words of Policy
        dmarc_evidence.SpfResult(spf.domain, spf.result) if spf is not None else dmarc_evidence.SpfResult("", "none"),
        [dmarc_evidence.DkimResult(each.domain, each.selector, each.result) for each in known.dkim or ()],
        scope="helo" if spf is not None and spf.identity == "helo" else "mfrom",
        reasons=reasons,
    )
    return forms.Dmarc(observe.published(result), row)
