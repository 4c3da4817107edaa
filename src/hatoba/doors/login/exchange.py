"""Exchange: one connection's logging in: SASL steps, or a name and password said plainly; answers by value.

Made by a session when its client first logs in.
Never logs or keeps a secret; never tells an unknown name from a wrong password, by answer or by time.
Fails with what a check raises that is broken (a full disk, a bug): the door says its "later" with an id.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from hatoba.doors.login import answers, lockout
from hatoba.doors.login.login import Login, Word
from hatoba.model.status import PeerError
from hatoba.net.session import Later
from hatoba.wire import sasl


class Exchange:
    """`network` is kit.networks.counted of the client's address, `secured` whether TLS stands; `log(event, **fields)`
    writes a line of the session, which knows its door and client. `begin`, then `respond` until the answer is no
    Challenge; or `password`. One at a time.

    A Later is awaited by the pump before the client's next word is read, so nothing else is called meanwhile.
    """

    __slots__ = ("_log", "_login", "_mechanism", "_network", "_protocol", "_sasl", "_secured")

    def __init__(
        self, login: Login, protocol: Word, network: str, log: Callable[..., object], *, secured: bool
    ) -> None:
        self._login = login
        self._protocol = protocol
        self._network = network
        self._log = log
        self._secured = secured
        self._mechanism = ""
        self._sasl: sasl.ServerExchange | None = None

    @property
    def running(self) -> bool:
        """The client's next line is a response and no command."""
        return self._sasl is not None

    def begin(self, mechanism: str, initial: bytes | None) -> answers.Said:
        """Starts a mechanism (upper case); `initial` is the first response, decoded, None when there was none."""
        if self._shut():
            return answers.Shut()
        login = self._login
        if mechanism not in login.mechanisms(secured=self._secured):
            return answers.Unoffered()
        self._mechanism = mechanism
        self._sasl = sasl.server(mechanism, nonce=secrets.token_urlsafe(18), secret=login.secret)
        return self._step(initial)

    def respond(self, data: bytes | None) -> answers.Said:
        """The client's next response, decoded; None for its "*"."""
        if data is None:
            self._sasl = None
            return answers.Cancelled()
        return self._step(data)

    def password(self, name: str, password: str, mechanism: str = "plain") -> answers.Said:
        """A name and a password as IMAP's LOGIN and POP3's USER and PASS say them; `mechanism` is for the log."""
        if self._shut():
            return answers.Shut()
        if not self._secured:
            return answers.Unoffered()
        self._mechanism = mechanism
        step = sasl.password(name, "", password)
        return self._wrong(name, step.reason) if isinstance(step, sasl.Failure) else self._claimed(step)

    def _shut(self) -> bool:
        login = self._login
        if not lockout.shut(login.counters, login.settings, self._network, login.clock()):
            return False
        self._log("network locked out")
        return True

    def _step(self, response: bytes | None) -> answers.Said:
        exchange = self._sasl
        assert exchange is not None  # noqa: S101 # the engines give responses only within an exchange
        try:
            step = exchange.step(response)
        except PeerError:
            self._sasl = None
            return answers.Malformed()
        if isinstance(step, sasl.Challenge):
            return answers.Challenge(step.data)
        if isinstance(step, sasl.Failure):
            return self._wrong(exchange.name if isinstance(exchange, sasl.ScramServer) else "", step.reason)
        if isinstance(step, sasl.Proved):
            account = self._login.directory.login(step.name)
            if account is None or not account.enabled:
                return self._wrong(step.name, "no such account in use")
            return self._right(account.key, step.name)
        return self._claimed(step)

    def _claimed(self, claim: sasl.Claim) -> answers.Said:
        login = self._login
        if lockout.locked(login.counters, login.settings, self._network, claim.name, login.clock()):
            self._sasl = None
            self._log("login locked out", name=claim.name)
            return answers.Locked()
        if claim.kind == "scram":
            assert isinstance(self._sasl, sasl.ScramServer)  # noqa: S101 # the only one that claims so
            return answers.Challenge(self._sasl.verifier(login.directory.verifier(claim.name)).data)
        if len(login.checking) >= login.settings.waiting:
            self._sasl = None
            return answers.Busy()
        checking = self._check(claim)
        login.checking.add(checking)
        checking.add_done_callback(login.checking.discard)
        return Later(checking, lambda future: self._checked(claim, future))

    def _check(self, claim: sasl.Claim) -> asyncio.Future[str]:
        """Whose account the password or token opens (its key), "" for nobody: found outside the loop."""
        login = self._login
        if claim.kind == "token":
            assert login.tokens is not None  # noqa: S101 # else the mechanism is not offered
            return asyncio.ensure_future(login.tokens(claim.name, claim.secret))
        return asyncio.get_running_loop().run_in_executor(login.threads, self._verify, claim, login.clock())

    def _verify(self, claim: sasl.Claim, now: int) -> str:
        """In a thread."""
        account = self._login.directory.verify(claim.name, claim.secret, now)
        return account.key if account is not None else ""

    def _checked(self, claim: sasl.Claim, checking: asyncio.Future[str]) -> answers.Said:
        key = checking.result()
        if key:
            return self._right(key, claim.name)
        if isinstance(self._sasl, sasl.Bearer):
            return answers.Challenge(self._sasl.refuse().data)  # answered, then wrong  # RFC 7628 §3.2.3
        return self._wrong(claim.name, "wrong credentials")

    def _right(self, key: str, name: str) -> answers.In:
        self._sasl = None
        self._log("login", account=key, mechanism=self._mechanism)
        return answers.In(key, name, self._mechanism)

    def _wrong(self, name: str, reason: str) -> answers.Said:
        self._sasl = None
        login = self._login
        seconds = lockout.failed(login.counters, login.settings, self._network, name, login.clock())
        self._log("login failed", name=name, mechanism=self._mechanism, reason=reason)
        return Later(lockout.pause(seconds), lambda _future: answers.Wrong())
