"""TLS-RPT: records, and reports round the whole way: made, packed, posted, read."""

import gzip
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import zone

from hatoba.mailauth import questions, terms
from hatoba.mailauth.tlsrpt import record, report
from hatoba.mailauth.tlsrpt.record import Found
from hatoba.mailauth.tlsrpt.report import BadReport, Failure, Policy, Report
from hatoba.message import build


@pytest.mark.parametrize(
    ("text", "uris"),
    [
        ("v=TLSRPTv1;rua=mailto:a@example.org", ("mailto:a@example.org",)),
        (
            "v=TLSRPTv1; rua=MAILTO:a@example.org \t, https://example.org/r?x=1 ; ext=y;",
            ("MAILTO:a@example.org", "https://example.org/r?x=1"),
        ),
        ("v=TLSRPTv1; rua=ftp://example.org,mailto:a@example.org", ("mailto:a@example.org",)),
    ],
)
def test_records(text: str, uris: tuple[str, ...]) -> None:
    assert record.parse(text.encode()) == uris


@pytest.mark.parametrize(
    "text",
    [
        "v=TLSRPTv1", "v=TLSRPTv1; ext=1", "v=TLSRPTv1; rua=", "v=TLSRPTv1; rua=none",
        "v=TLSRPTv1; rua=ftp://example.org",
        "v=TLSRPTv1; rua=mailto:a@b,", "v=TLSRPTv1; rua=mailto:a@b!", "v=TLSRPTv1; rua=mailto:a@b; rua=mailto:c@d",
        "v=TLSRPTv1; rua=mailto:a b@c", "v=TLSRPTv1;; rua=mailto:a@b", "v=TLSRPTv1; rua=mailto:a@b; x%=1",
        "v=TLSRPTv2; rua=mailto:a@b",
    ],
)  # fmt: skip
def test_bad_records(text: str) -> None:
    with pytest.raises(terms.BadTerms):
        record.parse(text.encode())


def found(*records: bytes) -> Found:
    return questions.run(record.lookup("example.org"), zone.look({"_smtp._tls.example.org": {"TXT": list(records)}}))


def test_lookup() -> None:
    assert found(b"x", b"v=TLSRPTv1; rua=mailto:a@b") == Found("announced", ("mailto:a@b",))
    assert found(b"v=TLSRPTv1; rua=mailto:a@b", b"v=TLSRPTv1; rua=mailto:a@b").state == "none"
    assert found(b"v=TLSRPTv1").why
    trouble: zone.Zone = {"_smtp._tls.example.org": {"TXT": questions.TROUBLE}}
    assert questions.run(record.lookup("example.org"), zone.look(trouble)).state == "trouble"


WORD = st.text(st.characters(codec="utf-8"), max_size=30)
COUNT = st.integers(0, 2**53 - 1)
FAILURE = st.builds(
    Failure, st.sampled_from(["certificate-expired", "sts-policy-invalid"]), COUNT, WORD, WORD, WORD, WORD, WORD, WORD
)
POLICY = st.builds(
    Policy,
    st.sampled_from(["sts", "tlsa", "no-policy-found"]), st.sampled_from(["example.org", "xn--r8jz45g.jp"]),
    COUNT, COUNT,
    st.lists(WORD, max_size=3).map(tuple), st.lists(WORD, max_size=3).map(tuple),
    st.lists(FAILURE, max_size=3).map(tuple),
)  # fmt: skip
TIME = st.integers(0, 2**32)
REPORT = st.builds(Report, WORD, WORD, WORD.filter(bool), TIME, TIME, st.lists(POLICY, max_size=3).map(tuple))


@given(REPORT)
def test_a_report_comes_back_as_it_was(made: Report) -> None:
    octets = report.write(made)
    assert report.parse(octets) == made
    assert report.parse(gzip.compress(octets)) == made


@given(REPORT)
def test_a_letter_carries_it(made: Report) -> None:
    body = report.body(made, "mx.example.net", "example.org", "seed1")
    letter = build.message([("From", "r@example.net"), *report.fields(made, "mx.example.net", "example.org")], body)
    assert build.lines_fit(letter)
    assert report.parse(letter) == made


def test_the_letter_by_its_rules() -> None:
    made = Report("Example", "r@example.net", "id-1", 100, 200)
    body = report.body(made, "mx.example.net", "example.org", "u7")
    assert body.type.startswith("multipart/report; report-type=tlsrpt; ")
    assert b"filename=mx.example.net!example.org!100!200!u7.json.gz" in body.body.replace(b"\r\n ", b" ")
    assert b"Content-Type: application/tlsrpt+gzip;" in body.body
    assert dict(report.fields(made, "s", "d"))["TLS-Report-Submitter"] == "s"
    assert report.filename(made, "a/../b", "d\r\n", "u") == "a_.._b!d__!100!200!u.json.gz"


def test_careless_reporters() -> None:
    whole = {
        "report-id": 7,
        "date-range": {"start-datetime": "2026-01-01T00:00:00", "end-datetime": "yesterday"},
        "policies": [
            3,
            {},
            {"policy": {"policy-type": "STS", "policy-string": "version: STSv1", "mx-host": "mx.example.org"},
             "summary": {"total-successful-session-count": "5", "total-failure-session-count": -1},
             "failure-details": [None, {"result-type": "X", "failed-session-count": True, "receiving-ip": []}]},
        ],
    }  # fmt: skip
    made = report.parse(b"\xef\xbb\xbf " + json.dumps(whole).encode())
    assert (made.id, made.begin, made.end, made.organization) == ("7", 1767225600, 0, "")
    assert made.policies[0] == Policy("", "")
    assert made.policies[1] == Policy(
        "sts", "", 5, 0, ("version: STSv1",), ("mx.example.org",), (Failure("x", 0),)
    )  # fmt: skip


@pytest.mark.parametrize(
    "octets",
    [
        b"", b"{", b"[]", b"{}", b'{"report-id": "1"}', b'{"report-id": "", "policies": []}', b'{"policies": []}',
        b'{"report-id": "1", "policies": {}}', b"{" * 100_000, b'{"a":' * 100_000,
        b'{"report-id": "\xff", "policies": []}', b"Subject: no report\r\n\r\n{not json}", gzip.compress(b"{}"),
        gzip.compress(b'{"report-id": "1", "policies": []}')[:-9],
    ],
)  # fmt: skip
def test_rubbish(octets: bytes) -> None:
    with pytest.raises(BadReport):
        report.parse(octets)


def test_limits() -> None:
    entry: dict[str, object] = {"policy": {}, "summary": {}, "failure-details": [{}] * 1000}
    with pytest.raises(BadReport, match="too many failures"):
        report.parse(json.dumps({"report-id": "1", "policies": [entry] * 101}).encode())
    with pytest.raises(BadReport, match="too many policies"):
        report.parse(json.dumps({"report-id": "1", "policies": [{}] * (report.POLICIES + 1)}).encode())
    with pytest.raises(BadReport, match="too many values"):
        report.parse(b'{"report-id": "1", "policies": [' + b"[]," * 1_000_000 + b"[]]}")
    with pytest.raises(BadReport, match="too large"):
        report.parse(gzip.compress(b"{" + b" " * 10_000), most=5_000)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["report-id", "policies", "policy", "summary", "failure-details", "date-range", "policy-string",
                         "start-datetime", "total-failure-session-count", "organization-name"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(JSON)
def test_only_its_own_error_escapes(value: object) -> None:
    with suppress(BadReport):
        assert report.parse_json(json.dumps(value).encode()).id
