"""Reports as strangers send them to home.example: DMARC, TLS and complaints, as letters.

Used by the tests of received reports.
Never touches a store.
"""

from tests.support.reporter import row

from hatoba.mailauth.dmarc.aggregate import form, write
from hatoba.mailauth.tlsrpt import report as tlsrpt
from hatoba.message import build

BOX = "dmarc@home.example"
PUBLISHED = form.Published("home.example", "quarantine", discovery_method="treewalk")
REPORT = form.Report(
    "Elsewhere", "noreply@else.example", "r1", 86_400, 172_799, PUBLISHED,
    (row("198.51.100.1", count=3, dkim="pass"), row("198.51.100.2", count=2, disposition="quarantine")),
)  # fmt: skip
TLS = tlsrpt.Report(
    "Elsewhere", "tls@else.example", "t1", 86_400, 172_799,
    (tlsrpt.Policy("sts", "home.example", 9, 1, (), (), (tlsrpt.Failure("certificate-expired", 1),)),),
)  # fmt: skip


def dmarc(report: form.Report = REPORT, subject: str = "x") -> bytes:
    fields = [("From", "noreply@else.example"), ("To", BOX), ("Subject", subject), ("Message-ID", "<1@else.example>")]
    return build.message(fields, write.body(report, "else.example", "seed"))


def tls(report: tlsrpt.Report = TLS) -> bytes:
    fields = [("From", "tls@else.example"), *tlsrpt.fields(report, "else.example", "home.example")]
    return build.message(fields, tlsrpt.body(report, "else.example", "home.example", "seed"))


def arf(kind: str = "abuse", number: str = "c1") -> bytes:
    return (
        f"From: <fbl@else.example>\r\nMessage-ID: <{number}@else.example>\r\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nA complaint.\r\n"
        "--b\r\nContent-Type: message/feedback-report\r\n\r\n"
        f"Feedback-Type: {kind}\r\nUser-Agent: Fbl/1\r\nVersion: 1\r\n"
        "Original-Mail-From: <bounce@home.example>\r\nOriginal-Rcpt-To: <bob@else.example>\r\n"
        "Source-IP: 192.0.2.1\r\nReporting-MTA: dns; mx.else.example\r\n"
        "Arrival-Date: Mon, 23 Nov 2026 12:00:00 +0000\r\n"
        "\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: alice@home.example\r\nSubject: Offer\r\n"
        "Message-ID: <m1@home.example>\r\n\r\nbuy\r\n--b--\r\n"
    ).encode()
