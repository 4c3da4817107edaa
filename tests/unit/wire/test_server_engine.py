"""wire.smtp.server: what the dialogue scripts do not show: pauses, answers, TLS, LMTP, bounds, the vectors."""

import json
import os
from pathlib import Path

import pytest

from hatoba.model.address import Address
from hatoba.model.status import PeerError
from hatoba.wire.engine import CLOSED, NEED_DATA, PAUSED, Signal
from hatoba.wire.smtp import data, events, faults, offer
from hatoba.wire.smtp.offer import Limits, Offer
from hatoba.wire.smtp.reply import Challenge, Reply
from hatoba.wire.smtp.server import ServerEngine

SHARED = Path(os.environ.get("HATOBA_SHARED", Path(__file__).parents[4] / "shared"))
OK = Reply(250, "2.0.0", "Ok")
NO = Reply(550, "5.0.0", "No")
GO_AHEAD = Reply(354, "", "Go ahead")
TLS = Reply(220, "2.0.0", "Go ahead", then="tls")
ENVELOPE = (b"MAIL FROM:<a@b.example>\r\n", b"RCPT TO:<c@d.example>\r\n")
FULL = Offer(
    "mx.example",
    size=1000000,
    tls=True,
    mechanisms=("PLAIN",),
    requiretls=True,
    futurerelease=10**8,
    deliverby=1,
    priority="MIXER",
    rrvs=True,
)


def engine(offered: Offer = FULL, limits: Limits | None = None, lmtp: bool = False) -> ServerEngine:
    """An engine that was greeted."""
    made = ServerEngine(offered, limits or Limits(), lmtp)
    assert isinstance(say(made, b"LHLO x\r\n" if lmtp else b"EHLO x\r\n", OK), events.Hello)
    return made


def say(made: ServerEngine, line: bytes, answer: Reply | None = None) -> events.Event:
    """The event of a line, answered if an answer is given."""
    made.receive(line)
    event = made.next_event()
    assert not isinstance(event, Signal), event
    if answer is not None:
        made.send(answer)
    return event


def in_data(made: ServerEngine) -> ServerEngine:
    for line in ENVELOPE:
        say(made, line, OK)
    assert say(made, b"DATA\r\n", GO_AHEAD) == events.Data()
    return made


def test_an_event_pauses_until_it_is_answered() -> None:
    made = ServerEngine(FULL, Limits())
    assert made.next_event() is NEED_DATA
    made.receive(b"NOOP\r\nNOOP\r\n")
    assert made.next_event() == events.Noop()
    assert made.next_event() is PAUSED
    assert made.buffered == 6
    assert made.send(None) == b""
    assert made.next_event() is PAUSED
    assert made.send(OK) == OK.wire
    assert made.next_event() == events.Noop()
    made.send(OK)
    assert made.next_event() is NEED_DATA


def test_unsolicited_words_change_nothing() -> None:
    made = ServerEngine(FULL, Limits())
    greeting = Reply(220, "", "mx.example ESMTP")
    assert made.send(greeting) == greeting.wire
    assert say(made, b"MAIL FROM:<>\r\n") == events.Malformed(
        Reply(503, "5.5.1", "Send EHLO or HELO first"), "sequence"
    )


def test_close() -> None:
    made = engine()
    assert made.send(Reply(421, "4.3.2", "Bye", then="close")).startswith(b"421")
    made.receive(b"NOOP\r\n")
    assert made.next_event() is CLOSED
    assert made.buffered == 0
    assert made.send(OK) == b""
    assert made.next_event() is CLOSED


def test_quit_closes_whatever_is_said() -> None:
    made = engine()
    say(made, b"QUIT\r\nNOOP\r\n", OK)
    assert made.next_event() is CLOSED


@pytest.mark.parametrize("rest", [b"", b"NOO"])
def test_end_of_stream(rest: bytes) -> None:
    made = engine()
    made.receive(b"NOOP\r\n" + rest)
    made.receive(b"")
    assert made.next_event() == events.Noop()
    made.send(OK)
    assert made.next_event() is CLOSED
    assert made.next_event() is CLOSED


@pytest.mark.parametrize("data_behind", [b"", b"half a letter"])
def test_end_of_stream_in_content(data_behind: bytes) -> None:
    made = in_data(engine())
    assert made.next_event() is NEED_DATA
    made.receive(data_behind or b"x")
    assert made.next_event() is NEED_DATA
    made.receive(b"")
    assert made.next_event() is CLOSED


def test_too_much_ahead_of_an_answer() -> None:
    made = engine(limits=Limits(ahead=100))
    made.receive(b"NOOP\r\n" * 40)  # one received piece may be larger
    assert made.next_event() == events.Noop()
    with pytest.raises(PeerError):
        made.receive(b"NOOP\r\n")


def test_a_line_too_long_is_skipped_to_its_end() -> None:
    made = engine(limits=Limits(line=50))
    assert say(made, b"NOOP " + b"x" * 45, OK) is faults.LONG_LINE
    assert made.next_event() is NEED_DATA
    made.receive(b"y" * 1000 + b"\nNOOP\r")
    assert made.next_event() is NEED_DATA
    assert made.buffered == 1
    assert say(made, b"\nNOOP\r\n") == events.Noop()


def test_lines_that_are_no_commands() -> None:
    made = engine()
    assert say(made, b"NOOP \xff\r\n", OK) is faults.NOT_UTF8
    assert say(made, b"NOOP\nNOOP\r\n", OK) is faults.BARE
    assert say(made, b"BDAT many\r\n") is faults.BAD_CHUNK
    made.send(faults.BAD_CHUNK.reply)
    assert made.next_event() is CLOSED


def test_bad_base64_ends_the_exchange() -> None:
    made = engine()
    say(made, b"AUTH PLAIN\r\n")
    made.send(Challenge(b""))
    assert say(made, b"###\r\n", OK) is faults.BAD_BASE64
    assert say(made, b"NOOP\r\n") == events.Noop()


def test_xclient_begins_anew() -> None:
    made = engine(FULL.replace(xclient=("ADDR",)))
    assert say(made, b"XCLIENT ADDR=192.0.2.1\r\n", Reply(220, "", "mx.example")) == (
        events.Xclient((("ADDR", "192.0.2.1"),))
    )
    assert isinstance(say(made, ENVELOPE[0]), events.Malformed)


def test_injection_closes() -> None:
    made = engine()
    assert say(made, b"STARTTLS\r\nRSET\r\n") is faults.INJECTION
    made.send(faults.INJECTION.reply)
    assert made.next_event() is CLOSED


def test_refused_data_and_mail() -> None:
    made = engine()
    say(made, ENVELOPE[0], NO)
    assert isinstance(say(made, ENVELOPE[1], OK), events.Malformed)
    say(made, ENVELOPE[0], OK)
    say(made, ENVELOPE[1], NO)
    assert say(made, b"DATA\r\n", NO) is faults.NO_RCPT
    say(made, ENVELOPE[1], OK)
    assert say(made, b"DATA\r\n", NO) == events.Data()
    assert say(made, b"data \r\n", GO_AHEAD) == events.Data()
    assert say(made, b"x\r\n.\r\n", NO) == events.End(b"x\r\n", False, False, 3)
    assert isinstance(say(made, ENVELOPE[1]), events.Malformed)


def test_the_offer_may_change() -> None:
    made = engine()
    made.offer = FULL.replace(dsn=False, mechanisms=(), tls=False, chunking=False)
    assert say(made, b"AUTH PLAIN\r\n", OK) is faults.NO_AUTH
    assert say(made, b"STARTTLS\r\n", OK) is faults.NO_TLS
    assert say(made, b"XCLIENT ADDR=1\r\n", OK) is faults.ABSENT
    assert isinstance(say(made, b"MAIL FROM:<> RET=FULL\r\n", OK), events.Malformed)
    made.offer = FULL.replace(mechanisms=())
    assert say(made, b"AUTH PLAIN\r\n", OK) is faults.AUTH_TLS


def test_auth_wants_ehlo() -> None:
    made = ServerEngine(FULL, Limits())
    say(made, b"HELO x\r\n", OK)
    assert say(made, b"AUTH PLAIN\r\n", OK) is faults.NEED_EHLO
    assert say(made, b"STARTTLS\r\n", OK) is faults.NO_TLS


def test_auth_in_steps() -> None:
    made = engine(limits=Limits(auth_line=40))
    assert say(made, b"AUTH PLAIN\r\n") == events.Auth("PLAIN", None)
    assert made.send(Challenge(b"go")) == b"334 Z28=\r\n"
    assert made.next_event() is NEED_DATA
    made.receive(b"AGE")
    assert made.next_event() is NEED_DATA
    assert say(made, b"AYg==\r\n") == events.AuthData(b"\0a\0b")
    made.send(Challenge(b""))
    assert say(made, b"\r\n") == events.AuthData(b"")
    made.send(Challenge(b""))
    assert say(made, b"*\r\n", Reply(501, "5.7.0", "Cancelled")) == events.AuthData(None)
    assert say(made, b"AUTH PLAIN\r\n") == events.Auth("PLAIN", None)
    made.send(Challenge(b""))
    assert say(made, b"A" * 50, OK) is faults.LONG_RESPONSE
    assert say(made, b"A\r\nAUTH PLAIN AGEAYg==\r\n", Reply(235, "2.7.0", "Ok")) == events.Auth("PLAIN", b"\0a\0b")
    assert say(made, b"AUTH PLAIN\r\n") is faults.AUTH_TWICE


def test_tls_begins_anew() -> None:
    made = engine()
    say(made, b"AUTH PLAIN =\r\n", Reply(235, "2.7.0", "Ok"))
    assert say(made, b"STARTTLS\r\n", TLS) == events.StartTls()
    assert made.next_event() is PAUSED
    made.tls_started()
    assert made.next_event() is NEED_DATA
    assert isinstance(say(made, b"MAIL FROM:<>\r\n", OK), events.Malformed)
    say(made, b"EHLO x\r\n", OK)
    assert say(made, b"AUTH PLAIN\r\n") == events.Auth("PLAIN", None)


def test_plaintext_behind_starttls() -> None:
    made = engine()
    say(made, b"STARTTLS\r\n")
    made.receive(b"RSET\r\n")
    made.send(TLS)
    with pytest.raises(PeerError):
        made.tls_started()


def test_tls_refused_goes_on() -> None:
    made = engine()
    say(made, b"STARTTLS\r\n", Reply(454, "4.7.0", "Not now"))
    assert isinstance(say(made, ENVELOPE[0]), events.Mail)


def test_a_refused_chunk_is_swallowed_first() -> None:
    made = engine()
    made.receive(b"BDAT 10 LAST\r\n01234")
    assert made.next_event() is NEED_DATA
    assert isinstance(say(made, b"56789"), events.Malformed)
    made.send(NO)
    made.receive(b"BDAT 10 LAST\r\n01234")
    made.receive(b"")
    assert made.next_event() is CLOSED
    helo = ServerEngine(FULL, Limits())
    for line in (b"HELO x\r\n", *ENVELOPE):
        say(helo, line, OK)
    assert say(helo, b"BDAT 2\r\nxx") is faults.ABSENT


def test_a_failed_chunk_ends_the_transaction() -> None:
    made = engine(limits=Limits(size=10))
    for line in ENVELOPE:
        say(made, line, OK)
    assert say(made, b"BDAT 5\r\n12345", OK) == events.Content(b"12345", due=True)
    assert say(made, b"BDAT 6\r\n123456") == events.End(b"", False, False, 5, data.TOO_BIG)
    made.send(data.TOO_BIG)
    assert isinstance(say(made, b"BDAT 1 LAST\r\nx", OK), events.Malformed)
    for line in ENVELOPE:
        say(made, line, OK)
    say(made, b"BDAT 1\r\nx", Reply(452, "4.3.1", "Full"))
    assert isinstance(say(made, b"BDAT 1 LAST\r\nx", OK), events.Malformed)
    # what came before a RSET is no part of the next letter
    for line in ENVELOPE:
        say(made, line, OK)
    say(made, b"BDAT 6\r\n123456", OK)
    say(made, b"RSET\r\n", OK)
    for line in ENVELOPE:
        say(made, line, OK)
    assert say(made, b"BDAT 8 LAST\r\n12345678") == events.End(b"12345678", False, False, 8)


def test_pieces_do_not_pause() -> None:
    made = in_data(engine(limits=Limits(spill=8)))
    made.receive(b"12345\r\nabcde\r\nx\r\n.\r\n")
    assert made.next_event() == events.Content(b"12345\r\n", due=False)
    assert made.send(None) == b""
    assert made.next_event() == events.Content(b"abcde\r\n", due=False)
    assert made.next_event() == events.End(b"x\r\n", False, False, 17)


def lmtp(recipients: int) -> ServerEngine:
    made = engine(lmtp=True)
    say(made, ENVELOPE[0], OK)
    say(made, ENVELOPE[1], NO)
    for _ in range(recipients):
        say(made, ENVELOPE[1], OK)
    return made


def test_lmtp_answers_for_each_recipient() -> None:  # RFC 2033 §4.2
    made = lmtp(2)
    say(made, b"DATA\r\n", GO_AHEAD)
    say(made, b"x\r\n.\r\n")
    with pytest.raises(ValueError, match="1 replies where 2"):
        made.send((OK,))
    assert made.send((OK, NO)) == OK.wire + NO.wire
    say(made, ENVELOPE[0], OK)
    made = lmtp(3)
    assert isinstance(say(made, b"BDAT 1 LAST\r\nx"), events.End)
    assert made.send(NO) == NO.wire * 3


def test_lmtp_answers_once_for_a_chunk_that_is_not_the_last() -> None:
    made = lmtp(2)
    assert isinstance(say(made, b"BDAT 3\r\na\nb"), events.End)
    assert made.send(data.BARE) == data.BARE.wire


def test_a_tuple_is_for_content_only() -> None:
    made = engine()
    say(made, b"NOOP\r\n")
    with pytest.raises(ValueError, match="replies"):
        made.send((OK,))
    made = in_data(engine())
    say(made, b".\r\n")
    assert made.send((OK,)) == OK.wire


def test_short_way_in_chunks_and_binary() -> None:
    made = engine()
    say(made, b"MAIL FROM:<a@b.example> BODY=BINARYMIME\r\n", OK)
    say(made, b"RCPT TO:<c@d.example>\r\n", OK)
    assert say(made, b"DATA\r\n", OK) is faults.BINARY_DATA
    say(made, b"BDAT 1\r\n\n", OK)
    assert isinstance(say(made, b"RCPT TO:<c@d.example>\r\n", OK), events.Malformed)


def test_smtputf8_recipient() -> None:
    made = engine()
    say(made, "MAIL FROM:<ä@b.example> SMTPUTF8\r\n".encode(), OK)
    event = say(made, "RCPT TO:<ö@d.example>\r\n".encode())
    assert isinstance(event, events.Rcpt)
    assert event.recipient.address == Address("ö", "d.example")


def test_greeting_helper() -> None:
    made = ServerEngine(FULL, Limits())
    say(made, b"EHLO x\r\n")
    assert made.send(offer.greeting(made.offer)).startswith(b"250-mx.example\r\n250-PIPELINING\r\n")


# Not ours: extensions that are not offered. RET twice is refused where the source of the vectors lets the last win.
NOT_OURS = ("CONPERM", "SOLICIT", "TRANSID", "MTRK", "RET=HDRS RET=FULL", "BURL", "ATRN")


def commands() -> list[dict[str, object]]:
    path = SHARED / "vectors/smtp/data/commands.json"
    if not path.exists():
        return []
    loaded: list[dict[str, object]] = json.loads(path.read_text(encoding="utf-8"))
    return [case for case in loaded if not any(word in str(case["line"]) for word in NOT_OURS)]


@pytest.mark.skipif(not commands(), reason="the shared vectors are not here")
def test_vectors() -> None:
    wrong = []
    for case in commands():
        line = str(case["line"])
        made = engine(lmtp=line.startswith("LHLO"))
        if line.startswith(("RCPT", "BDAT")):
            say(made, ENVELOPE[0], OK)
        if line.startswith("BDAT"):
            say(made, ENVELOPE[1], OK)
        made.receive(line.encode() + b"\r\n")
        event = made.next_event()
        if isinstance(event, events.Malformed):
            good = event.reply.code not in (500, 501, 553, 555) if case["ok"] else event.reply.code >= 400
        else:
            good = bool(case["ok"])
        if not good:
            wrong.append((line, event))
    assert wrong == []
