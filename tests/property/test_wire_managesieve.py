"""What holds for every input of the ManageSieve engine: any split gives the same events, only PeerError escapes, what
is held is bounded; and every string comes back as it was sent.
"""

import itertools
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.dialogue import line_play
from tests.dialogue.test_managesieve_engine import Cabinet

from hatoba.model.status import PeerError
from hatoba.wire.engine import CLOSED, NEED_DATA, Signal
from hatoba.wire.managesieve import events
from hatoba.wire.managesieve.offer import Limits, Offer
from hatoba.wire.managesieve.reply import Reply, string
from hatoba.wire.managesieve.server import ServerEngine

OFFER = Offer(mechanisms=("PLAIN",))
LIMITS = Limits(line=80, string=40, script=120, waste=200, ahead=600)
MOST = LIMITS.script + 4 * LIMITS.string + 5 * LIMITS.line  # of one command


def play(pieces: list[bytes]) -> tuple[list[Any], bytes]:
    """All events and all octets said."""
    engine = ServerEngine(OFFER, LIMITS)
    cabinet = Cabinet(engine)
    seen: list[Any] = []
    said = b""
    for piece in pieces:
        words, found = line_play.hear(engine, cabinet.answer, piece)
        said += words
        seen += found[:-1]
    return [*seen, engine.next_event()], said


def cut(data: bytes, at: list[int]) -> list[bytes]:
    """The pieces of `data` cut at these offsets (each taken modulo its length)."""
    edges = sorted({0, len(data), *(offset % (len(data) + 1) for offset in at)})
    return [data[begin:end] for begin, end in itertools.pairwise(edges)]


LOGIN = b'AUTHENTICATE "PLAIN" "AGEAYg=="\r\n'
STRING = st.one_of(
    st.text(max_size=20).map(lambda text: string(text) if b"\n" not in string(text) else b'"x"'),
    st.binary(max_size=60).map(lambda octets: b"{%d+}\r\n%b" % (len(octets), octets)),
    st.sampled_from([b"12", b"(", b'"', b"{3}", b"{300+}\r\n", b'"mine"', b'""', b"{99999999999+}", b"*", b"PLAIN"]),
)
COMMAND = st.tuples(
    st.sampled_from(
        [
            b"AUTHENTICATE", b"STARTTLS", b"LOGOUT", b"CAPABILITY", b"NOOP", b"UNAUTHENTICATE", b"HAVESPACE",
            b"PUTSCRIPT", b"putscript", b"CHECKSCRIPT", b"LISTSCRIPTS", b"SETACTIVE", b"GETSCRIPT", b"DELETESCRIPT",
            b"RENAMESCRIPT", b"XYZZY", b"", b"GET",
        ]
    ),
    st.lists(STRING, max_size=5),
).map(lambda pair: b" ".join((pair[0], *pair[1])) + b"\r\n")  # fmt: skip
HOSTILE = st.lists(
    st.sampled_from([b"\r", b"\n", b"\r\n", b"\0", b'"', b"{", b"5", b"+}", b"\\", b"\xff", b" ", b"y" * 41]),
    max_size=12,
).map(b"".join)
STREAM = st.lists(COMMAND | COMMAND | HOSTILE | st.binary(max_size=30), max_size=10).map(b"".join)
BEGIN = st.sampled_from(
    [b"", b'AUTHENTICATE "PLAIN"\r\n', LOGIN, LOGIN + b'PUTSCRIPT "x" {5+}\r\n', LOGIN + b"NOOP ( {100+}\r\n"]
)


@settings(max_examples=200, deadline=None)
@given(begin=BEGIN, stream=STREAM, at=st.lists(st.integers(0, 900), max_size=12))
@example(begin=LOGIN, stream=b'PUTSCRIPT "a" {3+}\r\nabc\r\nLISTSCRIPTS\r\n', at=[50, 52, 54, 55])
@example(begin=LOGIN, stream=b"x" * 78 + b"\r\nNOOP\r\n", at=[])
@example(begin=LOGIN, stream=b"x" * 79 + b"\r\nNOOP\r\n", at=[])
def test_any_split_gives_the_same_events(begin: bytes, stream: bytes, at: list[int]) -> None:
    stream = begin + stream
    whole = play(cut(stream, []))
    assert play([stream[n : n + 1] for n in range(len(stream))]) == whole
    assert play(cut(stream, at)) == whole


@settings(max_examples=200, deadline=None)
@given(begin=BEGIN, pieces=st.lists(st.binary(max_size=200) | STREAM, max_size=6))
def test_nothing_but_peer_error_escapes(begin: bytes, pieces: list[bytes]) -> None:
    seen, said = play([piece for piece in (begin, *pieces) if piece] + [b""])
    assert seen[-1] in (CLOSED, NEED_DATA)
    assert said.endswith(b"\r\n") or not said


@settings(max_examples=100, deadline=None)
@given(begin=BEGIN, piece=st.binary(min_size=1, max_size=80) | COMMAND | st.just(b"{40+}\r\n" + b"z" * 40))
def test_what_is_held_is_bounded_in_every_state(begin: bytes, piece: bytes) -> None:
    """Answered or not, the engine holds one command, or what was sent ahead of an answer."""
    engine = ServerEngine(OFFER, LIMITS)
    cabinet = Cabinet(engine)
    for data in [begin] * bool(begin) + [piece] * 60:
        _, seen = line_play.hear(engine, cabinet.answer, data)
        assert engine.buffered <= MOST
        if seen[-1] is CLOSED:
            return


@settings(max_examples=30, deadline=None)
@given(piece=st.binary(min_size=1, max_size=80))
def test_what_comes_ahead_of_an_answer_is_bounded(piece: bytes) -> None:
    engine = ServerEngine(OFFER, LIMITS)
    engine.receive(b"CAPABILITY\r\n")
    assert engine.next_event() == events.Capability()
    assert engine.next_event() is Signal.PAUSED

    def stuff() -> None:
        for _ in range(1000):
            engine.receive(piece)
            assert engine.buffered <= LIMITS.ahead

    with pytest.raises(PeerError):
        stuff()


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=120), quoted=st.booleans())
def test_a_script_comes_in_as_it_was_sent(content: bytes, quoted: bool) -> None:
    written = string(content) if quoted else b"{%d+}\r\n%b" % (len(content), content)
    if written[:1] == b"{":
        written = b"{%d+}\r\n%b" % (len(content), content)
    engine = ServerEngine(OFFER, LIMITS)
    line_play.hear(engine, Cabinet(engine).answer, LOGIN)
    engine.receive(b"CHECKSCRIPT " + written + b"\r\nNOOP\r\n")
    event = engine.next_event()
    if len(written) > 60 and written[:1] == b'"':
        return  # it may be longer than a line
    assert event == events.CheckScript(content)
    engine.send(Reply("OK"))
    assert engine.next_event() == events.Noop(None)


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=1200), code=st.sampled_from(["", "QUOTA"]))
def test_a_text_is_one_string_whatever_is_in_it(text: str, code: str) -> None:
    wire = Reply("NO", text, code).wire
    rest = wire.removeprefix(b"NO").removeprefix(b" (QUOTA)")
    if not text:
        assert rest == b"\r\n"
        return
    octets = text.encode("utf-8", "replace")
    if rest.startswith(b" {"):
        assert rest == b" {%d}\r\n%b\r\n" % (len(octets), octets)
    else:
        assert rest[:2] == b' "'
        assert rest[-3:] == b'"\r\n'
        inner = rest[2:-3]
        assert not set(inner) & set(b"\r\n\0")
        assert inner.replace(b"\\\\", b"\0").replace(b'\\"', b'"').replace(b"\0", b"\\") == octets
