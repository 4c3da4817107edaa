"""Canonical forms of fields and bodies: the rules of RFC 6376 §3.4 one by one, whole and in pieces."""

import hashlib
import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.mailauth.dkim import canonical

OCTETS = st.text(alphabet=" \t\r\nab", max_size=40).map(str.encode) | st.lists(
    st.sampled_from([b"\r\n", b"\r", b"\n", b" ", b"\t", b"a", b"bc", b" \r\n", b"\r\n\r\n", b"\xff"]), max_size=20
).map(b"".join)
FORMS: list[canonical.Form] = ["simple", "relaxed"]


@pytest.mark.parametrize(
    ("body", "simple", "relaxed"),
    [
        (b"", b"\r\n", b""),
        (b"\r\n", b"\r\n", b""),
        (b"\r\n\r\n\r\n", b"\r\n", b""),
        (b" \t \r\n \r\n", b" \t \r\n \r\n", b""),
        (b"a", b"a\r\n", b"a\r\n"),
        (b"a\r\n\r\n\r\n", b"a\r\n", b"a\r\n"),
        (b"a \t b  \r\n", b"a \t b  \r\n", b"a b\r\n"),
        (b"\ta\r\n", b"\ta\r\n", b" a\r\n"),
        (b"a ", b"a \r\n", b"a\r\n"),
        (b" C \r\nD \t E\r\n\r\n\r\n", b" C \r\nD \t E\r\n", b" C\r\nD E\r\n"),  # RFC 6376 §3.4.5
        (b"a\r\n\r\nb\r\n", b"a\r\n\r\nb\r\n", b"a\r\n\r\nb\r\n"),
        (b"a\n\r\n", b"a\n\r\n", b"a\n\r\n"),  # bare line ends are octets like others
        (b"a\r\r\n\r\n", b"a\r\r\n", b"a\r\r\n"),
        (b"a\x0b\x0c \r\n", b"a\x0b\x0c \r\n", b"a\x0b\x0c\r\n"),
    ],
)
def test_bodies(body: bytes, simple: bytes, relaxed: bytes) -> None:
    assert canonical.body(body, "simple") == simple
    assert canonical.body(body, "relaxed") == relaxed


@pytest.mark.parametrize(
    ("name", "value", "relaxed"),
    [
        (b"A", b" X", b"a:X"),  # RFC 6376 §3.4.5
        (b"B ", b" Y\t\r\n\tZ  ", b"b:Y Z"),
        (b"Subject", b"", b"subject:"),
        (b"SUBJECT\t", b"  \t ", b"subject:"),
        (b"X", b"a    \t\t   b", b"x:a b"),
        (b"X", b"\r\n a\r\n b", b"x:a b"),
        (b"X", b" \xe3\x81\x82  \x0b b", b"x:\xe3\x81\x82 \x0b b"),
    ],
)
def test_fields(name: bytes, value: bytes, relaxed: bytes) -> None:
    assert canonical.field(name, value, "relaxed") == relaxed
    assert canonical.field(name, value, "simple") == name + b":" + value


def line_by_line(body: bytes, form: canonical.Form) -> bytes:
    """The rules said again, slowly."""
    lines = body.split(b"\r\n")
    if form == "relaxed":
        squeezed = []
        for line in lines:
            out = b""
            for octet in line:
                char = b" " if octet in b" \t" else bytes([octet])
                out += b"" if char == b" " and out.endswith(b" ") else char
            squeezed.append(out.rstrip(b" "))
        lines = squeezed
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        return b"" if form == "relaxed" else b"\r\n"
    return b"\r\n".join(lines) + b"\r\n"


@given(OCTETS)
def test_a_body_is_what_the_rules_make_line_by_line(body: bytes) -> None:
    for form in FORMS:
        assert canonical.body(body, form) == line_by_line(body, form)


@given(OCTETS, st.lists(st.integers(0, 40), max_size=6), st.none() | st.integers(0, 45))
def test_the_hash_does_not_depend_on_where_the_body_is_cut(body: bytes, cuts: list[int], length: int | None) -> None:
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    for form in FORMS:
        taken = canonical.BodyHash(form, length)
        for start, end in itertools.pairwise(edges):
            taken.update(body[start:end])
        whole = canonical.body(body, form)
        assert taken.digest() == hashlib.sha256(whole if length is None else whole[:length]).digest()
        assert taken.size == len(whole)


@pytest.mark.parametrize("unit", [b"\r\n", b" ", b"\t", b" \t", b" \r\n", b"\r", b"\n", b"\r\r\n", b"a \r\n"])
def test_no_body_is_slow(unit: bytes) -> None:
    body = unit * (4_000_000 // len(unit))
    begun = time.process_time()
    for form in FORMS:
        taken = canonical.BodyHash(form)
        for start in range(0, len(body), 16_384):
            taken.update(body[start : start + 16_384])
        taken.digest()
    assert time.process_time() - begun < 4  # a step of Python an octet would take longer
