"""wire.lines: the input buffer."""

import pytest

from hatoba.wire.lines import Lines, LineTooLong


def fed(*pieces: bytes) -> Lines:
    lines = Lines()
    for piece in pieces:
        lines.feed(piece)
    return lines


def test_lines_in_pieces() -> None:
    lines = fed(b"ab", b"c\r", b"\nde\r\n", b"f")
    assert len(lines) == 10
    assert [lines.line(80), lines.line(80), lines.line(80)] == [b"abc", b"de", None]
    lines.feed(b"\r\n")
    assert lines.line(80) == b"f"
    assert len(lines) == 0
    assert lines.line(80) is None


def test_only_crlf_ends_a_line() -> None:
    assert fed(b"a\nb\rc\n\rd\r\n").line(80) == b"a\nb\rc\n\rd"


@pytest.mark.parametrize("text", [b"123456\r\n", b"123456\r\nmore"])
def test_the_limit_counts_the_crlf(text: bytes) -> None:
    assert fed(text).line(8) == b"123456"
    with pytest.raises(LineTooLong):
        fed(text).line(7)


def test_too_long_is_told_without_an_end() -> None:
    assert fed(b"1234567").line(8) is None
    with pytest.raises(LineTooLong):
        fed(b"1234567", b"8").line(8)


def test_skip_keeps_nothing_but_half_an_end() -> None:
    lines = fed(b"x" * 100)
    assert not lines.skip()
    assert len(lines) == 0
    lines.feed(b"y\r")
    assert not lines.skip()
    assert len(lines) == 1
    lines.feed(b"z\n\r")
    assert not lines.skip()
    lines.feed(b"\nrest\r\n")
    assert lines.skip()
    assert lines.line(80) == b"rest"
    assert not fed().skip()


def test_take_counts() -> None:
    lines = fed(b"abc", b"def")
    assert [lines.take(2), lines.take(3), lines.take(9), lines.take(1)] == [b"ab", b"cde", b"f", b""]
    whole = b"ghi"
    lines.feed(whole)
    assert lines.take(3) is whole
    assert len(lines) == 0


def test_rest_and_put() -> None:
    lines = fed(b"ab\r\nc", b"d")
    assert lines.line(80) == b"ab"
    assert lines.rest() == b"cd"
    lines.put(b"back")
    lines.feed(b"!")
    assert (len(lines), lines.rest(), len(lines)) == (5, b"back!", 0)
