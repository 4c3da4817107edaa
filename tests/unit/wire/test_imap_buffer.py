"""The buffer: lines, counted octets, what is thrown away, and what is deflated."""

import tracemalloc
import zlib

import pytest

from hatoba.model.status import PeerError
from hatoba.wire.imap.buffer import STEP, TAIL, Buffer, LineTooLong


def filled(*pieces: bytes) -> Buffer:
    buffer = Buffer()
    for piece in pieces:
        buffer.feed(piece)
    return buffer


def test_lines_however_they_come() -> None:
    assert filled(b"a\r\nb\n").line(10) == b"a\r\n"
    buffer = filled(b"a", b"b", b"\r", b"\nc\n")
    assert [buffer.line(10), buffer.line(10), buffer.line(10)] == [b"ab\r\n", b"c\n", None]


def test_too_long() -> None:
    buffer = filled(b"x" * 6, b"y" * 6)
    with pytest.raises(LineTooLong):
        buffer.line(10)
    assert buffer.peek(8) == b"xxxxxxyy"
    buffer.feed(b"z{3+}\r\nnext\r\n")
    assert buffer.skip() == b"x" * 6 + b"y" * 6 + b"z{3+}\r\n"
    assert buffer.line(10) == b"next\r\n"


def test_of_a_skipped_line_the_tail_is_kept() -> None:
    buffer = filled()
    for _ in range(1000):
        buffer.feed(b"x" * 100)
        assert buffer.skip() is None
        assert len(buffer) == TAIL
    buffer.feed(b"{3+}\r\nrest")
    assert buffer.skip() == b"x" * (TAIL - 6) + b"{3+}\r\n"
    assert buffer.take(10) == b"rest"


def test_octets() -> None:
    buffer = filled(b"abc", b"def")
    assert [buffer.take(2), buffer.take(9), buffer.take(9)] == [b"ab", b"cdef", b""]
    buffer.feed(b"x")
    buffer.clear()
    assert len(buffer) == 0


def deflated(octets: bytes) -> bytes:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflater.compress(octets) + deflater.flush(zlib.Z_SYNC_FLUSH)


def test_what_is_here_is_deflated_already() -> None:
    buffer = filled(b"plain\r\n" + deflated(b"one\r\ntwo\r\n"))
    assert buffer.line(10) == b"plain\r\n"
    buffer.inflate()
    assert [buffer.line(10), buffer.line(10), buffer.line(10)] == [b"one\r\n", b"two\r\n", None]
    assert buffer.take(5) == b""


def test_half_of_a_deflated_stream_says_nothing_yet() -> None:
    buffer = filled()
    buffer.inflate()
    octets = deflated(b"one\r\n")
    buffer.feed(octets[:1])
    assert buffer.line(10) is None
    buffer.feed(octets[1:])
    assert buffer.line(10) == b"one\r\n"


def test_a_bomb_stays_small() -> None:
    bomb = deflated(b"\0" * (64 << 20))
    buffer = filled()
    buffer.inflate()
    tracemalloc.start()
    buffer.feed(bomb)
    with pytest.raises(LineTooLong):
        buffer.line(65536)
    taken = sum(len(buffer.take(4096)) for _ in range(1000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert taken == 1000 * 4096
    assert peak < 8 * STEP + 4 * len(bomb)


def test_what_swells_without_end_is_not_waited_for() -> None:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros = b"\0" * (1 << 20)
    buffer = filled()
    buffer.inflate(free=4 << 20)
    taken = 0
    with pytest.raises(PeerError, match="swells"):  # noqa: PT012 # which of the octets it is is not ours to know
        for _ in range(12):
            buffer.feed(deflater.compress(zeros) + deflater.flush(zlib.Z_SYNC_FLUSH))
            while octets := buffer.take(1 << 20):
                taken += len(octets)
    assert 4 << 20 <= taken < 6 << 20


@pytest.mark.parametrize("octets", [b"\xff" * 20, deflated(b"x")[:-4] + b"\x07" * 9])
def test_a_broken_stream(octets: bytes) -> None:
    buffer = filled()
    buffer.inflate()
    buffer.feed(octets)
    with pytest.raises(PeerError):
        buffer.line(10)


def test_a_stream_that_ends() -> None:
    buffer = filled()
    buffer.inflate()
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    buffer.feed(deflater.compress(b"x\r\n") + deflater.flush())
    with pytest.raises(PeerError, match="ended"):
        buffer.take(10)
