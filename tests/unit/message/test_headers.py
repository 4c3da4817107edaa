"""The header scan: its end, its answers, and rubbish that must not hurt it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.message import headers

USUAL = (
    b"Received: from a by b; now\r\nRECEIVED: from c\r\n\tby d\r\nMessage-ID: <1@example.jp>\r\n"
    b"Subject: one\r\n two\r\n\tthree\r\nX-Received: no\r\nFrom: Taro <taro@example.jp>\r\nSubject: later\r\n"
)


def test_a_usual_header() -> None:
    found = headers.scan(USUAL + b"\r\nSubject: in the body\r\nReceived: in the body\r\n\r\n")
    assert found.end == len(USUAL) + 2
    assert found.block == USUAL
    assert found.count(b"received") == 2
    assert found.first(b"message-id") == b"<1@example.jp>"
    assert found.first(b"subject") == b"one two\tthree"
    assert found.all(b"subject") == [b"one two\tthree", b"later"]
    assert found.text(b"from") == "Taro <taro@example.jp>"
    assert found.has(b"from")
    assert not found.has(b"date")
    assert found.first(b"date") is None
    assert found.text(b"date") == ""
    assert found.all(b"date") == []


def test_the_names_are_listed_as_written() -> None:
    found = headers.scan(b"rubbish line\r\nA: 1\r\nbB :2\r\n 3\r\nC:\r\n\r\n")
    assert list(found.fields()) == [(b"A", b"1"), (b"bB", b"2 3"), (b"C", b"")]


def test_a_space_before_the_colon_is_read() -> None:
    found = headers.scan(b"Subject : hello\r\nReceived\t: x\r\nReceived: y\r\nReceivedness: z\r\n\r\n")
    assert found.first(b"subject") == b"hello"
    assert found.count(b"received") == 2
    assert found.all(b"received") == [b"x", b"y"]
    assert not found.has(b"receive")


@pytest.mark.parametrize(
    ("content", "end", "block"),
    [
        (b"", 0, b""),
        (b"\r\nbody", 2, b""),
        (b"\nbody", 1, b""),
        (b"A: b\r\n", 6, b"A: b\r\n"),
        (b"A: b", 4, b"A: b"),
        (b"A: b\n\nbody", 6, b"A: b\n"),
        (b"A: b\r\n\r\nbody", 8, b"A: b\r\n"),
    ],
)
def test_where_it_ends(content: bytes, end: int, block: bytes) -> None:
    found = headers.scan(content)
    assert (found.end, found.block) == (end, block)


def test_lines_that_end_in_lf_alone() -> None:
    found = headers.scan(b"Subject: one\n two\nFrom: a\n\nbody")
    assert found.first(b"subject") == b"one two"
    assert found.first(b"from") == b"a"


def test_values_at_the_very_end() -> None:
    assert headers.scan(b"Subject: one\r\n two").first(b"subject") == b"one two"
    assert headers.scan(b"Subject:").first(b"subject") == b""
    assert headers.scan(b"Subject: one\r\n ").first(b"subject") == b"one"


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        (b"<a@b>", ["<a@b>"]),
        (b"<a@b> <c@d>\t<e@f>", ["<a@b>", "<c@d>", "<e@f>"]),
        (b"nothing", []),
        (b"<a b@c> <<d@e>", ["<d@e>"]),
        (b"<a\x00@b>", []),
    ],
)
def test_message_ids(value: bytes, ids: list[str]) -> None:
    assert headers.message_ids(value) == ids


@given(
    st.binary(max_size=300)
    | st.lists(st.sampled_from([b"\r\n", b"\n", b"\r", b":", b"Subject", b" ", b"x", b"\t", b"\xff"])).map(b"".join)
)
def test_rubbish_never_hurts(content: bytes) -> None:
    found = headers.scan(content)
    assert 0 <= found.end <= len(content)
    assert found.count(b"subject") == len(found.all(b"subject"))
    assert found.has(b"subject") == bool(found.all(b"subject"))
    assert (found.first(b"subject") is not None) == found.has(b"subject")
    assert "\n" not in found.text(b"subject")
    list(found.fields())
