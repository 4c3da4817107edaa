"""MTA-STS: records, policy files, what they cover, what an HTTPS answer is worth."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import zone

from hatoba.mailauth import mtasts, questions, terms
from hatoba.mailauth.mtasts import BadPolicy, Found

FILE = "version: STSv1\r\nmode: enforce\r\nmx: mx1.Example.org\r\nmx: *.example.net\r\nmax_age: 604800\r\n"


@pytest.mark.parametrize(
    "text",
    ["v=STSv1;id=1", "v=STSv1; id=20260101T000000;", "v=STSv1 ; \t id=a \t ; x.y-z_1=!~ ;", "v=STSv1; id=" + "a" * 32],
)
def test_records(text: str) -> None:
    assert mtasts.record(text.encode()).isalnum()


@pytest.mark.parametrize(
    "text",
    [
        "", "v=STSv1", "v=STSv1;", "v=STSv2; id=1", "v=STSv10; id=1", "V=STSv1; id=1", "v = STSv1; id=1",
        "id=1; v=STSv1",
        "v=STSv1; id=", "v=STSv1; id=a-b", "v=STSv1; id=" + "a" * 33, "v=STSv1; id=a; id=b", "v=STSv1; id=a;;",
        "v=STSv1; id=a; x", "v=STSv1; id=a; x=", "v=STSv1; id=a; x=a=b", "v=STSv1; id=a; -x=1", "v=STSv1; id=a; x=a b",
        "v=STSv1; id=é", "v=STSv1; id=a" + ";x=1" * 4000,
    ],
)  # fmt: skip
def test_bad_records(text: str) -> None:
    with pytest.raises(terms.BadTerms):
        mtasts.record(text.encode())


def found(*records: bytes) -> Found:
    return questions.run(mtasts.lookup("example.org"), zone.look({"_mta-sts.example.org": {"TXT": list(records)}}))


def test_lookup() -> None:
    assert found(b"v=STSv1; id=7") == Found("announced", "7")
    assert found(b"v=spf1 -all", b"v=STSv1; id=7", b"v=STSv2; id=8").id == "7"
    assert found(b"v=STSv1; id=7", b"v=STSv1; id=8") == Found("none", why="there are several records")
    assert found(b"v=STSv1; id=!").state == "none"
    assert found().state == "none"
    trouble: zone.Zone = {"_mta-sts.example.org": {"TXT": questions.TROUBLE}}
    assert questions.run(mtasts.lookup("example.org"), zone.look(trouble)).state == "trouble"


def test_a_policy() -> None:
    policy = mtasts.parse(FILE.encode())
    assert (policy.mode, policy.mx, policy.max_age) == ("enforce", ("mx1.example.org", "*.example.net"), 604800)
    assert policy.text == FILE
    assert mtasts.write("enforce", policy.mx, 604800) == FILE.replace("E", "e").encode()


@pytest.mark.parametrize(
    ("host", "covered"),
    [
        ("mx1.example.org", True), ("MX1.example.ORG.", True), ("mx2.example.org", False), ("a.mx1.example.org", False),
        ("a.example.net", True), ("example.net", False), ("a.b.example.net", False), (".example.net", False),
        ("", False),
    ],
)  # fmt: skip
def test_what_a_policy_covers(host: str, covered: bool) -> None:
    assert mtasts.parse(FILE.encode()).covers(host) is covered


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("version:STSv1\nmode:none\nmax_age:0", ("none", (), 0)),
        ("version:STSv1\nmode: testing \nmx:a.b\t\nmax_age:1\nmode:enforce\nmax_age:2\n", ("testing", ("a.b",), 1)),
        ("version: STSv1\nmode: none\nmax_age: 9999999999\nnew: a: b  c é\n\r\n\n", ("none", (), mtasts.MAX_AGE)),
    ],
)
def test_readings(text: str, what: tuple[str, tuple[str, ...], int]) -> None:
    policy = mtasts.parse(text.encode())
    assert (policy.mode, policy.mx, policy.max_age) == what


@pytest.mark.parametrize(
    "text",
    [
        "", "\n", "version: STSv1", "mode: none\nmax_age: 1", "version: STSv2\nmode: none\nmax_age: 1",
        "version: STSv1\nmode: Enforce\nmax_age: 1\nmx: a", "version: STSv1\nmode: enforce\nmax_age: 1",
        "version: STSv1\nmode: none\nmax_age: -1", "version: STSv1\nmode: none\nmax_age: 12345678901",
        "version: STSv1\nmode: none\nmax_age: 1\nmx: *.*.example",
        "version: STSv1\nmode: none\nmax_age: 1\nmx: a.*.example",
        "version: STSv1\nmode: none\nmax_age: 1\nmx: *", "version: STSv1\nmode: none\nmax_age: 1\nmx: 例え.jp",
        "version: STSv1\nmode: none\nmax_age: 1\nmx: a.example.", "version: STSv1\nmode: none\nmax_age: 1\nmx",
        "version: STSv1\nmode: none\n\nmax_age: 1", "version: STSv1\nmode: none\nmax_age: 1\nx: a\x00b",
        "version: STSv1\nmode: none\nmax_age: 1\nx :1", " version: STSv1\nmode: none\nmax_age: 1",
        "version: STSv1\nmode: none\nmax_age: 1\n" + "x: 1\n" * 20000,
        "version: STSv1\nmode: none\nmax_age: 1\n" + "mx: a\n" * 1001,
    ],
)  # fmt: skip
def test_bad_policies(text: str) -> None:
    with pytest.raises(BadPolicy):
        mtasts.parse(text.encode())


@pytest.mark.parametrize(
    ("status", "kind", "good"),
    [
        (200, "text/plain", True), (200, "Text/Plain; charset=utf-8", True), (301, "text/plain", False),
        (404, "text/plain", False), (200, "text/html", False), (200, "", False),
    ],
)  # fmt: skip
def test_answers(status: int, kind: str, good: bool) -> None:
    if good:
        assert mtasts.read(status, kind, FILE.encode()).mode == "enforce"
    else:
        with pytest.raises(BadPolicy):
            mtasts.read(status, kind, FILE.encode())


def test_a_file_that_is_no_utf8() -> None:
    with pytest.raises(BadPolicy):
        mtasts.parse(FILE.encode() + b"x: \xff\r\n")


def test_what_is_written_is_a_policy() -> None:
    assert mtasts.url("example.org") == "https://mta-sts.example.org/.well-known/mta-sts.txt"
    with pytest.raises(BadPolicy):
        mtasts.write("enforce", (), 1)
    with pytest.raises(BadPolicy):
        mtasts.write("enforce", ("a\r\nmode: none",), 1)


@given(st.one_of(st.binary(max_size=80), st.text(alphabet="vSTS1=id;: \t\r\nmoxe*.é", max_size=80).map(str.encode)))
def test_only_their_own_errors_escape(octets: bytes) -> None:
    for read in (mtasts.parse, lambda text: mtasts.record(b"v=STSv1;" + text)):
        with suppress(BadPolicy, terms.BadTerms):
            assert read(octets)
