"""AUTHENTICATE, UNAUTHENTICATE, STARTTLS, NOOP and LOGOUT.

Called by session through its table; the engine lets through only what was offered.
Never sees a password for longer than it takes to hand it to the lodge (doors.login).
Fails with NO; TRYLATER where it may succeed later.  # RFC 5804 §2.1 to §2.4, §2.13, §2.14
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from hatoba.doors.login import answers
from hatoba.doors.login.exchange import Exchange
from hatoba.doors.sieve import greet, words
from hatoba.doors.sieve.state import State
from hatoba.wire.managesieve import events
from hatoba.wire.managesieve.reply import Challenge, Reply, string


def authenticate(state: State, event: events.Authenticate) -> Any:
    """Begins an exchange."""
    state.exchange = Exchange(
        state.house.login,
        "sieve",
        state.network,
        state.log,
        secured=greet.trusted(state),
        bindings=state.pump.bindings(),
    )
    return answers.told(state.exchange.begin(event.mechanism, event.initial), partial(_say, state))


def response(state: State, event: events.Response) -> Any:
    """The client's next response, or its "*"."""
    assert state.exchange is not None  # noqa: S101 # the engine gives responses only within an exchange
    return answers.told(state.exchange.respond(event.data), partial(_say, state))


def _say(state: State, answer: answers.Answer) -> Reply | Challenge:
    if isinstance(answer, answers.Challenge):
        return Challenge(answer.data)
    state.exchange = None
    counts = state.house.counts
    if isinstance(answer, answers.In):
        state.account = answer.account
        counts.logins += 1
        state.pump.set_idle(state.house.settings.idle)
        greet.offered(state)
        return words.IN
    if isinstance(answer, answers.Shut):
        counts.locked_out += 1
        state.why = "locked out"
        return words.SHUT
    if isinstance(answer, answers.Locked):
        counts.locked_out += 1
    elif isinstance(answer, answers.Wrong):
        counts.failed_logins += 1
    return state.erred(_SAID[type(answer)])


def unauthenticate(state: State, event: events.Unauthenticate) -> Reply:
    """Back to before the login, under the same TLS.  # RFC 5804 §2.14"""
    state.account = ""
    state.pump.set_idle(state.house.settings.login)
    greet.offered(state)
    return words.OUT


def starttls(state: State, event: events.StartTls) -> Reply:
    """OK and the handshake."""
    tls = state.house.tls
    if tls is None:
        return words.NO_TLS_NOW
    state.pump.set_tls_context(tls.context)
    return words.START_TLS


def noop(state: State, event: events.Noop) -> Reply:
    """A tag comes back, so that a client finds its place.  # RFC 5804 §2.13"""
    return words.OK if event.tag is None else Reply("OK", "Done", f"TAG {string(event.tag).decode()}")


def logout(state: State, event: events.Logout) -> Reply:
    state.why = "logout"
    return words.BYE


_SAID: Final[dict[type, Reply]] = {
    answers.Wrong: words.WRONG,
    answers.Locked: words.LOCKED,
    answers.Busy: words.BUSY,
    answers.Malformed: words.MALFORMED,
    answers.Cancelled: words.CANCELLED,
    answers.Unoffered: words.UNOFFERED,
}
