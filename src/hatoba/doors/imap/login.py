"""AUTHENTICATE and LOGIN: the exchange is the lodge's (doors.login); here its answers become IMAP's.

Called by session through its table; the engine lets through only what was offered.
Never sees a password for longer than it takes to hand it on.
Fails with NO and a code that says whether to try again later.  # RFC 9051 §6.2.2, §6.2.3
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from hatoba.doors.imap import notify, words
from hatoba.doors.imap.state import State
from hatoba.doors.login import answers
from hatoba.doors.login.exchange import Exchange
from hatoba.wire.imap import codes, events
from hatoba.wire.imap.responses import Challenge, Closing, Tagged


def authenticate(state: State, event: events.Authenticate) -> Any:
    """Begins an exchange."""
    return answers.told(_exchange(state).begin(event.mechanism, event.initial), partial(_say, state, event))


def response(state: State, event: events.Response) -> Any:
    """The client's next response, or its "*"."""
    assert state.exchange is not None  # noqa: S101 # the engine gives responses only within an exchange
    return answers.told(state.exchange.respond(event.data), partial(_say, state, event))


def login(state: State, event: events.Login) -> Any:
    """A name and a password."""
    return answers.told(_exchange(state).password(event.name, event.password, "login"), partial(_say, state, event))


def _exchange(state: State) -> Exchange:
    secured = bool(state.tls) or state.place.cleartext.trust(state.ip)
    bindings = state.pump.bindings() if state.tls else {}
    state.exchange = Exchange(state.house.login, "imap", state.network, state.log, secured=secured, bindings=bindings)
    return state.exchange


def _say(state: State, event: events.Command, answer: answers.Answer) -> Tagged | Challenge | Closing:
    if isinstance(answer, answers.Challenge):
        return Challenge(answer.data)
    state.exchange = None
    counts = state.house.counts
    if isinstance(answer, answers.In):
        return _in(state, event, answer)
    if isinstance(answer, answers.Shut):
        counts.locked_out += 1
        state.why = "locked out"
        return Closing(words.no(event, "Too many failed logins from your network", "UNAVAILABLE"), "Come back later")
    if isinstance(answer, answers.Locked):
        counts.locked_out += 1
    elif isinstance(answer, answers.Wrong):
        counts.failed_logins += 1
    status, text, code = _SAID[type(answer)]
    return Tagged(event.tag, status, text, code)


def _in(state: State, event: events.Command, answer: answers.In) -> Tagged:
    settings, counts = state.house.settings, state.house.counts
    key = "imap account " + answer.account
    if not state.house.counters.take(key, settings.connections_per_account):
        return words.no(event, "Too many connections of this account", "LIMIT")
    state.counted.append(key)
    state.account, state.name = answer.account, answer.name
    counts.logins += 1
    state.pump.set_idle(settings.idle)
    told = state.engine.offer.capabilities(authenticated=True)
    return words.ok(event, "Logged in", codes.capability(told))


def unauthenticate(state: State, event: events.Unauthenticate) -> Tagged:
    """Back to before the login. # RFC 8437"""
    state.leave()
    notify.gone(state)
    key = "imap account " + state.account
    if key in state.counted:
        state.counted.remove(key)
        state.house.counters.give(key)
    state.account = state.name = ""
    state.pump.set_idle(state.house.settings.login)
    return words.ok(event, "Nobody is logged in now")


_SAID: Final[dict[type, tuple[str, str, str]]] = {
    answers.Wrong: ("NO", "Authentication failed", "AUTHENTICATIONFAILED"),
    answers.Locked: ("NO", "Too many failed logins, try again later", "UNAVAILABLE"),
    answers.Busy: ("NO", "Too many logins at the moment, try again later", "UNAVAILABLE"),
    answers.Malformed: ("BAD", "Malformed authentication response", ""),
    answers.Cancelled: ("BAD", "Authentication cancelled", ""),
    answers.Unoffered: ("NO", "Log in under TLS, with a mechanism that is offered", "PRIVACYREQUIRED"),
}
