"""Authentication-Results: read, written, and ours taken out of what comes from outside."""

import time

import pytest

from hatoba.mailauth.results import read, remove, write
from hatoba.mailauth.results.finding import Finding, Property, Results


def said(value: str | bytes) -> list[tuple[str, str]]:
    return [(finding.method, finding.result) for finding in read.parse(value).findings]


def test_a_whole_field() -> None:
    found = read.parse(
        b" mx.example.org 1 (our\r\n\t(inner) one); spf=pass\r\n\t(ok)"
        b' reason="all good" smtp.mailfrom=user@example.net;\r\n'
        b'\tDKIM / 1 = Fail header.D = example.net header . b="AbC/+=" (c) policy.x=y;; dmarc=none'
    )
    assert (found.authserv_id, found.version) == ("mx.example.org", 1)
    assert found.findings == (
        Finding("spf", "pass", (Property("smtp", "mailfrom", "user@example.net"),), "all good", "ok"),
        Finding(
            "dkim", "fail",
            (Property("header", "d", "example.net"), Property("header", "b", "AbC/+="), Property("policy", "x", "y")),
            "", "c",
        ),
        Finding("dmarc", "none"),
    )  # fmt: skip
    assert found.findings[1].value("header", "b") == "AbC/+="
    assert found.findings[1].value("header", "i") is None


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("example.org; none", []),
        ("example.org;none (so)", []),
        ("example.org", []),
        ("example.org;", []),
        ('"example.org; x"; spf=pass', [("spf", "pass")]),
        ("example.org; spf=pass;", [("spf", "pass")]),
        ("example.org; nonsense; spf=pass", [("spf", "pass")]),
        ("example.org; header.d=x; spf=pass", [("spf", "pass")]),
        ("example.org; spf=pass smtp.mailfrom=; dkim=none", [("spf", "pass"), ("dkim", "none")]),
        ('example.org; auth=pass (a;b \\) "c) smtp.auth="x;y"; iprev=fail', [("auth", "pass"), ("iprev", "fail")]),
        ("spf=pass smtp.mailfrom=a.example; dkim=none", [("spf", "pass"), ("dkim", "none")]),
        ("例え.テスト; spf=pass", [("spf", "pass")]),
        ("example.org 2; spf=pass", [("spf", "pass")]),
    ],
)
def test_what_is_said(value: str, wanted: list[tuple[str, str]]) -> None:
    assert said(value) == wanted


def test_values_as_careless_writers_leave_them() -> None:
    found = read.parse(
        "example.org; dkim=pass header.i=@example.net header.b=Ab/c+== action=none smtp.mailfrom= header.from=a.example"
    ).findings[0]
    assert found.properties == (
        Property("header", "i", "@example.net"),
        Property("header", "b", "Ab/c+=="),
        Property("", "action", "none"),
        Property("smtp", "mailfrom", ""),
        Property("header", "from", "a.example"),
    )
    quoted = read.parse('x; auth=pass smtp.auth="a \\"b\\\\" smtp.mailfrom="a b"@c.example').findings[0]
    assert [held.value for held in quoted.properties] == ['a "b\\', '"a b"@c.example']


def test_comments_wherever_they_may_stand() -> None:
    """After the example of RFC 8601, appendix B.7, which is there to be hard."""
    found = read.parse(
        "foo.example.net (foobar) 1 (baz);\r\n dkim (so) / 1 (one) = (wait) fail\r\n"
        " policy (a dot) . (here) expired (and) = (so) 1362471462"
    )
    assert (found.authserv_id, found.version) == ("foo.example.net", 1)
    assert found.findings == (Finding("dkim", "fail", (Property("policy", "expired", "1362471462"),), "", "so"),)


@pytest.mark.parametrize("value", ["", ";", "; spf=pass", "a b; spf=pass", 'a"; x', "a (b; c", "a; x=(", "x" * 65537])
def test_what_cannot_be_read(value: str) -> None:
    with pytest.raises(read.BadResults):
        read.parse(value)


@pytest.mark.parametrize(
    "piece", ["(", "()", '"', '""', ";", "a=", "a.b=", "a ", "\\", "(\\", "a" * 50, " ", "= ", "a.", "-"]
)
def test_reading_takes_no_longer_than_the_text_is(piece: str) -> None:
    text = "example.org; spf=pass " + piece * (60_000 // len(piece))
    start = time.process_time()
    try:
        read.parse(text)
    except read.BadResults:
        assert piece in {"(", '"', "(\\"}
    assert time.process_time() - start < 2  # quadratic work on 60 kB takes minutes


def test_a_field_is_folded_and_reads_back() -> None:
    held = Results(
        "mx.example.org",
        (
            Finding("spf", "pass", (Property("smtp", "mailfrom", "user@example.net"),)),
            Finding(
                "dkim", "pass",
                (
                    Property("header", "d", "example.net"),
                    Property("header", "s", "a" * 30),
                    Property("header", "b", "Ab/+"),
                ),
                "", "2048-bit key",
            ),
            Finding("dmarc", "fail", (Property("header", "from", "example.net"),), 'p=reject "so"'),
        ),
    )  # fmt: skip
    text = write.field(held)
    assert text == (
        b"Authentication-Results: mx.example.org;\r\n"
        b"\tspf=pass smtp.mailfrom=user@example.net;\r\n"
        b"\tdkim=pass (2048-bit key) header.d=example.net\r\n"
        b'\t header.s=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa header.b="Ab/+";\r\n'
        b'\tdmarc=fail reason="p=reject \\"so\\"" header.from=example.net\r\n'
    )
    assert read.parse(text.partition(b":")[2]) == held


def test_nothing_found_is_none() -> None:
    assert write.field(Results("mx.example.org")) == b"Authentication-Results: mx.example.org;\r\n\tnone\r\n"
    assert write.payload(Results("", version=2)) == b"unknown 2;\r\n\tnone"


def test_no_value_leaves_its_place() -> None:
    hostile = 'x"; dkim=pass\r\nBcc: a@b (\\) \x00\ud800'
    held = Results("mx.example", (Finding("spf", "fa il;", (Property("smtp", "he=lo", hostile),), hostile, hostile),))
    text = write.field(held, utf8=True)
    assert text.count(b"\n") == text.count(b"\r\n\t") + 1
    found = read.parse(text.partition(b":")[2])
    assert [(finding.method, finding.result) for finding in found.findings] == [("spf", "fa-il-")]
    assert found.findings[0].properties[0].value == 'x"; dkim=pass Bcc: a@b (\\)  '
    assert found.findings[0].comment == 'x"; dkim=pass Bcc: a@b (\\)'


def test_what_does_not_fit_is_left_out() -> None:
    long, wide = Property("smtp", "helo", "x" * 401), Property("smtp", "mailfrom", "送信@example.org")
    held = Results("mx.example", (Finding("spf", "pass", (long, wide), "理由", "x" * 900),))
    assert write.field(held) == b"Authentication-Results: mx.example;\r\n\tspf=pass\r\n"
    utf8 = write.field(held, utf8=True).decode()
    assert "smtp.mailfrom=送信@example.org" in utf8
    assert "reason=理由" in utf8
    assert max(map(len, write.field(held, utf8=True).split(b"\r\n"))) < 998


BLOCK = (
    b"Received: x\r\n"
    b"Authentication-Results: mx.example.org; spf=pass\r\n"
    b'authentication-results : (c)\r\n\t"MX.example\\.org"\r\n\t; dkim=pass\r\n'
    b"Authentication-Results: other.example; spf=fail\r\n\t(mx.example.org)\r\n"
    b"X-Authentication-Results: mx.example.org; spf=pass\r\n"
    b"Authentication-Results: mx.example.org. 1; none\r\n"
    b"Authentication-Results: (unclosed; mx.example.org; spf=pass\r\n"
    b"Authentication-Results: (unclosed; other.example; spf=pass\r\n"
    b"Subject: hello\r\n"
    b" Authentication-Results: mx.example.org; spf=pass\r\n"
)


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_ours_are_taken_out_and_others_stay_as_they_are(end: bytes) -> None:
    block, count = remove.ours(BLOCK.replace(b"\r\n", end), ["mx.example.org"])
    assert count == 4
    wanted = (
        b"Received: x\r\n"
        b"Authentication-Results: other.example; spf=fail\r\n\t(mx.example.org)\r\n"
        b"X-Authentication-Results: mx.example.org; spf=pass\r\n"
        b"Authentication-Results: (unclosed; other.example; spf=pass\r\n"
        b"Subject: hello\r\n"
        b" Authentication-Results: mx.example.org; spf=pass\r\n"
    )
    assert block == wanted.replace(b"\r\n", end)
    assert remove.ours(block, ["mx.example.org"]) == (block, 0)


def test_an_id_has_one_spelling() -> None:
    block = "Authentication-Results: 例え.テスト; spf=pass\r\n".encode()
    assert remove.ours(block, ["xn--r8jz45g.xn--zckzah", "mx.example"]) == (b"", 1)
    assert remove.ours(b"Authentication-Results: relay_1;\r\n\tnone", ["Relay_1"]) == (b"", 1)
