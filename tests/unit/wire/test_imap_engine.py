"""The engine: who may answer what, what an answer changes, TLS, deflate, and what it costs."""

import tracemalloc
import zlib
from collections.abc import Iterator

import pytest
from tests.support.imap_dialogue import LIMITS, OFFER, Bare

from hatoba.model.status import PeerError
from hatoba.wire.engine import CLOSED, NEED_DATA, PAUSED
from hatoba.wire.imap import events, responses, states
from hatoba.wire.imap.offer import Limits
from hatoba.wire.imap.responses import Tagged
from hatoba.wire.imap.server import JOIN, ServerEngine


def opened(*lines: str) -> ServerEngine:
    """An engine that has been through these commands."""
    bare = Bare()
    for line in lines:
        bare.hear(line.encode() + b"\r\n")
    return bare.engine


def selected() -> ServerEngine:
    return opened("z1 LOGIN a b", "z2 SELECT INBOX")


def test_an_event_waits_for_its_tagged_answer() -> None:
    engine = selected()
    engine.receive(b"a FETCH 1 FLAGS\r\nb NOOP\r\n")
    assert isinstance(engine.next_event(), events.Fetch)
    assert engine.next_event() is PAUSED
    assert engine.send(b"* 1 FETCH (FLAGS ())\r\n") == b"* 1 FETCH (FLAGS ())\r\n"
    assert engine.send(responses.Untagged("OK", "Working", "INPROGRESS")) == b"* OK [INPROGRESS] Working\r\n"
    assert engine.send(None) == b""
    assert engine.next_event() is PAUSED
    with pytest.raises(ValueError, match="'a' is open"):
        engine.send(Tagged("b", "OK", "x"))
    assert engine.send((responses.Exists(2), Tagged("a", "OK", "x"))) == b"* 2 EXISTS\r\na OK x\r\n"
    assert engine.next_event() == events.Noop("b")


def test_no_command_no_tagged_answer() -> None:
    engine = selected()
    assert engine.send([responses.Exists(2)]) == b"* 2 EXISTS\r\n"
    with pytest.raises(ValueError, match="is open"):
        engine.send(Tagged("a", "OK", "x"))
    engine.receive(b"a NOOP\r\n")
    engine.next_event()
    with pytest.raises(ValueError, match="NOOP is not answered by"):
        engine.send(responses.Continue("x"))


def test_much_goes_out_in_parts() -> None:
    engine = selected()
    engine.receive(b"a FETCH 1 FLAGS\r\n")
    engine.next_event()
    part = b"x" * JOIN
    assert engine.send([part, part, Tagged("a", "OK", "x")]) == [part, part, b"a OK x\r\n"]


def test_a_stream_closes_its_event() -> None:
    engine = selected()
    engine.receive(b"a FETCH 1 FLAGS\r\nb NOOP\r\n")
    engine.next_event()
    pieces = [b"x" * 1000] * 100
    out = list(engine.stream([*pieces, Tagged("a", "OK", "x")]))
    assert b"".join(out) == b"".join(pieces) + b"a OK x\r\n"
    assert max(map(len, out)) < JOIN + 1000
    assert len(out) == 4
    assert isinstance(engine.next_event(), events.Noop)
    assert list(engine.stream([])) == []


def test_a_stream_is_taken_as_it_is_wanted() -> None:
    engine = selected()
    made = []

    def pieces() -> Iterator[bytes]:
        for number in range(10):
            made.append(number)
            yield b"x" * JOIN

    stream = engine.stream(pieces())
    next(stream)
    assert made == [0]


def test_tls_begins_anew() -> None:
    engine = ServerEngine(OFFER, LIMITS)
    engine.receive(b"a STARTTLS\r\n")
    assert isinstance(engine.next_event(), events.StartTls)
    assert engine.send(Tagged("a", "OK", "Begin", then="tls")) == b"a OK Begin\r\n"
    assert engine.next_event() is PAUSED
    engine.tls_started()
    assert engine.next_event() is NEED_DATA
    engine.receive(b"b NOOP\r\n")
    assert isinstance(engine.next_event(), events.Noop)


def test_plaintext_does_not_cross_into_tls() -> None:
    engine = ServerEngine(OFFER, LIMITS)
    engine.receive(b"a STARTTLS\r\n")
    engine.next_event()
    engine.receive(b"b LOGIN a b\r\n")
    engine.send(Tagged("a", "OK", "Begin", then="tls"))
    with pytest.raises(PeerError):
        engine.tls_started()


def test_too_much_ahead_of_an_answer() -> None:
    engine = ServerEngine(OFFER, Limits(ahead=100))
    engine.receive(b"a NOOP\r\n")
    engine.next_event()
    engine.receive(b"x" * 100)
    with pytest.raises(PeerError):
        engine.receive(b"x")


def test_the_end_of_the_stream() -> None:
    engine = ServerEngine(OFFER, LIMITS)
    engine.receive(b"a NOOP\r\nb NO")
    engine.receive(b"")
    assert isinstance(engine.next_event(), events.Noop)
    assert engine.next_event() is PAUSED
    engine.send(Tagged("a", "OK", "x", then="close"))
    assert engine.next_event() is CLOSED
    engine.receive(b"more")
    assert (engine.send(Tagged("a", "OK", "x")), engine.buffered) == (b"", 0)
    cut = ServerEngine(OFFER, LIMITS)
    cut.receive(b"b NO")
    cut.receive(b"")
    assert cut.next_event() is CLOSED


def test_preauth_and_deselect() -> None:
    engine = ServerEngine(OFFER, LIMITS)
    assert engine.send(responses.Untagged("PREAUTH", "Welcome")) == b"* PREAUTH Welcome\r\n"
    assert engine.state == states.AUTHENTICATED
    engine.deselect()
    assert engine.state == states.AUTHENTICATED
    engine = selected()
    assert engine.state == states.SELECTED
    engine.deselect()
    assert engine.state == states.AUTHENTICATED


@pytest.mark.parametrize(
    "command",
    [
        "SELECT x (CONDSTORE)", "FETCH 1 MODSEQ",
        "FETCH 1 FLAGS (CHANGEDSINCE 1)", "STORE 1 (UNCHANGEDSINCE 0) FLAGS x",
        "STORE 1 (UNCHANGEDSINCE 7) FLAGS x", "SEARCH MODSEQ 1", "STATUS x (HIGHESTMODSEQ)",
    ],
)  # fmt: skip
def test_what_enables_condstore(command: str) -> None:
    bare = Bare()
    bare.hear(b"z1 LOGIN a b\r\nz2 SELECT INBOX\r\nz3 STORE 1 FLAGS x\r\n")
    assert bare.engine.enabled == frozenset()
    bare.hear(b"a %b\r\n" % command.encode())
    assert bare.engine.enabled == {"CONDSTORE"}


def test_enable_takes_effect_with_its_ok() -> None:
    engine = opened("z1 LOGIN a b")
    engine.receive(b"a ENABLE QRESYNC IMAP4rev2\r\n")
    assert engine.next_event() == events.Enable("a", ("QRESYNC", "IMAP4REV2"))
    before = engine.utf8
    engine.send([responses.Enabled(("QRESYNC", "IMAP4REV2")), Tagged("a", "OK", "x")])
    assert (before, engine.utf8) == (False, True)
    assert engine.enabled == {"QRESYNC", "CONDSTORE", "IMAP4REV2"}
    engine.receive(b"b UNAUTHENTICATE\r\n")
    engine.next_event()
    engine.send(Tagged("b", "OK", "x"))
    assert (engine.enabled, engine.state) == (frozenset(), states.GREETED)


def test_deflate_both_ways() -> None:
    bare = Bare()
    inflater = zlib.decompressobj(-15)
    deflater = zlib.compressobj(wbits=-15)

    def hear(octets: bytes) -> bytes:
        bare.said = b""
        bare.hear(deflater.compress(octets) + deflater.flush(zlib.Z_SYNC_FLUSH))
        return inflater.decompress(bare.said)

    bare.hear(b"z1 LOGIN a b\r\nz2 SELECT INBOX\r\nc COMPRESS DEFLATE\r\n")
    assert bare.said.endswith(b"c OK Compress\r\n")
    assert bare.engine.compressed
    assert "COMPRESS=DEFLATE" not in bare.engine.capabilities()
    assert hear(b"a NOOP\r\n") == b"a OK Noop\r\n"
    assert hear(b"a COMPRESS DEFLATE\r\n").startswith(b"a NO [COMPRESSIONACTIVE]")
    assert hear(b"b APPEND x {500+}\r\n" + b"y" * 500 + b"\r\n") == b"b OK Appended\r\n"
    bare.engine.receive(deflater.compress(b"d FETCH 1 FLAGS\r\n") + deflater.flush(zlib.Z_SYNC_FLUSH))
    assert isinstance(bare.engine.next_event(), events.Fetch)
    pieces = [b"%d" % number * 10000 for number in range(100)]
    out = list(bare.engine.stream([*pieces, Tagged("d", "OK", "x")]))
    assert inflater.decompress(b"".join(out)) == b"".join(pieces) + b"d OK x\r\n"
    assert hear(b"u UNAUTHENTICATE\r\nv STARTTLS\r\n").endswith(
        b"v BAD The connection is compressed: TLS cannot begin\r\n"
    )
    assert hear(b"e LOGOUT\r\n") == b"* BYE Goodbye\r\ne OK Logout\r\n"


def test_twenty_faults_in_a_row_are_enough() -> None:
    bare = Bare()
    bare.hear(b"z LOGIN a b\r\n")
    for _ in range(19):
        bare.hear(b"a XYZZY\r\n")
    bare.hear(b"a NOOP\r\n")
    bare.said = b""
    for number in range(20):
        assert bare.engine.state == states.AUTHENTICATED
        bare.hear(b"a XYZZY\r\n")
        assert bare.said.count(b"BAD") == number + 1
    assert bare.said.endswith(b"* BYE Goodbye\r\na BAD No such command\r\n")
    assert bare.engine.next_event() is CLOSED


def test_a_message_is_never_gathered() -> None:
    bare = Bare(limits=Limits())
    bare.engine.offer = OFFER.replace(append_limit=0)
    bare.hear(b"z LOGIN a b\r\na APPEND x {100000000+}\r\n")
    tracemalloc.start()
    for _ in range(1000):
        bare.hear(b"y" * 100_000)
        bare.seen.clear()
        assert bare.engine.buffered == 0
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    bare.hear(b"\r\n")
    assert bare.seen == [events.AppendEnd("a")]
    assert peak < 1_000_000


def test_a_refused_literal_is_not_gathered() -> None:
    bare = Bare()
    bare.hear(b"z LOGIN a b\r\na APPEND refused {100000000+}\r\n")
    for _ in range(1000):
        bare.hear(b"y" * 100_000)
        assert bare.engine.buffered == 0
    bare.said = b""
    bare.hear(b" (\\Seen) {3+}\r\nabc\r\nb NOOP\r\n")
    assert bare.said == b"b OK Noop\r\n"
