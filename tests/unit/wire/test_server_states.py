"""wire.smtp.states and faults: the table and the moves."""

import pytest

from hatoba.wire.smtp import faults, states
from hatoba.wire.smtp.events import Mail
from hatoba.wire.smtp.states import Dialogue


def test_the_table_is_closed() -> None:
    for row in states.NEXT.values():
        assert set(row.values()) <= set(states.NEXT)
        assert {"EHLO", "HELO", "LHLO", "RSET", "NOOP", "QUIT"} <= set(row)


@pytest.mark.parametrize(
    ("state", "verb", "reply"),
    [
        (states.GREET, "MAIL", states.SAY_HELLO),
        (states.READY, "RCPT", states.NEED_MAIL),
        (states.MAIL, "DATA", states.NEED_RCPT),
        (states.MAIL, "AUTH", states.NESTED),
        (states.RCPT, "MAIL", states.NESTED),
        (states.CHUNKS, "DATA", states.IN_CHUNKS),
    ],
)
def test_why(state: str, verb: str, reply: object) -> None:
    assert verb not in states.NEXT[state]
    assert states.why(state, verb) == reply


def moved(*moves: tuple[str, int]) -> Dialogue:
    at = Dialogue()
    for verb, code in moves:
        if verb == "MAIL":
            at.mail = Mail(None)
        at.move(verb, code)
    return at


ENVELOPE = (("EHLO", 250), ("MAIL", 250), ("RCPT", 550), ("RCPT", 250), ("RCPT", 251))


def test_a_transaction() -> None:
    at = moved(*ENVELOPE)
    assert (at.state, at.extended, at.accepted, at.refused) == (states.RCPT, True, 2, 1)
    for verb, code in ((".", 250), (".", 451), ("BDAT", 552), ("RSET", 250), ("EHLO", 250)):
        at = moved(*ENVELOPE, (verb, code))
        assert (at.state, at.mail, at.accepted, at.refused) == (states.READY, None, 0, 0)


def test_refusals_leave_the_state() -> None:
    assert moved(("EHLO", 421)).state == states.GREET
    at = moved(("HELO", 250), ("MAIL", 550))
    assert (at.state, at.extended, at.mail) == (states.READY, False, None)
    assert moved(*ENVELOPE, ("RSET", 421), ("DATA", 451)).state == states.RCPT


def test_chunks_auth_and_a_new_beginning() -> None:
    assert moved(*ENVELOPE, ("BDAT", 250)).state == states.CHUNKS
    assert moved(("EHLO", 250), ("AUTH", 235)).authenticated
    assert not moved(("EHLO", 250), ("AUTH", 535)).authenticated
    assert not moved(("EHLO", 250), ("AUTH", 334)).authenticated
    at = moved(("EHLO", 250), ("AUTH", 235), ("XCLIENT", 220))
    assert (at.state, at.authenticated, at.extended) == (states.GREET, False, False)


def test_strange_verbs() -> None:
    assert faults.strange("GET") is faults.FOREIGN
    assert faults.strange("ETRN") is faults.ABSENT
    assert faults.strange("XYZZY") is faults.UNKNOWN
