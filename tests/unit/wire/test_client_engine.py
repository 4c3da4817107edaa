import pytest

from hatoba.model.address import Address
from hatoba.model.status import PeerError
from hatoba.wire.engine import CLOSED, NEED_DATA, PAUSED, Signal
from hatoba.wire.smtp import client
from hatoba.wire.smtp.commands import (
    AuthCommand,
    AuthResponse,
    Bdat,
    Command,
    Content,
    DataCommand,
    Dot,
    Ehlo,
    Helo,
    Lhlo,
    MailFrom,
    Noop,
    Quit,
    RcptTo,
    Rset,
    StartTls,
    Vrfy,
)

A, B, C = Address("a", "example.org"), Address("b", "example.com"), Address("c", "example.com")
EHLO = b"250-mx.example\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 SIZE 1000\r\n"


def events(engine: client.ClientEngine, octets: bytes) -> list[tuple[str, int]]:
    """What comes of some octets: (command, code) for each reply."""
    engine.receive(octets)
    found = []
    while not isinstance(event := engine.next_event(), Signal):
        word = event.command if isinstance(event, client.Answer) else type(event).__name__
        found.append((word, event.reply.code))
    return found


def connected(hello: bytes = EHLO, lmtp: bool = False) -> client.ClientEngine:
    engine = client.ClientEngine(lmtp)
    assert events(engine, b"220 mx.example ESMTP\r\n") == [("Greeting", 220)]
    engine.send([Lhlo("me.example") if lmtp else Ehlo("me.example")])
    events(engine, hello)
    assert engine.idle
    return engine


def joined(parts: bytes | list[bytes]) -> bytes:
    return parts if isinstance(parts, bytes) else b"".join(parts)


def test_a_pipelined_letter_with_the_next_envelope_behind_its_dot() -> None:
    engine = connected()
    envelope = [MailFrom(A), RcptTo(B), RcptTo(C), DataCommand()]
    wire = b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.com>\r\nRCPT TO:<c@example.com>\r\nDATA\r\n"
    assert engine.send(envelope) == wire
    assert list(engine.pending) == ["MAIL", "RCPT", "RCPT", "DATA"]
    assert not engine.idle
    replies = b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n550 5.1.1 No\r\n354 go\r\n"
    assert events(engine, replies) == [("MAIL", 250), ("RCPT", 250), ("RCPT", 550), ("DATA", 354)]
    assert joined(engine.send([Content(b"x\r\n"), *envelope])) == b"x\r\n.\r\n" + wire
    assert events(engine, b"250 2.0.0 queued\r\n" + replies)[0] == (".", 250)
    assert engine.content(b"y", dotted=False, vouched=True) == [b"y", b"\r\n.\r\n"]
    assert events(engine, b"250 Ok\r\n") == [(".", 250)]
    assert engine.idle


def test_content_comes_as_a_list_for_writelines() -> None:
    engine = connected()
    engine.send([MailFrom(A), RcptTo(B), DataCommand()])
    events(engine, b"250 a\r\n250 b\r\n354 c\r\n")
    body = b"x\r\n" * 10
    parts = engine.send([Content(body, dotted=False, vouched=True), Rset()])
    assert isinstance(parts, list)
    assert any(part is body for part in parts)


def test_content_in_pieces() -> None:
    engine = connected()
    engine.send([MailFrom(A), RcptTo(B), DataCommand()])
    events(engine, b"250 a\r\n250 b\r\n354 c\r\n")
    pieces = engine.pieces([b"a\r", b"\n.", b"b"])
    assert next(pieces) == b"a"
    assert not engine.pending, "no reply is due before the dot"
    assert b"".join(pieces) == b"\r\n..b\r\n.\r\n"
    assert list(engine.pending) == ["."]


def test_a_dot_of_its_own() -> None:
    engine = connected()
    engine.send([MailFrom(A), DataCommand()])
    events(engine, b"250 a\r\n354 nobody, but go\r\n")
    assert engine.send([Dot()]) == b".\r\n"
    assert events(engine, b"554 no valid recipients\r\n") == [(".", 554)]


def test_bad_content_changes_nothing() -> None:
    engine = connected()
    engine.send([MailFrom(A), RcptTo(B), DataCommand()])
    events(engine, b"250 a\r\n250 b\r\n354 c\r\n")
    with pytest.raises(ValueError, match="bare CR or LF"):
        engine.content(b"a\nb")
    assert not engine.pending
    assert engine.content(b"ok")


def test_chunks() -> None:
    engine = connected()
    parts = engine.send(
        [MailFrom(A), RcptTo(B), Bdat(b"one\r\n", last=False), Bdat(b"two\r\n", last=True), MailFrom(B)]
    )
    wire = b"BDAT 5\r\none\r\nBDAT 5 LAST\r\ntwo\r\nMAIL FROM:<b@example.com>\r\n"
    assert joined(parts).endswith(wire)
    assert [word for word, _ in events(engine, b"250 x\r\n" * 5)] == ["MAIL", "RCPT", "BDAT", "BDAT LAST", "MAIL"]


def test_nothing_to_say() -> None:
    engine = connected()
    assert engine.send([]) == b""
    assert engine.send(None) == b""


ENVELOPE: list[Command] = [MailFrom(A), RcptTo(B)]


@pytest.mark.parametrize(
    "first", [Ehlo("x"), Helo("x"), Lhlo("x"), StartTls(), DataCommand(), Vrfy("x"), Noop(), AuthCommand("LOGIN")]
)
def test_some_commands_end_a_group(first: Command) -> None:
    engine = connected()
    for behind in (Rset(), Quit(), first):
        with pytest.raises(ValueError, match="waiting"):
            engine.send([first, behind])
    assert engine.idle, "a refused batch leaves nothing behind"
    engine.send([first])
    with pytest.raises(ValueError, match="waiting"):
        engine.send([Rset()])


def test_order_is_kept() -> None:
    engine = client.ClientEngine()
    with pytest.raises(ValueError, match="before the greeting"):
        engine.send([Ehlo("x")])
    engine = connected()
    for command in (Content(b"x"), Dot(), AuthResponse(b"x")):
        with pytest.raises(ValueError, match="ready"):
            engine.send([command])
    engine.send([*ENVELOPE, DataCommand()])
    events(engine, b"250 a\r\n250 b\r\n354 c\r\n")
    with pytest.raises(ValueError, match="after the 354"):
        engine.send([Quit()])
    assert not engine.idle
    engine.content(b"x")
    engine.send([Quit()])
    with pytest.raises(ValueError, match="after QUIT"):
        engine.send([Noop()])
    assert events(engine, b"250 x\r\n221 bye\r\n") == [(".", 250), ("QUIT", 221)]


def test_one_at_a_time_without_pipelining() -> None:
    engine = connected(b"250 mx.example\r\n")
    with pytest.raises(ValueError, match="PIPELINING"):
        engine.send(ENVELOPE)
    engine.send([MailFrom(A)])
    with pytest.raises(ValueError, match="PIPELINING"):
        engine.send([RcptTo(B)])
    assert events(engine, b"250 a\r\n") == [("MAIL", 250)]
    assert engine.send([RcptTo(B)])


def test_helo_offers_nothing() -> None:
    engine = connected()
    assert engine.extensions.pipelining
    engine.send([Helo("x")])
    assert events(engine, b"250-mx\r\n250 PIPELINING\r\n") == [("HELO", 250)]
    assert engine.extensions == client.Extensions()


@pytest.mark.parametrize("code", [220, 250, 421, 451, 554])
def test_any_greeting_but_3xx(code: int) -> None:
    assert events(client.ClientEngine(), b"%d x\r\n" % code) == [("Greeting", code)]


def test_a_greeting_of_3xx() -> None:
    with pytest.raises(PeerError, match="nobody asked"):
        events(client.ClientEngine(), b"354 x\r\n")


def test_nobody_asked() -> None:
    with pytest.raises(PeerError, match="nobody asked"):
        events(client.ClientEngine(), b"220 x\r\n250 y\r\n")
    engine = connected()
    engine.send([MailFrom(A)])
    with pytest.raises(PeerError, match="nobody asked"):
        events(engine, b"250 x\r\n250 too early\r\n")


def test_an_unasked_421_is_an_event() -> None:
    assert events(client.ClientEngine(), b"220 x\r\n421 y\r\n") == [("Greeting", 220), ("Unsolicited", 421)]
    engine = connected()
    assert events(engine, b"421 4.3.2 closing\r\n") == [("Unsolicited", 421)]
    engine.send([MailFrom(A)])
    assert events(engine, b"421 x\r\n421 y\r\n") == [("MAIL", 421), ("Unsolicited", 421)]
    engine.send([RcptTo(B), DataCommand()])
    assert events(engine, b"250 x\r\n354 go\r\n421 not\r\n") == [("RCPT", 250), ("DATA", 354), ("Unsolicited", 421)]


def test_the_end_of_the_stream() -> None:
    engine = connected()
    assert engine.next_event() is NEED_DATA
    engine.send(ENVELOPE)
    engine.receive(b"250 a\r\n250 half")
    engine.receive(b"")
    assert isinstance(engine.next_event(), client.Answer)
    assert engine.next_event() is CLOSED
    assert list(engine.pending) == ["RCPT"]


@pytest.mark.parametrize("lmtp", [False, True])
@pytest.mark.parametrize(
    ("commands", "replies"),
    [
        ([MailFrom(A)], b"354 x\r\n"),
        ([RcptTo(A)], b"354 x\r\n"),
        ([Rset()], b"334 x\r\n"),
        ([Noop()], b"354 x\r\n"),
        ([Quit()], b"354 x\r\n"),
        ([Ehlo("x")], b"354 x\r\n"),
        ([StartTls()], b"354 x\r\n"),
        ([DataCommand()], b"250 x\r\n"),
        ([DataCommand()], b"334 x\r\n"),
        ([AuthCommand("LOGIN")], b"354 x\r\n"),
        ([Bdat(b"", last=True)], b"354 x\r\n"),
    ],
)
def test_a_reply_that_cannot_be_this_commands(commands: list[Command], replies: bytes, lmtp: bool) -> None:
    engine = connected(lmtp=lmtp)
    engine.send(commands)
    with pytest.raises(PeerError):
        events(engine, replies)


def test_data_refused() -> None:
    engine = connected()
    engine.send([*ENVELOPE, DataCommand()])
    assert events(engine, b"250 a\r\n550 b\r\n503 c\r\n")[-1] == ("DATA", 503)
    assert engine.idle


# ---- STARTTLS


def test_starttls_forgets_what_was_said_before() -> None:
    engine = connected()
    engine.send([StartTls()])
    engine.receive(b"220 go\r\n")
    assert isinstance(engine.next_event(), client.Answer)
    assert engine.next_event() is PAUSED
    with pytest.raises(ValueError, match="before TLS"):
        engine.send([Ehlo("x")])
    assert engine.send(None) == b""
    engine.tls_started()
    assert engine.extensions == client.Extensions()
    with pytest.raises(ValueError, match="PIPELINING"):
        engine.send(ENVELOPE)
    engine.send([Ehlo("x")])
    assert events(engine, b"250 x\r\n") == [("EHLO", 250)]


@pytest.mark.parametrize("behind", [b"250 injected\r\n", b"2", b"\r\n", b"250-a\r\n"])
@pytest.mark.parametrize("apart", [False, True])
def test_plaintext_behind_the_220_is_refused(behind: bytes, apart: bool) -> None:
    """The response injection of CVE-2011-0411's class: it would be taken for the answer to the EHLO inside TLS."""
    engine = connected()
    engine.send([StartTls()])
    for chunk in (b"220 go\r\n", behind) if apart else (b"220 go\r\n" + behind,):
        engine.receive(chunk)
    assert isinstance(engine.next_event(), client.Answer)
    assert engine.next_event() is PAUSED
    with pytest.raises(PeerError, match="plaintext"):
        engine.tls_started()


def test_starttls_refused() -> None:
    engine = connected()
    engine.send([StartTls()])
    assert events(engine, b"454 not now\r\n") == [("STARTTLS", 454)]
    assert engine.extensions.pipelining
    assert engine.idle


def test_implicit_tls_comes_before_the_greeting() -> None:
    engine = client.ClientEngine()
    engine.tls_started()
    assert events(engine, b"220 x\r\n") == [("Greeting", 220)]


# ---- AUTH


def test_auth() -> None:
    engine = connected()
    engine.send([AuthCommand("LOGIN")])
    engine.receive(b"334 VXNlcm5hbWU6\r\n")
    event = engine.next_event()
    assert isinstance(event, client.Answer)
    assert client.challenge(event.reply) == b"Username:"
    with pytest.raises(ValueError, match="after a 334"):
        engine.send([Rset()])
    assert engine.send([AuthResponse(b"a")]) == b"YQ==\r\n"
    assert events(engine, b"334 \r\n") == [("AUTH", 334)]
    engine.send([AuthResponse(None)])
    assert events(engine, b"501 cancelled\r\n") == [("AUTH", 501)]
    assert engine.idle


@pytest.mark.parametrize(("raw", "data"), [("", b""), ("eA==", b"x")])
def test_a_challenge(raw: str, data: bytes) -> None:
    assert client.challenge(client.PeerReply(334, "", (raw,))) == data


@pytest.mark.parametrize("raw", ["eA=", "e A==", "*", "é", "eA==\\x00"])
def test_a_challenge_that_is_no_base64(raw: str) -> None:
    with pytest.raises(PeerError, match="base64"):
        client.challenge(client.PeerReply(334, "", (raw,)))


# ---- LMTP


def test_lmtp_answers_for_each_accepted_recipient() -> None:
    engine = connected(lmtp=True)
    envelope = [MailFrom(A), RcptTo(A), RcptTo(B), RcptTo(C), DataCommand()]
    engine.send(envelope)
    events(engine, b"250 a\r\n250 b\r\n550 c\r\n250 d\r\n354 e\r\n")
    engine.send([Content(b"x"), *envelope])
    assert events(engine, b"250 ok\r\n") == [(".", 250)]
    assert engine.pending[0] == "."
    assert events(engine, b"452 full\r\n250 a\r\n250 b\r\n550 c\r\n550 d\r\n354 e\r\n")[:2] == [
        (".", 452),
        ("MAIL", 250),
    ]
    engine.content(b"y")
    assert events(engine, b"250 ok\r\n") == [(".", 250)]
    assert engine.idle


def test_lmtp_counts_anew_after_rset_and_mail() -> None:
    engine = connected(lmtp=True)
    engine.send([MailFrom(A), RcptTo(A), Rset(), MailFrom(A), RcptTo(A), MailFrom(A), DataCommand()])
    replies = b"250 mail\r\n250 rcpt\r\n250 rset\r\n250 mail\r\n250 rcpt\r\n503 nested\r\n354 go\r\n"
    events(engine, replies)
    engine.content(b"x")
    assert events(engine, b"250 ok\r\n") == [(".", 250)]
    assert engine.idle


def test_lmtp_invites_nobody_without_a_recipient() -> None:
    engine = connected(lmtp=True)
    engine.send([MailFrom(A), RcptTo(B), DataCommand()])
    with pytest.raises(PeerError, match="without an accepted recipient"):
        events(engine, b"250 a\r\n550 b\r\n354 go\r\n")


def test_lmtp_chunks_without_a_recipient_have_one_reply() -> None:
    engine = connected(lmtp=True)
    engine.send([MailFrom(A), RcptTo(B), Bdat(b"x", last=True)])
    assert events(engine, b"250 a\r\n550 b\r\n503 no\r\n")[-1] == ("BDAT LAST", 503)
    assert engine.idle
