"""Session: what the pump asks of an SMTP connection, and the table that leads each event to its verb.

Driven by net.pump; made by door for each connection.
Never holds a verb's rule: those stand in the verbs' own files.
An error of ours is 451 4.3.0 with an id, and the connection closes; the client keeps its letter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hatoba.doors.smtp import auth, content, envelope, greet, hello, starttls, translate, words, xclient
from hatoba.doors.smtp.state import State
from hatoba.model.status import PeerError
from hatoba.net.pump import Pump
from hatoba.wire.smtp import events
from hatoba.wire.smtp.reply import Reply

VERBS: dict[type, Callable[[Any, Any], Any]] = {
    events.Mail: envelope.mail,
    events.Rcpt: envelope.rcpt,
    events.Data: content.data,
    events.Content: content.content,
    events.End: content.end,
    events.Hello: hello.hello,
    events.Rset: hello.rset,
    events.Noop: hello.noop,
    events.Help: hello.help_,
    events.Vrfy: hello.vrfy,
    events.Expn: hello.expn,
    events.Quit: hello.quit_,
    events.Malformed: hello.malformed,
    events.StartTls: starttls.starttls,
    events.Auth: auth.auth,
    events.AuthData: auth.auth_data,
    events.Xclient: xclient.xclient,
}

_PIECES = frozenset({events.Content, events.End})  # no commands: their verbs give back what is counted for them


class Session(State):
    """See net.session.Session for the verbs."""

    __slots__ = ()

    def opened(self, pump: Pump) -> Any:
        self.pump = pump
        return greet.opened(self)

    def on(self, event: Any) -> Any:
        """One event. Hot."""
        self.left = left = self.left - 1
        if left < 0 and event.__class__ not in _PIECES:
            self.why = "too many commands"
            return words.TOO_MANY_COMMANDS
        return VERBS[event.__class__](self, event)

    def tls_started(self, tls: str) -> None:
        starttls.started(self, tls)

    def timed_out(self) -> Reply:
        self.house.counts.timeouts += 1
        self.why = "idle"
        return words.IDLE

    def overdue(self) -> None:
        """The transaction takes too long."""
        self.house.counts.timeouts += 1
        self.why = "too slow"
        self.pump.push(words.TOO_LONG)

    def peer_error(self, error: PeerError) -> Reply:
        self.house.counts.malformed += 1
        self.why = str(error)
        return translate.refusal(error.status)

    def fault(self, error_id: str) -> Reply:
        self.house.counts.faults += 1
        self.why = f"fault {error_id}"
        return Reply(451, "4.3.0", f"Internal error {error_id}, try again later", then="close")

    def drain(self) -> None:
        """The door is being closed: an idle session ends now, a busy one with its transaction."""
        self.draining = True
        if self.transaction is None and self.exchange is None and not self.pump.waiting:
            self.why = "shutdown"
            self.pump.push(words.CLOSING)

    def closed(self, error: BaseException | None) -> None:
        if not self.started:
            return  # it never came to the first word
        asking, self.asking = self.asking, None
        if asking is not None:
            asking.cancel()
        self.drop()
        self.exchange = None
        greet.gone(self)
        self.log(
            "session ended",
            helo=self.helo,
            tls=self.tls,
            account=self.account,
            letters=self.letters,
            last=self.last,
            refused=self.refused,
            seconds=round(self.pump.now() - self.started, 3),
            why=self.why or (type(error).__name__ if error is not None else "closed by the client"),
        )
