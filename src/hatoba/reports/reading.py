"""Reading: whatever a stranger sent, as reports to keep: DMARC aggregate, TLS-RPT, complaints and failure reports.

Called by inbox with a letter from a mailbox, and by the command line with a file.
Never believes what it reads, and never unpacks beyond its limit: bombs are refused by message.unpack.
Fails with Unreadable, which says what is wrong with it.
"""

import hashlib
import re

import msgspec

from hatoba.mailauth.dmarc import author
from hatoba.mailauth.dmarc.aggregate import form
from hatoba.mailauth.dmarc.aggregate import read as aggregate
from hatoba.mailauth.tlsrpt import report as tlsrpt
from hatoba.message import arf, headers
from hatoba.reports import complaint, kinds
from hatoba.store.rows import ReportRow

ROWS = 5000  # of one report are kept; the smallest of more are summed up
_FEEDBACK = re.compile(rb"(?i)message/feedback-report")
_NAME = 200  # characters of a reporter's name or id
_LATEST = 253_402_300_800  # the year 10,000
_encode = msgspec.json.Encoder().encode


class Unreadable(ValueError):
    """There is no report in it, or none that may be read; the text says why."""


def read(octets: bytes, now: int, *, most: int) -> list[ReportRow]:
    """The reports in a letter, an archive or a bare document, each about one domain. Unreadable.

    `now` in ms is when it came; `most` octets it may have, unpacked.
    """
    if _FEEDBACK.search(octets):
        return [_complaint(octets, now)]
    why = ""
    try:
        return [_dmarc(aggregate.parse(octets, most=most), now)]
    except aggregate.BadReport as error:
        why = str(error)
    try:
        return _tls(tlsrpt.parse(octets, most=most), octets, now)
    except tlsrpt.BadReport as error:
        raise Unreadable(str(error) if why == "there is no XML in it" else why) from None


def _dmarc(report: form.Report, now: int) -> ReportRow:
    domain = author.normal(report.published.domain)
    reporter = report.org_name or report.email
    kept = msgspec.structs.replace(report, rows=_shortened(report.rows))
    return _row(kinds.DMARC, domain, reporter, report.report_id, (report.begin, report.end), _encode(kept), now)


def _shortened(rows: tuple[form.Row, ...]) -> tuple[form.Row, ...]:
    """The largest rows as they are, the rest summed up by what DMARC says of them, without an address."""
    if len(rows) <= ROWS:
        return rows
    ordered = sorted(rows, key=lambda row: -row.count)
    rest: dict[tuple[str, str, str], int] = {}
    for row in ordered[ROWS:]:
        verdict = row.disposition, row.dkim, row.spf
        rest[verdict] = rest.get(verdict, 0) + row.count
    return (*ordered[:ROWS], *(form.Row("", count, *verdict) for verdict, count in rest.items()))


def _tls(report: tlsrpt.Report, octets: bytes, now: int) -> list[ReportRow]:
    """One row for each domain: the letter's TLS-Report-Domain, or else those of the policies. # RFC 8460 §5.3"""
    named = author.normal(headers.scan(octets).text(b"tls-report-domain").strip())
    groups: dict[str, list[tlsrpt.Policy]] = {}
    for policy in report.policies:
        groups.setdefault(named or policy.domain, []).append(policy)
    span = report.begin, report.end
    return [
        _row(
            kinds.TLS, domain, report.organization or report.contact, report.id, span,
            _encode(msgspec.structs.replace(report, policies=tuple(policies))), now,
        )
        for domain, policies in groups.items()
        if domain
    ]  # fmt: skip


def _complaint(octets: bytes, now: int) -> ReportRow:
    try:
        found = complaint.read(octets)
    except arf.BadReport as error:
        raise Unreadable(str(error)) from None
    if not found.domain:
        raise Unreadable("it does not say which domain it is about")
    kind = kinds.FAILURE if found.complaint.type == "auth-failure" else kinds.COMPLAINT
    at = found.at or now // 1000
    name = headers.scan(octets).text(b"message-id").strip() or hashlib.sha256(octets).hexdigest()
    return _row(kind, found.domain, found.reporter, name, (at, at), _encode(found.complaint), now)


def _row(kind: str, domain: str, reporter: str, number: str, span: tuple[int, int], data: bytes, now: int) -> ReportRow:
    """The same report has the same id however often it comes: kind, reporter, its own id and the domain make it."""
    if not number:
        number = hashlib.sha256(data).hexdigest()
    mark = "\0".join((kind, reporter, number, domain)).encode("utf-8", "surrogatepass")
    begin, end = (moment if 0 <= moment < _LATEST else 0 for moment in span)
    made = f"{kind}-{hashlib.sha256(mark).hexdigest()[:16]}"
    return ReportRow(made, now, kind, domain[:255], reporter[:_NAME], begin, end, data)
