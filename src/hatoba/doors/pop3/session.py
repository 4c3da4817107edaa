"""Session: what the pump asks of a POP3 connection, and the table that leads each event to its verb.

Driven by net.pump; made by door for each connection.
Never holds a command's rule: those stand in the verbs' own files.
An error of ours is an -ERR with an id, and the connection closes; nothing is deleted then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hatoba.doors.pop3 import capa, dele, greet, listing, login, retr, translate, words
from hatoba.doors.pop3.state import State
from hatoba.model.status import PeerError
from hatoba.net.pump import Pump
from hatoba.wire.pop3 import events
from hatoba.wire.pop3.reply import Reply

VERBS: dict[type, Callable[[Any, Any], Any]] = {
    events.Retr: retr.retr,
    events.Top: retr.top,
    events.Dele: dele.dele,
    events.Stat: listing.stat,
    events.List: listing.list_,
    events.Uidl: listing.uidl,
    events.Noop: capa.noop,
    events.Rset: dele.rset,
    events.Quit: dele.quit_,
    events.Capa: capa.capa,
    events.Utf8: capa.utf8,
    events.Lang: capa.lang,
    events.Stls: capa.stls,
    events.User: login.user,
    events.Pass: login.password,
    events.Auth: login.auth,
    events.AuthData: login.auth_data,
    events.Mechanisms: login.mechanisms,
    events.Malformed: translate.malformed,
}


class Session(State):
    """See net.session.Session for the verbs."""

    __slots__ = ()

    def opened(self, pump: Pump) -> Reply:
        self.pump = pump
        return greet.opened(self)

    def on(self, event: Any) -> Any:
        """One event. Hot."""
        self.house.counts.commands += 1
        if self.draining and not self.gone:
            self.why = "shutdown"
            return words.SHUTDOWN
        return VERBS[event.__class__](self, event)

    def tls_started(self, tls: str) -> None:
        greet.secured(self, tls)

    def timed_out(self) -> None:
        """Cut without a word.  # RFC 1939 §3"""
        self.house.counts.timeouts += 1
        self.why = "idle" if self.account else "too slow to log in"

    def peer_error(self, error: PeerError) -> Reply:
        self.house.counts.malformed += 1
        self.why = str(error)
        return Reply(False, error.status.text or "Protocol error")

    def fault(self, error_id: str) -> Reply:
        self.house.counts.faults += 1
        self.why = f"fault {error_id}"
        return Reply(False, f"Internal error {error_id}, try again later", "SYS/TEMP", "close")

    def drain(self) -> None:
        """The door is being closed: who has marked nothing is told so now, the others have their time to QUIT."""
        self.draining = True
        if not self.gone and not self.pump.waiting:
            self.why = "shutdown"
            self.pump.push(words.SHUTDOWN)

    def closed(self, error: BaseException | None) -> None:
        if not self.started:
            return  # it never came to the first word
        self.exchange = None
        self.drop = None
        greet.gone(self)
        self.log(
            "session ended",
            tls=self.tls,
            account=self.account,
            retrieved=len(self.seen),
            deleted=len(self.gone) if self.why == "quit" else 0,
            seconds=round(self.pump.now() - self.started, 3),
            why=self.why or (type(error).__name__ if error is not None else "closed by the client"),
        )
