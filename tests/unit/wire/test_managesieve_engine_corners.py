"""wire.managesieve: what scripts cannot say: answers without an event, TLS, capabilities with an owner."""

import pytest

from hatoba.model.status import PeerError
from hatoba.wire.engine import CLOSED, NEED_DATA, PAUSED
from hatoba.wire.managesieve import events, faults, offer, states
from hatoba.wire.managesieve.reply import Challenge, Data, Reply, string
from hatoba.wire.managesieve.server import ServerEngine

OK = Reply("OK")


def said(one: ServerEngine, line: bytes, answer: Reply | Challenge | Data = OK) -> object:
    one.receive(line + b"\r\n")
    event = one.next_event()
    one.send(answer)
    return event


def test_a_greeting_and_none_change_nothing() -> None:
    one = ServerEngine(offer.Offer(), offer.Limits())
    assert one.send(offer.capabilities(one.offer, OK))[-1:] != b""
    one.receive(b"NOOP\r\n")
    assert one.next_event() == events.Noop(None)
    assert one.next_event() is PAUSED
    assert one.send(None) == b""
    assert one.next_event() is PAUSED
    assert one.send(OK) == b"OK\r\n"
    assert one.next_event() is NEED_DATA


def test_tls_begins_anew() -> None:
    one = ServerEngine(offer.Offer(tls=True, mechanisms=("PLAIN",)), offer.Limits())
    assert said(one, b'AUTHENTICATE "PLAIN" ""') == events.Authenticate("PLAIN", b"")
    assert said(one, b"STARTTLS", faults.LOGGED_IN.reply) == faults.LOGGED_IN
    assert said(one, b"UNAUTHENTICATE") == events.Unauthenticate()
    assert said(one, b"STARTTLS", Reply("OK", then="tls")) == events.StartTls()
    assert one.next_event() is PAUSED
    one.tls_started()
    assert said(one, b"LISTSCRIPTS", faults.LOG_IN.reply) == faults.LOG_IN


def test_plaintext_behind_starttls_is_an_error() -> None:
    one = ServerEngine(offer.Offer(tls=True), offer.Limits())
    said(one, b"STARTTLS", Reply("OK", then="tls"))
    one.receive(b"NOOP\r\n")
    with pytest.raises(PeerError):
        one.tls_started()


def test_an_exchange_of_several_steps() -> None:
    one = ServerEngine(offer.Offer(mechanisms=("LOGIN",)), offer.Limits())
    assert said(one, b'AUTHENTICATE "LOGIN"', Challenge(b"User")) == events.Authenticate("LOGIN", None)
    assert said(one, b'"AAAA"', Challenge(b"Pass")) == events.Response(b"\0\0\0")
    assert said(one, b'""', Reply("NO")) == events.Response(b"")
    assert said(one, b'""', faults.UNKNOWN.reply) != events.Response(b"")


def test_a_fault_in_an_exchange_ends_it() -> None:
    one = ServerEngine(offer.Offer(mechanisms=("PLAIN",)), offer.Limits(string=10))
    said(one, b'AUTHENTICATE "PLAIN"', Challenge(b""))
    assert said(one, b"{11+}\r\n" + b"A" * 11, faults.TOO_LARGE.reply) == faults.TOO_LARGE
    assert said(one, b"NOOP") == events.Noop(None)


def test_the_end_of_the_stream_closes() -> None:
    one = ServerEngine(offer.Offer(), offer.Limits())
    one.receive(b"NOOP\r\nNOOP {5+}\r\nab")
    one.receive(b"")
    assert one.next_event() == events.Noop(None)
    one.send(OK)
    assert one.next_event() is CLOSED
    assert one.send(OK) == b""


def test_capabilities() -> None:
    full = offer.Offer("x", True, ("PLAIN",), "reject", "mailto", 4, 'a"b').replace(implementation="y")
    assert offer.capabilities(full, OK).wire == (
        b'"IMPLEMENTATION" "y"\r\n"SASL" "PLAIN"\r\n"SIEVE" "reject"\r\n"STARTTLS"\r\n"MAXREDIRECTS" "4"\r\n'
        b'"NOTIFY" "mailto"\r\n"UNAUTHENTICATE"\r\n"OWNER" "a\\"b"\r\n"VERSION" "1.0"\r\nOK\r\n'
    )


def test_every_verb_of_the_table_leads_to_a_state() -> None:
    assert {state for row in states.NEXT.values() for state in row.values()} == {*states.NEXT, states.OVER}


def test_replies_are_values() -> None:
    assert Reply("OK", "a") == Reply("OK", "a") != Reply("NO", "a")
    assert len({Reply("OK", "a"), Reply("OK", "a")}) == 1
    assert Reply("BYE").then == "close"
    assert repr(Reply("NO", "a", "QUOTA")) == "Reply('NO', 'a', 'QUOTA', then='')"
    assert Challenge(b"x").wire == b'"eA=="\r\n'
    assert string(b"x" * 1025) == b"{1025}\r\n" + b"x" * 1025
    assert string("a\r\nb") == b"{4}\r\na\r\nb"
    with pytest.raises(ValueError, match="no status"):
        Reply("MAYBE")
