"""Figures: what the reports we were sent say together: per domain, per source, per kind of failure.

Called by the command line with the rows of reports of some days.
Never believes a report more than its sender deserves: who wrote it stands beside what it says.
Fails never: a row whose data cannot be read is left out.
"""

from collections import Counter
from collections.abc import Iterable

import msgspec

from hatoba.mailauth.dmarc.aggregate import form
from hatoba.mailauth.tlsrpt import report as tlsrpt
from hatoba.reports import kinds, made
from hatoba.reports.complaint import Complaint
from hatoba.store.rows import ReportRow


class Source(msgspec.Struct):
    """Letters from one address; "" for those that a report sums up without one. `name`: its PTR, if it was asked."""

    ip: str
    name: str = ""
    letters: int = 0
    passed: int = 0
    dkim: int = 0
    spf: int = 0

    @property
    def failed(self) -> int:
        return self.letters - self.passed


class Dmarc(msgspec.Struct):
    """One domain of ours in others' eyes. `dkim`, `spf`: letters with an aligned pass; `passed`: with either."""

    domain: str
    reports: int = 0
    reporters: int = 0
    letters: int = 0
    passed: int = 0
    dkim: int = 0
    spf: int = 0
    quarantined: int = 0
    rejected: int = 0
    sources: list[Source] = []  # those with most failures first


class Tls(msgspec.Struct):
    """TLS to one domain of ours. `types`: failures by result type; `hosts`: by receiving host."""

    domain: str
    reports: int = 0
    reporters: int = 0
    successes: int = 0
    failures: int = 0
    types: dict[str, int] = {}
    hosts: dict[str, int] = {}


class Complaints(msgspec.Struct):
    """Complaints about letters of one domain. `to`: by the domain of their recipients, or of who complains for them."""

    domain: str
    complaints: int = 0
    failures: int = 0  # DMARC failure reports about single letters  # RFC 9991
    types: dict[str, int] = {}
    to: dict[str, int] = {}


class Summary(msgspec.Struct):
    dmarc: list[Dmarc]
    tls: list[Tls]
    complaints: list[Complaints]


Content = form.Report | tlsrpt.Report | Complaint | made.Outgoing

_READERS: dict[str, msgspec.json.Decoder[Content]] = {
    kinds.DMARC: msgspec.json.Decoder(form.Report),
    kinds.TLS: msgspec.json.Decoder(tlsrpt.Report),
    kinds.COMPLAINT: msgspec.json.Decoder(Complaint),
    kinds.FAILURE: msgspec.json.Decoder(Complaint),
    **{kind: msgspec.json.Decoder(made.Outgoing) for kind in kinds.MADE},
}


def content(row: ReportRow) -> Content | None:
    """What a report says; None when its data cannot be read."""
    try:
        return _READERS[row.kind].decode(row.data)
    except (msgspec.MsgspecError, KeyError):
        return None


def told(found: Content | None) -> form.Report | tlsrpt.Report | Complaint | None:
    """The report itself: of one of ours, what it carries."""
    if isinstance(found, made.Outgoing):
        return found.dmarc if found.dmarc is not None else found.tls
    return found


def passes(row: form.Row) -> bool:
    return "pass" in (row.dkim, row.spf)


def brief(found: Content | None) -> tuple[int, int]:
    """(what it is about, how much of that is bad): letters and failures, sessions and failures, complaints twice."""
    match told(found):
        case form.Report() as report:
            return sum(row.count for row in report.rows), sum(row.count for row in report.rows if not passes(row))
        case tlsrpt.Report() as report:
            failed = sum(policy.failures for policy in report.policies)
            return sum(policy.successes for policy in report.policies) + failed, failed
        case Complaint() as complaint:
            return complaint.incidents, complaint.incidents
        case _:
            return 0, 0


def summed(rows: Iterable[ReportRow]) -> Summary:
    """Received reports together; the busiest domain first."""
    dmarc: dict[str, _Dmarc] = {}
    tls: dict[str, _Tls] = {}
    complaints: dict[str, Complaints] = {}
    for row in rows:
        match content(row):
            case form.Report() as report if row.kind == kinds.DMARC:
                dmarc.setdefault(row.domain, _Dmarc(row.domain)).add(row, report)
            case tlsrpt.Report() as report if row.kind == kinds.TLS:
                tls.setdefault(row.domain, _Tls(row.domain)).add(row, report)
            case Complaint() as complaint:
                _complain(complaints.setdefault(row.domain, Complaints(row.domain, types={}, to={})), row, complaint)
            case _:
                continue
    return Summary(
        sorted((each.figures() for each in dmarc.values()), key=lambda one: (-one.letters, one.domain)),
        sorted((each.figures() for each in tls.values()), key=lambda one: (-one.successes - one.failures, one.domain)),
        sorted(complaints.values(), key=lambda one: (-one.complaints, one.domain)),
    )


class _Dmarc:
    def __init__(self, domain: str) -> None:
        self._sum = Dmarc(domain)
        self._reporters: set[str] = set()
        self._sources: dict[str, Source] = {}

    def add(self, row: ReportRow, report: form.Report) -> None:
        self._sum.reports += 1
        self._reporters.add(row.reporter)
        for each in report.rows:
            source = self._sources.setdefault(each.source_ip, Source(each.source_ip))
            for counted in (self._sum, source):
                counted.letters += each.count
                counted.passed += each.count * passes(each)
                counted.dkim += each.count * (each.dkim == "pass")
                counted.spf += each.count * (each.spf == "pass")
            self._sum.quarantined += each.count * (each.disposition == "quarantine")
            self._sum.rejected += each.count * (each.disposition == "reject")

    def figures(self) -> Dmarc:
        self._sum.reporters = len(self._reporters)
        self._sum.sources = sorted(self._sources.values(), key=lambda one: (-one.failed, -one.letters, one.ip))
        return self._sum


class _Tls:
    def __init__(self, domain: str) -> None:
        self._sum = Tls(domain)
        self._reporters: set[str] = set()
        self._types: Counter[str] = Counter()
        self._hosts: Counter[str] = Counter()

    def add(self, row: ReportRow, report: tlsrpt.Report) -> None:
        self._sum.reports += 1
        self._reporters.add(row.reporter)
        for policy in report.policies:
            self._sum.successes += policy.successes
            self._sum.failures += policy.failures
            for failure in policy.details:
                self._types[failure.result] += failure.count
                if failure.receiving_host:
                    self._hosts[failure.receiving_host] += failure.count

    def figures(self) -> Tls:
        self._sum.reporters = len(self._reporters)
        self._sum.types, self._sum.hosts = dict(self._types.most_common()), dict(self._hosts.most_common())
        return self._sum


def _complain(figures: Complaints, row: ReportRow, complaint: Complaint) -> None:
    if row.kind == kinds.FAILURE:
        figures.failures += complaint.incidents
        return
    figures.complaints += complaint.incidents
    figures.types[complaint.type] = figures.types.get(complaint.type, 0) + complaint.incidents
    for domain in complaint.to or ((row.reporter,) if row.reporter else ()):
        figures.to[domain] = figures.to.get(domain, 0) + complaint.incidents
