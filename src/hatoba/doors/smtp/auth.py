"""AUTH: the exchange is the lodge's (doors.login); here its answers become SMTP's. # RFC 4954

Called by session through its table; the engine lets it through only where it was offered: under TLS.
Never sees a password for longer than it takes to hand it on.
Fails with 535 for whatever was wrong, 454 when it cannot be checked now.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from hatoba.doors.login import answers
from hatoba.doors.login.exchange import Exchange
from hatoba.doors.smtp import words
from hatoba.doors.smtp.state import State
from hatoba.wire.smtp import events
from hatoba.wire.smtp.reply import Challenge, Reply


def auth(state: State, event: events.Auth) -> Any:
    """Begins an exchange. # RFC 4954 §4"""
    state.exchange = Exchange(
        state.house.login,
        "smtp",
        state.network,
        state.log,
        secured=bool(state.tls),
        bindings=state.pump.bindings(),
    )
    return answers.told(state.exchange.begin(event.mechanism, event.initial), partial(_say, state))


def auth_data(state: State, event: events.AuthData) -> Any:
    """The client's next response, or its "*"."""
    assert state.exchange is not None  # noqa: S101 # the engine gives responses only within an exchange
    return answers.told(state.exchange.respond(event.data), partial(_say, state))


def _say(state: State, answer: answers.Answer) -> Reply | Challenge:
    if isinstance(answer, answers.Challenge):
        return Challenge(answer.data)
    state.exchange = None
    if isinstance(answer, answers.In):
        state.account = answer.account
        state.identify()
        state.house.counts.logins += 1
        return words.AUTH_OK
    counts = state.house.counts
    if isinstance(answer, answers.Busy):
        return words.AUTH_BUSY
    if isinstance(answer, answers.Shut):
        counts.locked_out += 1
        state.why = "locked out"
        return words.AUTH_SHUT
    if isinstance(answer, answers.Locked):
        counts.locked_out += 1
    elif isinstance(answer, answers.Wrong):
        counts.failed_logins += 1
    return state.erred(_SAID[type(answer)])


_SAID: Final[dict[type, Reply]] = {
    answers.Wrong: words.AUTH_WRONG,
    answers.Locked: words.AUTH_LOCKED,
    answers.Malformed: words.AUTH_MALFORMED,
    answers.Cancelled: words.AUTH_CANCELLED,
    answers.Unoffered: words.AUTH_UNOFFERED,
}
