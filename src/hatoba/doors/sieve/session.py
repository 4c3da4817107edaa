"""Session: what the pump asks of a ManageSieve connection, and the table that leads each event to its verb.

Driven by net.pump; made by door for each connection.
Never holds a command's rule: those stand in the verbs' own files.
An error of ours is a BYE with an id, and the connection closes; what was not answered with OK was not done.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from hatoba.doors.sieve import greet, login, scripts, translate, words
from hatoba.doors.sieve.state import State
from hatoba.model.status import PeerError
from hatoba.net.pump import Pump
from hatoba.wire.managesieve import events
from hatoba.wire.managesieve.reply import Data, Reply

VERBS: dict[type, Callable[[Any, Any], Any]] = {
    events.PutScript: scripts.put,
    events.CheckScript: scripts.check,
    events.HaveSpace: scripts.have_space,
    events.ListScripts: scripts.listed,
    events.GetScript: scripts.get,
    events.SetActive: scripts.activate,
    events.DeleteScript: scripts.delete,
    events.RenameScript: scripts.rename,
    events.Capability: greet.capability,
    events.Authenticate: login.authenticate,
    events.Response: login.response,
    events.Unauthenticate: login.unauthenticate,
    events.StartTls: login.starttls,
    events.Noop: login.noop,
    events.Logout: login.logout,
    events.Malformed: translate.malformed,
}


class Session(State):
    """See net.session.Session for the verbs."""

    __slots__ = ()

    def opened(self, pump: Pump) -> Data | Reply:
        self.pump = pump
        return greet.opened(self)

    def on(self, event: Any) -> Any:
        """One event."""
        self.house.counts.commands += 1
        if self.draining:
            self.why = "shutdown"
            return words.SHUTDOWN
        answer = VERBS[event.__class__](self, event)
        return self._guarded(answer) if inspect.iscoroutine(answer) else answer

    async def _guarded(self, answer: Awaitable[Any]) -> Any:
        try:
            return await answer
        except translate.KNOWN as error:
            return translate.refused(self, error)

    def tls_started(self, tls: str) -> Data:
        return greet.secured(self, tls)

    def timed_out(self) -> Reply:
        self.house.counts.timeouts += 1
        self.why = "idle" if self.account else "too slow to log in"
        return words.IDLE

    def peer_error(self, error: PeerError) -> Reply:
        self.house.counts.malformed += 1
        self.why = str(error)
        return Reply("BYE", error.status.text or "Protocol error")

    def fault(self, error_id: str) -> Reply:
        self.house.counts.faults += 1
        self.why = f"fault {error_id}"
        return Reply("BYE", f"Internal error {error_id}, try again later", "TRYLATER")

    def drain(self) -> None:
        """The door is being closed: an idle session ends now, a busy one at its next command."""
        self.draining = True
        if not self.pump.waiting:
            self.why = "shutdown"
            self.pump.push(words.SHUTDOWN)

    def closed(self, error: BaseException | None) -> None:
        if not self.started:
            return  # it never came to the first word
        self.exchange = None
        greet.gone(self)
        self.log(
            "session ended",
            tls=self.tls,
            account=self.account,
            seconds=round(self.pump.now() - self.started, 3),
            why=self.why or (type(error).__name__ if error is not None else "closed by the client"),
        )
