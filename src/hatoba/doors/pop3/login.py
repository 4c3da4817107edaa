"""USER, PASS and AUTH: the exchange is the lodge's (doors.login); here its answers become POP3's.

Called by session through its table; the engine lets through only what was offered.
Never sees a password for longer than it takes to hand it on; never tells whether a name exists.
Fails with -ERR [AUTH] for whatever was wrong, [SYS/TEMP] when to come again later.  # RFC 1939 §7, RFC 5034, RFC 3206
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from hatoba.doors.login import answers
from hatoba.doors.login.exchange import Exchange
from hatoba.doors.pop3 import greet, translate, words
from hatoba.doors.pop3.state import State
from hatoba.mailboxes import maildrop
from hatoba.wire.pop3 import content, events
from hatoba.wire.pop3.reply import Challenge, Data, Reply


def user(state: State, event: events.User) -> Reply:
    """Whoever it is."""
    return words.NAMED


def password(state: State, event: events.Pass) -> Any:
    """The password of the name that USER said."""
    return answers.told(_exchange(state).password(event.name, event.secret, "pass"), partial(_say, state))


def auth(state: State, event: events.Auth) -> Any:
    """Begins an exchange."""
    return answers.told(_exchange(state).begin(event.mechanism, event.initial), partial(_say, state))


def auth_data(state: State, event: events.AuthData) -> Any:
    """The client's next response, or its "*"."""
    assert state.exchange is not None  # noqa: S101 # the engine gives responses only within an exchange
    return answers.told(state.exchange.respond(event.data), partial(_say, state))


def mechanisms(state: State, event: events.Mechanisms) -> Data:
    """What AUTH knows, for clients from before CAPA."""
    return content.listed("Mechanisms", state.engine.offer.mechanisms)


def _exchange(state: State) -> Exchange:
    state.exchange = Exchange(
        state.house.login,
        "pop3",
        state.network,
        state.log,
        secured=greet.trusted(state),
        bindings=state.pump.bindings(),
    )
    return state.exchange


def _say(state: State, answer: answers.Answer) -> Any:
    if isinstance(answer, answers.Challenge):
        return Challenge(answer.data)
    state.exchange = None
    counts = state.house.counts
    if isinstance(answer, answers.In):
        return _in(state, answer)
    if isinstance(answer, answers.Shut):
        counts.locked_out += 1
        state.why = "locked out"
        return words.SHUT
    if isinstance(answer, answers.Locked):
        counts.locked_out += 1
    elif isinstance(answer, answers.Wrong):
        counts.failed_logins += 1
    return state.erred(_SAID[type(answer)])


async def _in(state: State, answer: answers.In) -> Reply:
    """Opens the maildrop."""
    settings, counters = state.house.settings, state.house.counters
    key = "pop3 account " + answer.account
    if not counters.take(key, settings.connections_per_account):
        return words.IN_USE
    state.counted.append(key)
    try:
        state.drop = await maildrop.opened(state.house.post, answer.account)
    except translate.KNOWN as error:
        state.counted.remove(key)
        counters.give(key)
        return translate.refused(state, error)
    state.account = answer.account
    state.house.counts.logins += 1
    state.pump.set_idle(settings.idle)
    return words.IN


_SAID: Final[dict[type, Reply]] = {
    answers.Wrong: words.WRONG,
    answers.Locked: words.LOCKED,
    answers.Busy: words.BUSY,
    answers.Malformed: words.MALFORMED,
    answers.Cancelled: words.CANCELLED,
    answers.Unoffered: words.UNOFFERED,
}
