"""Exchange: one connection's logging in: SASL steps, or a name and password said plainly; answers by value.

Made by a session when its client first logs in.
Never logs or keeps a secret; never tells an unknown name from a wrong password, by answer or by time.
Fails with what a check raises that is broken (a full disk, a bug): the door says its "later" with an id.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping

from hatoba.directory.access import Protocol
from hatoba.directory.credentials import Checked
from hatoba.doors.login import answers, lockout
from hatoba.doors.login.login import Login
from hatoba.model.status import PeerError
from hatoba.net.session import Later
from hatoba.wire import sasl


class Exchange:
    """`network` is kit.networks.counted of the client's address; `log(event, **fields)` writes a line of the session,
    which knows its door and client. `secured`: TLS stands, `bindings` are net.tls.bindings of it.

    `begin`, then `respond` until the answer is no Challenge; or `password`. One at a time.

    A Later is awaited by the pump before the client's next word is read, so nothing else is called meanwhile.
    """

    __slots__ = (
        "_bindings",
        "_log",
        "_login",
        "_mechanism",
        "_network",
        "_proofs",
        "_protocol",
        "_refused",
        "_sasl",
        "_secured",
    )

    def __init__(
        self,
        login: Login,
        protocol: Protocol,
        network: str,
        log: Callable[..., object],
        *,
        secured: bool,
        bindings: Mapping[str, bytes] = {},
    ) -> None:
        self._login = login
        self._protocol = protocol
        self._network = network
        self._log = log
        self._secured = secured
        self._bindings = bindings if login.settings.channel_binding else {}
        self._mechanism = ""
        self._sasl: sasl.ServerExchange | None = None
        self._refused: tuple[str, str] | None = None  # whose token, and why, until the client has answered
        self._proofs: list[str] = [""]  # the passwords that SCRAM's verifiers are of: ids of app passwords, "" its own

    @property
    def running(self) -> bool:
        """The client's next line is a response and no command."""
        return self._sasl is not None

    def begin(self, mechanism: str, initial: bytes | None) -> answers.Said:
        """Starts a mechanism (upper case); `initial` is the first response, decoded, None when there was none."""
        if self._shut():
            return answers.Shut()
        login = self._login
        if mechanism not in login.mechanisms(secured=self._secured, bindable=bool(self._bindings)):
            return answers.Unoffered()
        self._mechanism = mechanism
        self._refused = None
        nonce = secrets.token_urlsafe(18)
        self._sasl = sasl.server(mechanism, nonce=nonce, secret=login.secret, bindings=self._bindings)
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
            return self._failed(exchange, step.reason)
        if isinstance(step, sasl.Proved):
            credentials = self._login.directory.credentials
            return self._end(step.name, credentials.admit(step.name, self._protocol, self._proofs[step.which]))
        return self._claimed(step)

    def _failed(self, exchange: sasl.ServerExchange, reason: str) -> answers.Said:
        """The log hears why somebody could not have come in with any proof, or why the token was refused."""
        if isinstance(exchange, sasl.ScramServer) and exchange.name:
            reason = self._login.directory.credentials.admit(exchange.name, self._protocol).reason or reason
            return self._wrong(exchange.name, reason)
        return self._wrong(*(self._refused or ("", reason)))

    def _claimed(self, claim: sasl.Claim) -> answers.Said:
        login = self._login
        if lockout.locked(login.counters, login.settings, self._network, claim.name, login.clock()):
            self._sasl = None
            self._log("login locked out", name=claim.name)
            return answers.Locked()
        if claim.kind == "scram":
            assert isinstance(self._sasl, sasl.ScramServer)  # noqa: S101 # the only one that claims so
            found = login.directory.credentials.verifiers(claim.name, self._protocol)
            self._proofs = [password for password, _ in found]
            return answers.Challenge(self._sasl.verifier(*[verifier for _, verifier in found]).data)
        if len(login.checking) >= login.settings.waiting:
            self._sasl = None
            return answers.Busy()
        checking = self._check(claim)
        login.checking.add(checking)
        checking.add_done_callback(login.checking.discard)
        return Later(checking, lambda future: self._checked(claim, future))

    def _check(self, claim: sasl.Claim) -> asyncio.Future[Checked]:
        """Whose account the password or token opens: found outside the loop."""
        login = self._login
        if claim.kind == "token":
            return asyncio.ensure_future(self._token(claim))
        verify = login.directory.credentials.verify
        return asyncio.get_running_loop().run_in_executor(
            login.threads, verify, claim.name, claim.secret, login.clock(), self._protocol
        )

    async def _token(self, claim: sasl.Claim) -> Checked:
        login = self._login
        assert login.tokens is not None  # noqa: S101 # else the mechanism is not offered
        key = await login.tokens(claim.name, claim.secret)
        return login.directory.credentials.admit(key, self._protocol) if key else Checked(None, reason="wrong token")

    def _checked(self, claim: sasl.Claim, checking: asyncio.Future[Checked]) -> answers.Said:
        checked = checking.result()
        if checked.account is None and isinstance(self._sasl, sasl.Bearer):
            self._refused = (claim.name, checked.reason)
            return answers.Challenge(self._sasl.refuse().data)  # answered, then wrong  # RFC 7628 §3.2.3
        return self._end(claim.name, checked)

    def _end(self, name: str, checked: Checked) -> answers.Said:
        """In, or wrong."""
        account = checked.account
        if account is None:
            return self._wrong(name, checked.reason)
        self._sasl = None
        self._note(account.key, checked.password)
        used = {"app_password": checked.password} if checked.password else {}
        self._log("login", account=account.key, mechanism=self._mechanism, **used)
        return answers.In(account.key, name, self._mechanism, checked.password)

    def _note(self, key: str, password: str) -> None:
        """The last login, written down in a thread that nobody waits for."""
        login = self._login
        credentials, now = login.directory.credentials, login.clock()
        if credentials.due(key, self._protocol, password, now):
            loop = asyncio.get_running_loop()
            loop.run_in_executor(login.threads, credentials.note, key, self._protocol, password, now)

    def _wrong(self, name: str, reason: str) -> answers.Said:
        self._sasl = None
        login = self._login
        seconds = lockout.failed(login.counters, login.settings, self._network, name, login.clock())
        self._log("login failed", name=name, mechanism=self._mechanism, reason=reason)
        return Later(lockout.pause(seconds), lambda _future: answers.Wrong())
