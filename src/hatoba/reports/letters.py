"""Letters: a report of ours in the form in which it goes out, by mail or over HTTPS.

Called by sending, once for each address that wants the report.
Never sends, never signs: the letter goes through the queue like any other.
Fails with TooLarge when an address takes so little that not even an empty report would fit.
"""

import gzip
import hashlib

import msgspec

from hatoba.mailauth.dmarc.aggregate import form
from hatoba.mailauth.dmarc.aggregate import write as aggregate
from hatoba.mailauth.tlsrpt import report as tlsrpt
from hatoba.message import build, encode
from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Letter, Recipient, Source
from hatoba.reports.made import Outgoing, Who

DOOR = "report"  # Source.door of what is made here
LIFETIME = 2 * 86_400_000  # ms in the queue
MOST = 10 << 20  # octets of an attachment, as it goes out
GZIP = "application/tlsrpt+gzip"  # RFC 8460 §6.4


class TooLarge(ValueError):
    """The report does not fit what the address takes."""


def message_id(outgoing: Outgoing, mailbox: str, who: Who) -> str:
    """The same for the same report to the same address: a letter that went out before a crash is known by it."""
    mark = hashlib.sha256(mailbox.encode()).hexdigest()[:8]
    return f"{outgoing.number}.{mark}@{who.hostname}"


def letter(
    outgoing: Outgoing, to: Address, most: int, who: Who, sender: Address | None, new_id: int, now: int
) -> Letter:
    """The letter that carries a report to one address, which takes `most` octets of attachment (0: it does not say).

    `sender` is the reverse-path. Nobody is told when it cannot be delivered: a report is no reason for more mail.
    """
    name = message_id(outgoing, str(to), who)
    fields, body = _content(outgoing, most, who)
    said = dict(fields)
    whole = [
        ("From", encode.mailbox(who.organization, str(who.address))),
        ("To", str(to)),
        *fields,
        ("Date", encode.date(now)),
        ("Message-ID", f"<{name}>"),
        ("Auto-Submitted", "auto-generated"),  # RFC 3834 §5
    ]
    content = build.message(whole, body)
    utf8 = not (to.ascii and who.address.ascii)
    form_ = "7BIT" if content.isascii() else "8BITMIME"
    return Letter(
        new_id, now, now + LIFETIME,
        Envelope(
            sender, (Recipient(to, notify="NEVER"),), body=form_, smtputf8=utf8, tls_optional=outgoing.tls is not None
        ),
        Source(DOOR), len(content), content,
        dotted=b"\r\n." in content, eightbit=not content.isascii(), message_id=f"<{name}>",
        header_from=str(who.address), subject=said["Subject"],
    )  # fmt: skip


def packed(report: tlsrpt.Report) -> bytes:
    """What is posted to an https: address. # RFC 8460 §5.4"""
    return gzip.compress(tlsrpt.write(report), mtime=0)


def _content(outgoing: Outgoing, most: int, who: Who) -> tuple[list[tuple[str, str]], build.Part]:
    if outgoing.dmarc is not None:
        report = fitting(outgoing.dmarc, most or MOST)
        subject = aggregate.subject(report, who.receiver)
        return [("Subject", subject)], aggregate.body(report, who.receiver, report.report_id)
    told = outgoing.tls
    assert told is not None  # noqa: S101  # one of both is there: see Outgoing
    fields = [*tlsrpt.fields(told, who.receiver, outgoing.domain), ("TLS-Required", "No")]  # RFC 8460 §3, RFC 8689 §5
    return fields, tlsrpt.body(told, who.receiver, outgoing.domain, told.id)


def fitting(report: form.Report, most: int) -> form.Report:
    """The report, or as many of its largest rows as fit and a word about the others. TooLarge. # RFC 9990 §3.5"""
    if _size(report) <= most:
        return report
    low, high = 0, len(report.rows) - 1
    if _size(_cut(report, 0)) > most:
        raise TooLarge(f"it takes no report above {most} octets")
    while low < high:
        middle = (low + high + 1) // 2
        if _size(_cut(report, middle)) <= most:
            low = middle
        else:
            high = middle - 1
    return _cut(report, low)


def _cut(report: form.Report, rows: int) -> form.Report:
    left = report.rows[rows:]
    letters = sum(row.count for row in left)
    error = f"{len(left)} rows about {letters} letters are left out: the address takes no larger report"
    return msgspec.structs.replace(report, rows=report.rows[:rows], errors=(*report.errors, error))


def _size(report: form.Report) -> int:
    """Octets as they go out: packed and encoded."""
    return len(build.base64_lines(aggregate.packed(report)))
