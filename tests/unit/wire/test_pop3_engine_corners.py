"""wire.pop3: what scripts cannot say: answers without an event, TLS, input ahead of an answer, CAPA after login."""

import pytest

from hatoba.model.status import PeerError
from hatoba.wire.engine import CLOSED, NEED_DATA, PAUSED
from hatoba.wire.pop3 import content, events, faults, languages, offer, states
from hatoba.wire.pop3.reply import Challenge, Data, Reply
from hatoba.wire.pop3.server import ServerEngine

OK = Reply(True)


def engine(**offered: object) -> ServerEngine:
    return ServerEngine(offer.Offer().replace(**offered), offer.Limits(ahead=50))


def said(one: ServerEngine, line: bytes, answer: Reply | Challenge | Data = OK) -> object:
    one.receive(line + b"\r\n")
    event = one.next_event()
    one.send(answer)
    return event


def test_a_greeting_and_none_change_nothing() -> None:
    one = engine(user=True)
    assert one.send(Reply(True, "hello")) == b"+OK hello\r\n"
    one.receive(b"USER a\r\nPASS b c\r\n")
    assert one.next_event() == events.User("a")
    assert one.next_event() is PAUSED
    assert one.send(None) == b""
    assert one.next_event() is PAUSED
    assert one.send(OK) == b"+OK\r\n"
    assert one.next_event() == events.Pass("a", "b c")
    assert "b c" not in repr(events.Pass("a", "b c"))


def test_tls_begins_anew() -> None:
    one = engine(tls=True, user=True)
    assert said(one, b"USER a") == events.User("a")
    one.words = languages.JA
    assert said(one, b"STLS", Reply(True, "Begin", then="tls")) == events.Stls()
    assert one.next_event() is PAUSED
    one.tls_started()
    assert said(one, b"PASS b", Reply(False)) == faults.NEED_USER
    assert one.next_event() is NEED_DATA
    assert not one.words


def test_plaintext_behind_stls_is_an_error() -> None:
    one = engine(tls=True)
    said(one, b"STLS", Reply(True, then="tls"))
    one.receive(b"USER a\r\n")
    with pytest.raises(PeerError):
        one.tls_started()


def test_too_much_ahead_of_an_answer() -> None:
    one = engine()
    one.receive(b"CAPA\r\n")
    one.next_event()
    with pytest.raises(PeerError):
        one.receive(b"x" * 51)


def test_a_list_of_mechanisms_logs_nobody_in() -> None:
    one = engine(mechanisms=("PLAIN",))
    assert said(one, b"AUTH", OK) == events.Mechanisms()
    assert said(one, b"STAT", faults.LOG_IN.reply) == faults.LOG_IN


def test_an_exchange_ends_in_the_maildrop_or_not_at_all() -> None:
    one = engine(mechanisms=("PLAIN",))
    assert said(one, b"AUTH PLAIN", Challenge(b"x")) == events.Auth("PLAIN", None)
    assert said(one, b"AAAA", Challenge(b"y")) == events.AuthData(b"\0\0\0")
    assert said(one, b"*", Reply(False)) == events.AuthData(None)
    assert said(one, b"AUTH PLAIN =", Reply(True)) == events.Auth("PLAIN", b"")
    assert said(one, b"RETR 7", Data(b"+OK\r\n.\r\n")) == events.Retr(7)
    assert said(one, b"QUIT", Reply(False, "not all removed", "SYS/TEMP")) == events.Quit(True)
    assert one.next_event() is CLOSED
    assert one.send(OK) == b""


def test_a_quit_before_login_updates_nothing() -> None:
    assert said(engine(), b"quit", Reply(True, then="close")) == events.Quit(False)


def test_a_letter_goes_out_before_the_next_event() -> None:
    one = engine(user=True)
    said(one, b"USER a")
    said(one, b"PASS b")
    one.receive(b"RETR 1\r\nRETR 2\r\n")
    one.next_event()
    assert one.send(content.letter(b"a\r\n", 3)) == [b"+OK 3 octets\r\na\r\n.\r\n"]
    assert one.next_event() == events.Retr(2)


def test_the_end_of_the_stream_closes() -> None:
    one = engine()
    one.receive(b"CAPA\r\nQUI")
    one.receive(b"")
    assert one.next_event() == events.Capa()
    one.send(offer.capabilities(one.offer, False))
    assert one.next_event() is CLOSED
    one.receive(b"T\r\n")
    assert one.next_event() is CLOSED


def test_capabilities_after_login_offer_no_tls() -> None:
    offered = offer.Offer(tls=True, mechanisms=("SCRAM-SHA-256",))
    assert b"\r\nSTLS\r\n" in offer.capabilities(offered, False).wire
    assert b"\r\nSTLS\r\n" not in offer.capabilities(offered, True).wire


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("ja", "ja"),
        ("JA-jp", "ja"),
        ("*", "en"),
        ("i-default", "en"),
        ("en-GB", "en"),
        ("i-klingon", None),
        ("de", None),
    ],
)
def test_languages(tag: str, language: str | None) -> None:
    assert languages.choose(tag) == language


def test_every_text_of_the_engine_has_its_translation() -> None:
    texts = {fault.reply.text for fault in vars(faults).values() if isinstance(fault, events.Malformed)}
    assert texts == set(languages.JA)


def test_every_verb_of_the_table_leads_to_a_state() -> None:
    ends = {state for row in states.NEXT.values() for state in row.values()}
    assert ends == {*states.NEXT, states.OVER}


def test_replies_are_values() -> None:
    assert Reply(True, "a") == Reply(True, "a") != Reply(True, "b")
    assert len({Reply(True, "a"), Reply(True, "a"), Reply(True, "a").closing()}) == 2
    assert repr(Reply(False, "a", "AUTH")) == "Reply(False, 'a', 'AUTH', then='')"
    with pytest.raises(ValueError, match="no response code"):
        Reply(True, "", "NONE")


def test_a_long_list_comes_in_pieces() -> None:
    pieces = list(content.listing(b"%d x" % n for n in range(2500)))
    assert len(pieces) == 3
    assert b"".join(pieces) == b"".join(b"%d x\r\n" % n for n in range(2500)) + b".\r\n"
    assert list(content.listing(())) == [b".\r\n"]
