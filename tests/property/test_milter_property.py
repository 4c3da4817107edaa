"""What must hold for any octets: the milter engine, clamd's, and the fields that services send."""

import itertools
import struct
from collections.abc import Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from hatoba.message import fields
from hatoba.model import edits
from hatoba.model.status import PeerError
from hatoba.wire import clamd
from hatoba.wire.engine import Signal
from hatoba.wire.milter import client, commands, replies, terms

PLACES = st.lists(st.integers(0, 10_000), max_size=8)


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    at = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [piece for a, b in itertools.pairwise(at) if (piece := data[a:b])]


def packet(code: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data) + 1) + code + data


TEXT = st.sampled_from([b"", b"X-A\0one\0", b"<a@b>\0", b"550 5.7.1 no\0", b"\0\0\0\1Subject\0x\r\n y\0", b"a\nb\0"])
PACKET = st.builds(
    packet,
    st.sampled_from([bytes([code]) for code in b"cartdyhimb+-2eqpsO4fZ"]),
    TEXT | st.binary(max_size=12),
)
STREAM = st.lists(PACKET | st.binary(max_size=6), max_size=12).map(b"".join)
NEGOTIATE = commands.Negotiate(terms.ALL_ACTIONS, terms.ALL_STEPS)
STEPS: list[commands.Command] = [
    commands.Connect(b"x", b"4", 1, b"192.0.2.1"),
    commands.Helo(b"x"),
    commands.Mail(b"<>"),
    commands.Rcpt(b"<a@b>"),
    commands.Data(),
    commands.Header(b"A", b" b"),
    commands.EndOfHeader(),
    commands.Body(b"x"),
    commands.End(),
    commands.Abort(),
    commands.QuitNew(),
    commands.Quit(),
]


def negotiated(steps: int) -> client.MilterEngine:
    engine = client.MilterEngine()
    engine.send(NEGOTIATE)
    engine.receive(packet(b"O", struct.pack(">III", 6, terms.ALL_ACTIONS, steps & terms.ALL_STEPS)))
    assert isinstance(engine.next_event(), replies.Negotiated)
    return engine


_QUIET = 0x1FF080 | 0x400  # nothing but the end is answered


def at_the_end() -> client.MilterEngine:
    engine = negotiated(_QUIET)
    engine.send(STEPS[:8])
    engine.send(commands.End())
    return engine


def converse(pieces: Sequence[bytes]) -> list[object]:
    """Everything an engine gives out at the end of a letter; an error by its text."""
    engine, events = at_the_end(), list[object]()
    try:
        for piece in [*pieces, b""]:
            engine.receive(piece)
            while not isinstance(event := engine.next_event(), Signal):
                events.append(event)
    except PeerError as error:
        events.append(str(error))
    return events


@given(STREAM, PLACES)
def test_replies_do_not_depend_on_how_they_are_cut(stream: bytes, places: list[int]) -> None:
    assert converse(cut(stream, places)) == converse(cut(stream, []))


@given(st.integers(0, 0x3FFFFFFF), st.lists(st.sampled_from(STEPS) | STREAM | st.just(b""), max_size=30))
def test_only_peer_error_escapes_and_the_caller_learns_of_his_own(steps: int, acts: list[object]) -> None:
    engine = negotiated(steps)
    try:
        for act in acts:
            if isinstance(act, bytes):
                engine.receive(act)
                while not isinstance(event := engine.next_event(), Signal):
                    assert isinstance(event, replies.Reply)
            else:
                assert isinstance(act, commands.Command)
                before = (engine.state, engine.pending)
                try:
                    engine.send(act)
                except ValueError:
                    assert (engine.state, engine.pending) == before
    except PeerError:
        return


def replied(stream: Sequence[bytes]) -> list[object]:
    engine, events = clamd.ClamdEngine(), list[object]()
    engine.send(clamd.Scan())
    try:
        for piece in [*stream, b""]:
            engine.receive(piece)
            while not isinstance(event := engine.next_event(), Signal):
                events.append(event)
    except PeerError as error:
        events.append(type(error))
    return events


LINE = st.sampled_from([b"stream: OK\0", b"stream: Eicar FOUND\0", b"INSTREAM size limit exceeded. ERROR\0", b"x\0"])


@given(LINE | st.binary(max_size=40), PLACES)
def test_clamds_reply_does_not_depend_on_how_it_is_cut(stream: bytes, places: list[int]) -> None:
    assert replied(cut(stream, places)) == replied(cut(stream, []))


@given(st.lists(st.binary(max_size=700_000), max_size=4))
def test_clamd_is_told_all_octets_in_counted_pieces(content: list[bytes]) -> None:
    told = b"".join(clamd.ClamdEngine().pieces(content))
    assert b"".join(_counted(told)) == b"".join(content)


def _counted(told: bytes) -> Iterator[bytes]:
    at = 0
    while size := int.from_bytes(told[at : at + 4], "big"):
        assert size <= 1 << 18
        yield told[at + 4 : at + 4 + size]
        at += 4 + size
    assert at + 4 == len(told)


FIELD = st.builds(
    lambda name, value, fold: name + b": " + value + (b"\r\n\t" + value if fold else b"") + b"\r\n",
    st.sampled_from([b"Subject", b"subject", b"X-A", b"To"]),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=8).map(str.encode),
    st.booleans(),
)
BLOCK = st.lists(FIELD | st.just(b"no field at all\r\n"), max_size=8).map(b"".join)
EDIT = st.builds(
    edits.FieldEdit,
    st.sampled_from([edits.ADD, edits.INSERT, edits.CHANGE]),
    st.sampled_from([b"Subject", b"X-A", b"X-New"]),
    st.sampled_from([b"", b" new", b" two\r\n\tlines"]),
    st.integers(-3, 12),
)


@given(BLOCK)
def test_a_block_is_its_fields(block: bytes) -> None:
    parts = fields.split(block)
    assert b"".join(parts) == block
    assert all(part.endswith(b"\r\n") for part in parts)
    assert not any(part[:1] in (b" ", b"\t") for part in parts)


@given(BLOCK, st.lists(EDIT, max_size=6))
def test_edits_leave_whole_fields_and_touch_no_other(block: bytes, wanted: list[edits.FieldEdit]) -> None:
    above, changed = fields.changed(block, wanted)
    assert not changed or changed.endswith(b"\r\n")
    named = {edit.name.lower() for edit in wanted}
    untouched = [part for part in fields.split(block) if fields.name(part).lower() not in named]
    left = [part for part in fields.split(changed) if fields.name(part).lower() not in named]
    assert left == untouched
    assert b"\r\n\r\n" not in above + changed
