"""Feedback reports: fields, the letter within, wrappings, and rubbish."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.message import arf

FIELDS = (
    b"Feedback-Type: Abuse\r\nUser-Agent: Loop/1.0\r\nVersion: 1\r\nSource-IP: [IPv6:2001:DB8::1]\r\n"
    b"Original-Mail-From: <news@example.org>\r\nOriginal-Rcpt-To: <a@example.net>\r\n"
    b"Original-Rcpt-To: b@example.net\r\n"
    b"Reported-Domain: Example.ORG.\r\nIncidents: 12\r\nAuthentication-Results: mx.example.net;\r\n\tspf=pass\r\n"
)
LETTER = b"From: news@example.org\r\nSubject: News\r\n\r\nHello\r\n"


def report(
    fields: bytes = FIELDS, *, encoding: bytes = b"", last: bytes = LETTER, kind: bytes = b"message/rfc822"
) -> bytes:
    return (
        b"From: fbl@example.net\r\nContent-Type: multipart/report; report-type=feedback-report;\r\n"
        b'\tboundary="a \\"b"\r\n\r\n'
        b'preamble\r\n--a "b\r\nContent-Type: text/plain\r\n\r\nComplaint\r\n'
        b'--a "b  \r\nContent-Type: message/feedback-report\r\n' + encoding + b"\r\n" + fields + b"\r\n"
        b'--a "b\r\nContent-Type: ' + kind + b"; x=y\r\n\r\n" + last + b'\r\n--a "b--\r\nepilogue\r\n'
    )


def test_a_report() -> None:
    found = arf.parse(report())
    assert (found.feedback_type, found.source_ip, found.incidents) == ("abuse", "2001:db8::1", 12)
    assert (found.mail_from, found.recipients) == ("news@example.org", ("a@example.net", "b@example.net"))
    assert found.reported_domains == ("example.org",)
    assert found.first("authentication-results") == "mx.example.net; spf=pass"
    assert found.original == LETTER


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_line_ends_of_both_kinds(end: bytes) -> None:
    found = arf.parse(report().replace(b"\r\n", end))
    assert found.original == LETTER.replace(b"\r\n", end)


def test_a_header_alone_may_come_back() -> None:
    assert arf.parse(report(last=b"Subject: x\r\n", kind=b"Text/RFC822-Headers")).original == b"Subject: x\r\n"
    assert arf.parse(report(kind=b"image/png")).original == b""


def test_parts_in_an_encoding() -> None:
    coded = base64.encodebytes(FIELDS)
    assert arf.parse(report(coded, encoding=b"Content-Transfer-Encoding: BASE64\r\n")).incidents == 12
    quoted = FIELDS.replace(b"abuse", b"ab=75se").replace(b"Abuse", b"Ab=75se")
    assert (
        arf.parse(report(quoted, encoding=b"Content-Transfer-Encoding: quoted-printable\r\n")).feedback_type == "abuse"
    )
    with pytest.raises(arf.BadReport, match="Feedback-Type"):
        arf.parse(report(b"x", encoding=b"Content-Transfer-Encoding: base64\r\n"))


def test_a_report_that_was_wrapped_and_cut_off() -> None:
    wrapped = (
        b"Content-Type: multipart/mixed; boundary=w\r\n\r\n--w\r\n" + report() + b"\r\n--w\r\n\r\nfooter\r\n--w--\r\n"
    )
    assert arf.parse(wrapped).original == LETTER
    cut = report().partition(b"Hello")[0]
    assert arf.parse(cut).original == LETTER.partition(b"Hello")[0]
    for sign in (b"x", b"y"):
        wrapped = b"Content-Type: multipart/mixed; boundary=%s\r\n\r\n--%s\r\n%s" % (sign, sign, wrapped)
    with pytest.raises(arf.BadReport, match="holds no"):
        arf.parse(wrapped)


@pytest.mark.parametrize(
    ("text", "incidents", "ip"),
    [
        (b"", 1, ""),
        (b"Incidents: 0\r\nSource-IP: x\r\n", 1, ""),
        (b"Incidents: -1\r\nSource-IP: 192.0.2.1\r\n", 1, "192.0.2.1"),
    ],
)
def test_fields_that_are_missing_or_wrong(text: bytes, incidents: int, ip: str) -> None:
    found = arf.parse(report(b"Feedback-Type: x\r\n" + text))
    assert (found.incidents, found.source_ip, found.mail_from, found.recipients) == (incidents, ip, "", ())


def test_no_more_than_anybody_needs() -> None:
    found = arf.parse(report(b"Feedback-Type: x\r\n" + b"Reported-Domain: a.example\r\n" * 1000))
    assert len(found.reported_domains) == 100
    many = b"Content-Type: multipart/mixed; boundary=w\r\n\r\n" + b"--w\r\n\r\nx\r\n" * 60 + b"--w\r\n" + report()
    with pytest.raises(arf.BadReport):
        arf.parse(many)


@pytest.mark.parametrize("content", [b"", b"Subject: x\r\n\r\nhello", b"Content-Type: multipart/report\r\n\r\n--\r\n"])
def test_what_is_no_report(content: bytes) -> None:
    with pytest.raises(arf.BadReport):
        arf.parse(content)


@given(st.binary(max_size=300), st.integers(0, 800))
def test_reading_raises_its_own_error_alone(junk: bytes, at: int) -> None:
    whole = report()
    try:
        found = arf.parse(whole[:at] + junk + whole[at + len(junk) :])
    except arf.BadReport:
        return
    assert found.feedback_type
    assert found.incidents >= 1
