"""What holds for every input of the IMAP engine, in each state.

Any split gives the same events, only PeerError escapes, memory stays bounded, and what is deflated says the same.
"""

import itertools
import re
import zlib
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.support import imap_commands
from tests.support.imap_dialogue import LIMITS, Bare

from hatoba.model.status import PeerError
from hatoba.wire.engine import CLOSED, NEED_DATA
from hatoba.wire.imap import events

INTO = {
    "greeted": b"",
    "authenticated": b"z1 LOGIN a b\r\n",
    "selected": b"z1 LOGIN a b\r\nz2 ENABLE QRESYNC\r\nz3 SELECT INBOX\r\n",
    "utf8": b"z1 LOGIN a b\r\nz2 ENABLE IMAP4rev2\r\nz3 SELECT INBOX\r\n",
    "uidonly": b"z1 LOGIN a b\r\nz2 ENABLE UIDONLY\r\nz3 SELECT INBOX\r\n",
    "idling": b"z1 LOGIN a b\r\nz2 IDLE\r\n",
    "sasl": b"z1 AUTHENTICATE PLAIN\r\n",
    "message": b"z1 LOGIN a b\r\nz2 APPEND INBOX {70+}\r\n0123456789",
    "behind a message": b"z1 LOGIN a b\r\nz2 APPEND INBOX {3+}\r\nabc",
    "catenating": b"z1 LOGIN a b\r\nz2 APPEND INBOX CATENATE (TEXT {3+}\r\nabc",
    "literal": b"z1 LOGIN a b\r\nz2 SELECT {20+}\r\nabc",
    "drained": b"z1 LOGIN a b\r\nz2 SELECT {301+}\r\nabc",
    "skipped": b"z1 LOGIN a b\r\nz2 NOOP " + b"x" * 2100,
}
WORDS = st.sampled_from(imap_commands.WORDS)
LITERAL = st.binary(max_size=60) | st.sampled_from([b"INBOX", b"a" * 299, b"b" * 400])
LITERALS = st.tuples(LITERAL, st.sampled_from([b"", b"~"])).map(
    lambda pair: b"%b{%d+}\r\n%b" % (pair[1], len(pair[0]), pair[0])
)
LYING = st.tuples(st.integers(0, 2000), st.sampled_from([b"+}", b"}"])).map(lambda pair: b"{%d%b\r\n" % pair)
HEAP = st.lists(WORDS | WORDS | WORDS | LITERALS | LYING, max_size=9).map(b" ".join)
RIGHT = st.sampled_from(imap_commands.RIGHT)
BENT = st.tuples(RIGHT, st.integers(0, 200), st.integers(0, 4), WORDS | LITERALS | LYING | st.just(b"")).map(
    lambda bend: bend[0][: bend[1]] + bend[3] + bend[0][bend[1] + bend[2] :]
)
COMMAND = (HEAP | RIGHT | BENT | BENT).map(lambda command: b"t " + command + b"\r\n")
RAW = st.sampled_from(
    [
        b"\r\n", b"\n", b"\r", b"\0", b"DONE\r\n", b"*\r\n", b"c2VjcmV0\r\n", b"x" * 450, b")\r\n", b" {3+}\r\n", b'"',
        b"\xff",
    ]
)  # fmt: skip
STREAM = st.lists(COMMAND | COMMAND | RAW | st.binary(max_size=20), max_size=8).map(b"".join)
SWITCH = re.compile(rb"COMPRESS|STARTTLS", re.IGNORECASE)  # how the octets behind these come makes a difference
STATES = st.sampled_from(sorted(INTO))


def joined(seen: list[events.Event]) -> list[Any]:
    """The events, where pieces in a row are one."""
    out: list[Any] = []
    for event in seen:
        if isinstance(event, events.Piece) and out and isinstance(out[-1], bytes):
            out[-1] += event.data
        else:
            out.append(event.data if isinstance(event, events.Piece) else event)
    return out


def play(pieces: list[bytes]) -> tuple[list[Any], bytes, Any]:
    bare = Bare()
    signal: Any = NEED_DATA
    for piece in pieces:
        try:
            signal = bare.hear(piece)
        except PeerError as error:  # the deflated stream: how far it is read depends on how it comes
            signal = str(error)
            break
        assert bare.engine.buffered <= LIMITS.command + len(piece)
    return joined(bare.seen), bare.said, signal


def cut(data: bytes, at: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(offset % (len(data) + 1) for offset in at)})
    return [data[begin:end] for begin, end in itertools.pairwise(edges)]


@settings(max_examples=150, deadline=None)
@given(state=STATES, stream=STREAM, at=st.lists(st.integers(0, 3000), max_size=12))
@example(state="message", stream=b"ab\0cd", at=[])
@example(state="selected", stream=b"t SEARCH SUBJECT {3}\r\nabc\r\n", at=[])
def test_any_split_gives_the_same_events(state: str, stream: bytes, at: list[int]) -> None:
    data = INTO[state] + SWITCH.sub(b"NOOP", stream)
    if not data:
        return
    whole = play([data])
    assert play([data[n : n + 1] for n in range(len(data))]) == whole
    assert play(cut(data, at)) == whole


@settings(max_examples=120, deadline=None)
@given(state=STATES, pieces=st.lists(st.binary(min_size=1, max_size=120) | STREAM, max_size=6))
def test_nothing_but_peer_error_escapes(state: str, pieces: list[bytes]) -> None:
    _, said, signal = play([INTO[state] or b"t NOOP\r\n", *(piece for piece in pieces if piece), b""])
    assert signal is CLOSED or isinstance(signal, str)
    assert SWITCH.search(b"".join(pieces)) or said.endswith(b"\r\n") or not said


@settings(max_examples=60, deadline=None)
@given(stream=STREAM, at=st.lists(st.integers(0, 3000), max_size=8))
def test_what_is_deflated_says_the_same(stream: bytes, at: list[int]) -> None:
    stream = SWITCH.sub(b"NOOP", stream) or b"\r\n"
    plain = play([INTO["selected"], stream])
    bare = Bare()
    bare.hear(INTO["selected"])
    said, bare.said = bare.said, b""
    bare.hear(b"c COMPRESS DEFLATE\r\n")
    assert bare.said == b"c OK Compress\r\n"
    bare.said = b""
    bare.seen.pop()
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    for piece in cut(deflater.compress(stream) + deflater.flush(zlib.Z_SYNC_FLUSH), at):
        signal = bare.hear(piece)
    said += zlib.decompressobj(-12).decompress(bare.said)
    assert (joined(bare.seen), said.replace(b" COMPRESS=DEFLATE", b""), signal) == (
        plain[0], plain[1].replace(b" COMPRESS=DEFLATE", b""), plain[2],
    )  # fmt: skip


@pytest.mark.parametrize("state", sorted(INTO))
def test_every_state_is_reached(state: str) -> None:
    bare = Bare()
    bare.hear(INTO[state])
    malformed = [event for event in bare.seen if isinstance(event, events.Malformed)]
    assert len(malformed) == (state in ("drained", "skipped"))
