"""AUTH: the SASL exchange, the password checked in a thread, failures slowed and locked out. # RFC 4954

Called by session through its table; the engine lets it through only where it was offered: under TLS.
Never logs or keeps a secret; never tells an unknown name from a wrong password, by words or by time.
Fails with 535 for whatever was wrong, 454 when it cannot be checked now.
"""

from __future__ import annotations

import asyncio
import secrets

from hatoba.directory.directory import Directory
from hatoba.doors.smtp import lockout, words
from hatoba.doors.smtp.state import State
from hatoba.model.status import PeerError
from hatoba.net.session import Later
from hatoba.wire import sasl
from hatoba.wire.smtp import events
from hatoba.wire.smtp.reply import Challenge, Reply

Said = Reply | Challenge | Later


def auth(state: State, event: events.Auth) -> Said:
    """Begins an exchange. # RFC 4954 §4"""
    if lockout.shut(state):
        state.house.counts.locked_out += 1
        state.why = "locked out"
        return words.AUTH_SHUT
    state.mechanism = event.mechanism
    state.exchange = sasl.server(event.mechanism, nonce=secrets.token_urlsafe(18), secret=state.house.secret)
    return _step(state, event.initial)


def auth_data(state: State, event: events.AuthData) -> Said:
    """The client's next response, or its "*"."""
    if event.data is None:
        state.exchange = None
        return state.erred(words.AUTH_CANCELLED)
    return _step(state, event.data)


def _step(state: State, response: bytes | None) -> Said:
    exchange = state.exchange
    assert exchange is not None  # noqa: S101 # the engine gives responses only within an exchange
    try:
        step = exchange.step(response)
    except PeerError:
        state.exchange = None
        return state.erred(words.AUTH_MALFORMED)
    return _come_to(state, step)


def _come_to(state: State, step: sasl.Step) -> Said:
    """What a step of the exchange means."""
    if isinstance(step, sasl.Challenge):
        return Challenge(step.data)
    if isinstance(step, sasl.Failure):
        return _wrong(state, state.exchange.name if isinstance(state.exchange, sasl.ScramServer) else "", step.reason)
    if isinstance(step, sasl.Proved):
        account = state.house.directory.login(step.name)
        if account is None or not account.enabled:
            return _wrong(state, step.name, "no such account in use")
        return _right(state, account.key)
    if lockout.locked(state, step.name):
        state.exchange = None
        state.house.counts.locked_out += 1
        state.log("login locked out", name=step.name)
        return state.erred(words.AUTH_LOCKED)
    if step.kind == "scram":
        assert isinstance(state.exchange, sasl.ScramServer)  # noqa: S101 # the only one that claims so
        return Challenge(state.exchange.verifier(state.house.directory.verifier(step.name)).data)
    return _check(state, step)


def _check(state: State, claim: sasl.Claim) -> Said:
    """A password or a token: checked outside the loop."""
    house = state.house
    if len(house.verifying) >= house.settings.verifying:
        state.exchange = None
        return words.AUTH_BUSY
    checking: asyncio.Future[str]
    if claim.kind == "token":
        assert house.tokens is not None  # noqa: S101 # else the mechanism is not offered
        checking = asyncio.ensure_future(house.tokens(claim.name, claim.secret))
    else:
        loop = asyncio.get_running_loop()
        checking = loop.run_in_executor(house.passwords, _password, house.directory, claim, house.clock())
    house.verifying.add(checking)  # type: ignore[arg-type] # a set of futures of anything
    checking.add_done_callback(house.verifying.discard)
    return Later(checking, lambda future: _checked(state, claim, future))


def _checked(state: State, claim: sasl.Claim, checking: asyncio.Future[str]) -> Said:
    key = checking.result()  # a bug or a broken disk: 451 with an id
    if key:
        return _right(state, key)
    exchange = state.exchange
    if claim.kind == "token" and isinstance(exchange, sasl.Bearer):
        return Challenge(exchange.refuse().data)  # the client answers, then it is told 535  # RFC 7628 §3.2.3
    return _wrong(state, claim.name, "wrong credentials")


def _right(state: State, key: str) -> Reply:
    state.exchange = None
    state.account = key
    state.identify()
    state.house.counts.logins += 1
    state.log("login", account=key, mechanism=state.mechanism)
    return words.AUTH_OK


def _wrong(state: State, name: str, reason: str) -> Said:
    state.exchange = None
    state.house.counts.failed_logins += 1
    seconds = lockout.failed(state, name)
    state.log("login failed", name=name, mechanism=state.mechanism, reason=reason)
    said = state.erred(words.AUTH_WRONG)
    return Later(lockout.pause(seconds), lambda _future: said)


def _password(directory: Directory, claim: sasl.Claim, now: int) -> str:
    """The account's key, "" when the password is not its. In a thread."""
    account = directory.verify(claim.name, claim.secret, now)
    return account.key if account is not None else ""
