"""SPF results in the header: the finding and Received-SPF."""

import pytest

from hatoba.mailauth.results import read, write
from hatoba.mailauth.results.finding import Finding, Property, Results
from hatoba.mailauth.spf import trace
from hatoba.mailauth.spf.result import Result, Word


def test_the_finding_names_the_identity_that_was_checked() -> None:
    held = Result("pass", "mailfrom", "example.org", "mx")
    assert trace.finding(held, "user@example.org", "mail.example.net") == Finding(
        "spf", "pass", (Property("smtp", "mailfrom", "user@example.org"),)
    )
    null = Result("none", "helo", "mail.example.net")
    assert trace.finding(null, "", "mail.example.net").value("smtp", "helo") == "mail.example.net"


def test_a_local_part_beyond_ascii_is_left_out_and_the_reason_is_a_comment() -> None:
    held = Result("permerror", "mailfrom", "xn--r8jz45g.example", why="two (2) records")
    found = trace.finding(held, "送信@例え.example", "x")
    assert found.value("smtp", "mailfrom") == "xn--r8jz45g.example"
    text = write.field(Results("mx.example", (found,)))
    assert b"spf=permerror (two \\(2\\) records) smtp.mailfrom=xn--r8jz45g.example\r\n" in text
    assert read.parse(text.partition(b":")[2]).findings == (found,)


@pytest.mark.parametrize("word", ["none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"])
def test_received_spf_for_every_result(word: Word) -> None:
    text = trace.received_spf(
        Result(word, "mailfrom", "example.org"), "192.0.2.1", "a@example.org", "h.example", "mx.here"
    )
    assert text.startswith(b"Received-SPF: %s (mx.here: example.org " % word.encode())
    assert text.endswith(b"\r\n")


def test_received_spf_quotes_what_strangers_wrote() -> None:
    held = Result("fail", "mailfrom", "a(b.example", '-exists:"x', "a\r\nBcc: x")
    text = trace.received_spf(held, "2001:db8::1", 'a";\r\nX: y@é.example', "he lo", "mx.here")
    assert text == (
        b"Received-SPF: fail (mx.here: a?b.example does not designate 2001:db8::1 as permitted sender)\r\n"
        b'\tclient-ip="2001:db8::1";\r\n'
        b'\tenvelope-from="a\\";??X: y@?.example";\r\n'
        b'\thelo="he lo";\r\n'
        b"\treceiver=mx.here;\r\n"
        b"\tidentity=mailfrom;\r\n"
        b'\tmechanism="-exists:\\"x";\r\n'
        b'\tproblem="a??Bcc: x"\r\n'
    )
