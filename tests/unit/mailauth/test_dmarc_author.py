"""The author's domains: each From a reader might believe."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.mailauth.dmarc import author
from hatoba.message import headers


@pytest.mark.parametrize(
    ("text", "domains"),
    [
        ("a@example.org", ["example.org"]),
        ("A <a@Example.ORG>", ["example.org"]),
        ('"b@evil.example" <a@example.org>', ["example.org"]),
        ("a@example.org (b@evil.example)", ["example.org"]),
        ("a@example.org, b@example.net, c@EXAMPLE.org", ["example.org", "example.net"]),
        ("Team: a@example.org, b@example.net;", ["example.org", "example.net"]),
        ("nobody:;", []),
        ("", []),
        ("a", []),
        ("a@[192.0.2.1]", []),
        ("a@例え.jp", ["xn--r8jz45g.jp"]),
        ("a@xn--r8jz45g.jp", ["xn--r8jz45g.jp"]),
        ("a@foo_bar.example.org", ["foo_bar.example.org"]),
        ("a@-bad-.example", []),
        ("<@relay.example:a@example.org>", ["example.org"]),
    ],
)
def test_domains(text: str, domains: list[str]) -> None:
    assert author.domains_of(text) == domains


@pytest.mark.parametrize(
    "text",
    [
        "a@bank.example <b@evil.example>",
        "<a@bank.example> <b@evil.example>",
        'x "a@x" <a@bank.example> b@evil.example',
        '"open <a@bank.example>, b@evil.example',
        "a@bank.example b, b@evil.example",
    ],
)
def test_where_it_cannot_be_read_every_domain_counts(text: str) -> None:
    assert {"bank.example", "evil.example"} <= set(author.domains_of(text))


def test_all_from_fields_count() -> None:
    found = author.shown(headers.scan(b"From: a@example.org\r\nTo: x@y.example\r\nfrom : b@example.net\r\n\r\n"))
    assert (found.domains, found.fields) == (("example.org", "example.net"), 2)
    assert author.shown(headers.scan(b"To: x@y.example\r\n\r\n")) == ((), 0)


@given(st.text(alphabet='ab@.<>(),;:"\\ [é\x00', max_size=60))
def test_nothing_escapes_and_domains_are_names(text: str) -> None:
    for domain in author.domains_of(text):
        assert domain.isascii()
        assert domain == domain.lower()
        assert "@" not in domain


@pytest.mark.parametrize("piece", ['"', '\\"', '"\\"', "(", "((", "@", "a@b,", "<", '"a"'])
def test_long_rubbish_takes_no_time(piece: str) -> None:
    text = '"' + piece * (60000 // len(piece))
    start = time.process_time()
    author.domains_of(text)
    assert time.process_time() - start < 2
