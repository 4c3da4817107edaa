"""What must hold for any octets: the client engine, the SASL exchanges and the PROXY preamble."""

import contextlib
import itertools
import re
from collections.abc import Callable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from hatoba.kit import scram
from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Recipient
from hatoba.model.status import PeerError
from hatoba.wire import proxy, sasl
from hatoba.wire.engine import Signal
from hatoba.wire.smtp import client, commands, extensions, outgoing, parameters, peer

WORDS = st.sampled_from(
    [
        b"250",
        b"250-",
        b"354 ",
        b"421 ",
        b"550 5.1.1 ",
        b"220",
        b"334 ",
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b"2.1.0 Ok",
        b"\xff",
        b"x",
    ]
)
STREAM = st.lists(WORDS | st.binary(max_size=8), max_size=40).map(b"".join)
COMMANDS: list[Callable[[], commands.Command]] = [
    lambda: commands.Ehlo("x"),
    lambda: commands.MailFrom(None),
    lambda: commands.RcptTo(Address("a", "x.example")),
    commands.DataCommand,
    lambda: commands.Content(b".x"),
    lambda: commands.Bdat(b"x", last=True),
    lambda: commands.AuthCommand("PLAIN", b"x"),
    lambda: commands.AuthResponse(b""),
    commands.StartTls,
    commands.Rset,
    commands.Quit,
]


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    """The data in pieces, cut at the places."""
    at = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(at)]


PLACES = st.lists(st.integers(0, 10_000), max_size=8)


def converse(pieces: Sequence[bytes], lmtp: bool) -> list[object]:
    """Everything an engine gives out that has a letter and the next envelope under way; an error by its text."""
    engine = client.ClientEngine(lmtp)
    events: list[object] = []
    try:
        engine.receive(b"220 x\r\n")
        events.append(engine.next_event())
        engine.send([commands.Lhlo("x") if lmtp else commands.Ehlo("x")])
        engine.receive(b"250-x\r\n250 PIPELINING\r\n")
        events.append(engine.next_event())
        engine.send(
            [commands.MailFrom(None), *[commands.RcptTo(Address("a", "x.example"))] * 3, commands.DataCommand()]
        )
        for piece in pieces:
            if piece:
                engine.receive(piece)
            while not isinstance(event := engine.next_event(), Signal):
                events.append(event)
    except PeerError as error:
        events.append(re.sub("no SMTP reply.*|.*more than 4096.*", "rubbish", str(error)))
    return events


@given(STREAM, PLACES, st.booleans())
def test_replies_do_not_depend_on_how_they_are_cut(stream: bytes, places: list[int], lmtp: bool) -> None:
    assert converse(cut(stream, places), lmtp) == converse([stream], lmtp)


REPLY = st.tuples(
    st.sampled_from([250, 354, 421, 550]),
    st.lists(st.text(st.characters(codec="utf-8"), max_size=30), min_size=1, max_size=5),
)


@given(st.lists(REPLY, max_size=6), PLACES)
def test_replies_come_out_as_they_were_written(written: list[tuple[int, list[str]]], places: list[int]) -> None:
    wanted = []
    stream = b""
    for code, lines in written:
        texts = [line.replace("\n", "") for line in lines]
        octets = [f"{code}{'-' if n < len(texts) - 1 else ' '}{text}\r\n".encode() for n, text in enumerate(texts)]
        wanted.append((code, b"".join(octets)))
        stream += b"".join(octets)
    replies = peer.Replies()
    found = []
    for piece in cut(stream, places):
        replies.receive(piece)
        while (reply := replies.next()) is not None:
            found.append((reply.code, reply.raw))
            assert all(line.replace("\u3000", "").isprintable() for line in reply.lines)
            assert not reply.enhanced or reply.enhanced[0] == str(reply.code)[0]
    assert found == wanted
    assert not replies.buffered


@given(
    st.lists(st.one_of(STREAM, st.integers(0, len(COMMANDS) - 1), st.just(b""), st.none()), max_size=30), st.booleans()
)
def test_only_peer_error_escapes_and_the_caller_learns_of_his_own(acts: list[bytes | int | None], lmtp: bool) -> None:
    engine = client.ClientEngine(lmtp)
    try:
        for act in acts:
            if isinstance(act, int):
                with contextlib.suppress(ValueError):
                    engine.send([COMMANDS[act]()])
            elif act is None:
                engine.tls_started()
            else:
                engine.receive(act)
            for _ in range(200):
                event = engine.next_event()
                if isinstance(event, Signal):
                    break
                if isinstance(event, client.Answer) and event.reply.code == 334:
                    client.challenge(event.reply)
    except PeerError:
        pass


@given(st.lists(st.text(max_size=40), max_size=12), st.integers(200, 599))
def test_extensions_of_anything(lines: list[str], code: int) -> None:
    found = extensions.parse(peer.PeerReply(code, "", tuple(lines) or ("",)))
    assert found.size >= -1
    assert found.rcptmax >= 0


# ---- what we send

TEXT = st.text(st.characters(), max_size=20) | st.text(st.sampled_from('a.@<>"\\ \r\n\0=+;'), max_size=12)
PATH = re.compile(rb'(?:MAIL FROM|RCPT TO):<(?:"(?:[^"\\]|\\.)*")?[^<> "\x00-\x1f\x7f]*>(?: [^ \x00-\x1f\x7f]+)*\r\n\Z')


@given(TEXT, TEXT, st.lists(TEXT, max_size=3))
def test_no_value_injects_a_command(local: str, domain: str, words: list[str]) -> None:
    for make in (commands.MailFrom, commands.RcptTo):
        with contextlib.suppress(ValueError):
            wire = make(Address(local, domain), words).wire
            assert PATH.match(wire), wire
    for name in (local, domain):
        for word in (commands.Ehlo, commands.Vrfy, commands.AuthCommand):
            with contextlib.suppress(ValueError):
                assert word(name).wire.count(b"\n") == 1


@given(TEXT, TEXT, TEXT, TEXT)
def test_no_parameter_injects_a_command(envid: str, orcpt: str, notify: str, ret: str) -> None:
    everything = extensions.Extensions(size=0, dsn=True)
    recipient = Recipient(Address("b", "x.example"), notify, orcpt)
    envelope = Envelope(None, (recipient,), envid=envid, ret=ret)
    makers: list[Callable[[], list[str]]] = [
        lambda: parameters.mail_parameters(envelope, 1, everything).words,
        lambda: parameters.rcpt_parameters(recipient, everything),
    ]
    for make in makers:
        with contextlib.suppress(ValueError):
            wire = commands.MailFrom(None, make()).wire
            assert PATH.match(wire), wire
            assert wire.isascii()


LINES = st.lists(st.sampled_from([b"", b".", b"..", b".a", b"a", b"a.", b"QUIT"]), max_size=12)


def unstuffed(wire: bytes) -> tuple[bytes, bytes]:
    """The content a strict server reads, line by line, and what it finds behind the end. # RFC 5321 §4.5.2"""
    content = b""
    while True:
        line, end, wire = wire.partition(b"\r\n")
        assert end, "the content has no end"
        if line == b".":
            return content, wire
        content += (line[1:] if line[:1] == b"." else line) + end


@given(LINES, st.booleans(), PLACES)
def test_content_is_read_as_it_was_written(lines: list[bytes], ended: bool, places: list[int]) -> None:
    data = b"\r\n".join(lines) + (b"\r\n" if ended else b"")
    whole = b"".join(outgoing.content(data))
    expected = data if data[-2:] == b"\r\n" or not data else data + b"\r\n"
    assert unstuffed(whole + b"NEXT") == (expected, b"NEXT")
    stuffing = outgoing.Stuffing()
    parts = [part for piece in cut(data, places) for part in stuffing.piece(piece)]
    assert b"".join(parts) + stuffing.finish() + outgoing.END == whole
    dotted = b"\r\n." in data or data[:1] == b"."
    assert b"".join(outgoing.content(data, dotted, vouched=True)) == whole


@given(st.lists(st.sampled_from([b"\r", b"\n", b".", b"a", b"\r\n"]), max_size=12).map(b"".join), PLACES)
def test_nothing_is_smuggled_out(data: bytes, places: list[int]) -> None:
    bare = re.search(rb"(?<!\r)\n|\r(?!\n)", data) is not None
    senders: list[Callable[[], list[bytes]]] = [
        lambda: outgoing.content(data),
        lambda: client_pieces(cut(data, places)),
    ]
    for send in senders:
        try:
            wire = b"".join(send())
        except ValueError:
            assert bare
        else:
            assert not bare
            assert unstuffed(wire)[1] == b""


def client_pieces(chunks: Sequence[bytes]) -> list[bytes]:
    engine = client.ClientEngine()
    for octets, command in (
        (b"220 x\r\n", commands.Ehlo("x")),
        (b"250 x\r\n", commands.DataCommand()),
        (b"354 x\r\n", None),
    ):
        engine.receive(octets)
        engine.next_event()
        engine.send([command] if command is not None else None)
    return list(engine.pieces(chunks))


# ---- sasl

VERIFIER = scram.make_verifier("pencil", bytes(16))
SASL_WORDS = st.sampled_from(
    [b"n,,", b"y,,", b"p=", b"n=user", b",r=x", b"a=", b"=2C", b"=", b"\0", b"tim", b"\x01", b"auth=Bearer t",
     b"user=a", b"c=biws", b",p=", b"A" * 43 + b"=", b",", b"r=xnonce", b"i=4096", b"s=AAAA", b"v=AAAA"]
)  # fmt: skip
MESSAGE = st.lists(SASL_WORDS | st.binary(max_size=4), max_size=10).map(b"".join)


@given(st.sampled_from(sasl.SERVER_MECHANISMS), st.lists(MESSAGE, min_size=3, max_size=5), st.booleans())
def test_server_exchanges_with_anything(mechanism: str, messages: list[bytes], known: bool) -> None:
    exchange = sasl.server(mechanism, nonce="nonce", secret=b"s")
    step: sasl.Step = sasl.Challenge(b"")
    with contextlib.suppress(PeerError):
        while isinstance(step, sasl.Challenge) and messages:
            step = exchange.step(messages.pop())
            if isinstance(step, sasl.Claim) and isinstance(exchange, sasl.ScramServer):
                step = exchange.verifier(VERIFIER if known else None)
            elif isinstance(step, sasl.Claim) and isinstance(exchange, sasl.Bearer):
                step = exchange.refuse()
    assert not isinstance(step, sasl.Proved)


@settings(max_examples=50)
@given(st.sampled_from(sasl.CLIENT_MECHANISMS), st.lists(MESSAGE, max_size=4), st.booleans())
def test_client_exchanges_with_anything(mechanism: str, challenges: list[bytes], initial: bool) -> None:
    exchange = sasl.client(mechanism, "user", "pencil", nonce="x")
    if initial:
        exchange.initial()
    with contextlib.suppress(PeerError):
        for challenge in challenges:
            exchange.step(challenge)
    assert mechanism != "SCRAM-SHA-256" or not exchange.done


NAME = st.text(min_size=1, max_size=20)


@settings(max_examples=25)
@given(NAME, NAME)
def test_whoever_knows_the_password_gets_in(name: str, password: str) -> None:
    try:
        exchanges = [sasl.client(mechanism, name, password, nonce="x") for mechanism in ("SCRAM-SHA-256", "PLAIN")]
    except ValueError:
        return
    server = sasl.server("SCRAM-SHA-256", nonce="y", secret=b"s")
    assert isinstance(server, sasl.ScramServer)
    claim = server.step(exchanges[0].initial())
    assert claim == sasl.Claim("scram", scram.saslprep(name))
    step: sasl.Step = server.verifier(scram.make_verifier(password, bytes(16)))
    while isinstance(step, sasl.Challenge):
        step = server.step(exchanges[0].step(step.data))
    assert step == sasl.Proved(scram.saslprep(name))
    assert sasl.server("PLAIN").step(exchanges[1].initial()) == sasl.Claim("password", scram.saslprep(name), password)


# ---- PROXY

V2 = b"\r\n\r\n\x00\r\nQUIT\n"
PROXY_WORDS = st.sampled_from(
    [b"PROXY ", b"TCP4 ", b"TCP6 ", b"UNKNOWN", b"192.0.2.1 ", b"::1 ", b"25", b" ", b"\r\n", V2, b"\x21\x11\x00\x0c",
     b"\x20\x00\x00\x00", b"\x21\x21\x00\x27", bytes(12), bytes(36), b"\x04\x00\x00", b"\x03\x00\x04", b"\x20\x00\x05"]
)  # fmt: skip


def preamble(pieces: Sequence[bytes]) -> tuple[object, bytes]:
    engine = proxy.ProxyEngine()
    found: object = None
    try:
        for piece in pieces:
            if piece:
                engine.receive(piece)
            event = engine.next_event()
            found = event if found is None or not isinstance(event, Signal) else found
            if isinstance(found, Signal):
                found = None
    except PeerError:
        return "error", b""
    return found, engine.rest()


@given(st.lists(PROXY_WORDS | st.binary(max_size=4), max_size=12).map(b"".join), PLACES)
def test_the_preamble_does_not_depend_on_how_it_is_cut(stream: bytes, places: list[int]) -> None:
    assert preamble(cut(stream, places)) == preamble([stream])


@given(st.binary(max_size=80), st.sampled_from([0x00, 0x11, 0x21]))
def test_a_header_of_any_octets(rest: bytes, family: int) -> None:
    found, behind = preamble([V2 + bytes([0x21, family]) + len(rest).to_bytes(2, "big") + rest + b"EHLO"])
    assert (found, behind) == ("error", b"") or (isinstance(found, proxy.Proxied) and behind == b"EHLO")
