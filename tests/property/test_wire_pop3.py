"""What holds for every input of the POP3 engine: any split gives the same events, only PeerError escapes; and for
every letter: no line of it is taken for the end, and a client reads the lines that were written.
"""

import itertools
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.dialogue.test_pop3_engine import Drop

from hatoba.model.status import PeerError
from hatoba.wire.engine import CLOSED, NEED_DATA, Signal
from hatoba.wire.pop3 import content
from hatoba.wire.pop3.offer import Limits, Offer
from hatoba.wire.pop3.reply import Reply
from hatoba.wire.pop3.server import ServerEngine

OFFER = Offer(user=True, mechanisms=("PLAIN",), implementation="prop")
LIMITS = Limits(line=60, ahead=500)


def play(pieces: list[bytes]) -> tuple[list[Any], bytes]:
    """All events and all octets said."""
    engine = ServerEngine(OFFER, LIMITS)
    drop = Drop(engine)
    seen: list[Any] = []
    said = b""
    for piece in pieces:
        engine.receive(piece)
        while not isinstance(event := engine.next_event(), Signal):
            seen.append(event)
            sent = engine.send(drop.answer(event))
            said += sent if isinstance(sent, bytes) else b"".join(sent)
    seen.append(engine.next_event())
    return seen, said


def cut(data: bytes, at: list[int]) -> list[bytes]:
    """The pieces of `data` cut at these offsets (each taken modulo its length)."""
    edges = sorted({0, len(data), *(offset % (len(data) + 1) for offset in at)})
    return [data[begin:end] for begin, end in itertools.pairwise(edges)]


LOGIN = b"USER a\r\nPASS b\r\n"
COMMAND = st.sampled_from(
    [
        b"USER a\r\n", b"PASS b\r\n", b"PASS wrong\r\n", b"CAPA\r\n", b"STAT\r\n", b"LIST\r\n", b"UIDL 1\r\n",
        b"RETR 1\r\n", b"retr 2\r\n", b"RETR 3\r\n", b"TOP 1 1\r\n", b"DELE 1\r\n", b"RSET\r\n", b"NOOP\r\n",
        b"AUTH\r\n", b"AUTH PLAIN\r\n", b"AUTH PLAIN =\r\n", b"*\r\n", b"AGEAYg==\r\n", b"LANG ja\r\n", b"LANG\r\n",
        b"UTF8\r\n", b"STLS\r\n", b"QUIT\r\n", b"\r\n", b"GET / HTTP/1.0\r\n", b"x" * 70, b"NOOP\n", LOGIN,
    ]
)  # fmt: skip
HOSTILE = st.lists(
    st.sampled_from([b"\r", b"\n", b"\r\n", b"\0", b"\xff", b" ", b"RETR", b"9" * 12, b"y" * 31]), max_size=12
).map(b"".join)
STREAM = st.lists(COMMAND | HOSTILE | st.binary(max_size=40), max_size=12).map(b"".join)
BEGIN = st.sampled_from([b"", b"USER a\r\n", b"AUTH PLAIN\r\n", LOGIN, LOGIN + b"DELE 1\r\n"])


@settings(max_examples=150, deadline=None)
@given(begin=BEGIN, stream=STREAM, at=st.lists(st.integers(0, 600), max_size=12))
@example(begin=b"", stream=b"x" * 60 + b"\r\nCAPA\r\n", at=[59, 60, 61])
def test_any_split_gives_the_same_events(begin: bytes, stream: bytes, at: list[int]) -> None:
    stream = begin + stream
    whole = play(cut(stream, []))
    assert play([stream[n : n + 1] for n in range(len(stream))])[1] == whole[1]
    assert play(cut(stream, at)) == whole


@settings(max_examples=150, deadline=None)
@given(begin=BEGIN, pieces=st.lists(st.binary(max_size=200) | STREAM, max_size=6))
def test_nothing_but_peer_error_escapes(begin: bytes, pieces: list[bytes]) -> None:
    seen, said = play([piece for piece in (begin, *pieces) if piece] + [b""])
    assert seen[-1] in (CLOSED, NEED_DATA)
    assert said.endswith(b"\r\n") or not said


@settings(max_examples=60, deadline=None)
@given(begin=BEGIN, piece=st.binary(min_size=1, max_size=80) | COMMAND)
def test_what_is_held_is_bounded_in_every_state(begin: bytes, piece: bytes) -> None:
    """Answered or not, the engine holds a line, or what was sent ahead of an answer."""
    engine = ServerEngine(OFFER, LIMITS)
    drop = Drop(engine)
    for data in [begin] * bool(begin) + [piece] * 60:
        engine.receive(data)
        while not isinstance(event := engine.next_event(), Signal):
            engine.send(drop.answer(event))
        assert engine.buffered <= LIMITS.line
        if event is CLOSED:
            return
    engine.receive(b"\r\nNOOP\r\n")
    assert not isinstance(engine.next_event(), Signal)

    def stuff() -> None:
        for _ in range(1000):
            engine.receive(piece)
            assert engine.buffered <= LIMITS.ahead + LIMITS.line

    with pytest.raises(PeerError):
        stuff()


LETTER = st.lists(
    st.sampled_from([b".", b"..", b"\r\n", b"\r\n", b"\n", b"\r", b"a", b"\0\xff", b"text"]), max_size=30
).map(b"".join)


def by_the_book(raw: bytes) -> bytes:
    """The multi-line form, line by line. # RFC 1939 §3"""
    lines = raw.split(b"\n")
    last = lines.pop()
    lines = [line.removesuffix(b"\r") for line in lines]
    if last:
        lines.append(last.removesuffix(b"\r"))
    return b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in (*lines,)) + b".\r\n"


@settings(max_examples=300, deadline=None)
@given(raw=LETTER, at=st.lists(st.integers(0, 200), max_size=8))
@example(raw=b"", at=[])
@example(raw=b"a\r\n.\r\n", at=[2, 3])
@example(raw=b"a\n\n.b\n", at=[1, 2])
def test_a_letter_in_any_pieces_is_one_by_the_book(raw: bytes, at: list[int]) -> None:
    wire = by_the_book(raw)
    assert content.whole(raw) == wire
    assert b"".join(content.stuffed(cut(raw, at))) == wire
    assert b"".join(content.stuffed(raw[n : n + 1] for n in range(len(raw)))) == wire
    for client in (wire, wire.replace(b"\r\n", b"\n")):  # one that knows CRLF only, one that takes any LF
        assert client.splitlines(keepends=True)[-1].rstrip(b"\r\n") == b"."
        assert sum(line.rstrip(b"\r") == b"." for line in client.split(b"\n")) == 1


@settings(max_examples=300, deadline=None)
@given(raw=LETTER, lines=st.integers(0, 5), at=st.lists(st.integers(0, 200), max_size=8))
@example(raw=b"\r\nbody\r\nmore\r\n", lines=1, at=[1])
@example(raw=b"a: b\r\n\r\nbody\r\nmore\r\n", lines=0, at=[6, 7])
def test_the_top_is_the_header_and_so_many_lines(raw: bytes, lines: int, at: list[int]) -> None:
    rows = raw.splitlines(keepends=True) if b"\r" not in raw.replace(b"\r\n", b"") else _rows(raw)
    end = next((n + 1 for n, row in enumerate(rows) if row in (b"\n", b"\r\n")), len(rows))
    expected = b"".join(rows[: end + lines])
    assert b"".join(content.top(cut(raw, at), lines)) == expected
    assert b"".join(content.top((raw[n : n + 1] for n in range(len(raw))), lines)) == expected


def _rows(raw: bytes) -> list[bytes]:
    """Lines that end in LF, whatever stands before it."""
    rows = [row + b"\n" for row in raw.split(b"\n")]
    rows[-1] = rows[-1][:-1]
    return [row for row in rows if row]


@settings(max_examples=100, deadline=None)
@given(text=st.text(max_size=700), code=st.sampled_from(["", "AUTH"]))
def test_a_reply_is_one_line_whatever_its_text(text: str, code: str) -> None:
    wire = Reply(False, text, code).wire
    assert wire.endswith(b"\r\n")
    assert len(wire) <= 512
    assert not set(wire[:-2]) & set(range(32))
    wire.decode()
