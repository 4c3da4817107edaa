"""Session: a line driven by the pump: answers go to the opening, then to the exchange; every end settles the letters.

Made by dial for each connection. The pump calls its verbs; nothing here waits.
Never writes bytes and never leaves an errand untold: `closed` is always called, once, and settles what is left.
Fails by Outcomes and by `line.ready` (Refused); a bug closes this connection and defers what it carried.
"""

from hatoba.delivery import exchange, opening, parting
from hatoba.delivery.guard import Refused
from hatoba.delivery.line import BUSY, LEAVING, OPENING, RESTING, Line
from hatoba.delivery.verdict import told
from hatoba.model.status import PeerError, Status
from hatoba.net import pump as pumps
from hatoba.net import session as sessions
from hatoba.wire.smtp import client, commands

_STEPS = exchange.STEPS
_Answer, _Greeting = client.Answer, client.Greeting  # looked up for every reply


class Session(Line):
    """See net.session.Session for the verbs."""

    __slots__ = ()

    def opened(self, pump: pumps.Pump) -> opening.Say:
        self.pump = pump
        if pump.tls:  # from the first byte
            word, why = opening.proven(self, pump.tls)
            if word:
                status = Status("4.7.5", f"{self.peer.guard.by}: {why}")
                self.ready.set_exception(Refused(status, result=word, information=why))
                return sessions.Then("close")
        opening.opened(self)
        return None

    def on(self, event: client.Greeting | client.Answer | client.Unsolicited) -> opening.Say:
        """One answer of the peer. Hot while letters go."""
        if event.__class__ is _Answer:
            if self.state is BUSY:
                return _STEPS[event.command](self, event.reply)
            if self.state is OPENING:
                return opening.answered(self, event.command, event.reply)
            return sessions.Then("close")  # LEAVING: the answer to QUIT
        if event.__class__ is _Greeting and self.state is OPENING:
            return opening.greeting(self, event.reply)
        text, status = told(event.reply)  # the peer closes, unasked  # RFC 5321 §3.8
        self.retiring = True
        if self.state is OPENING:
            return opening.refuse(self, status, event.reply)
        if self.state is BUSY:
            self.lost = Status(status.code, f"the peer closed the connection: {text}")
        return sessions.Then("close")

    def tls_started(self, tls: str) -> opening.Say:
        return opening.secured(self, tls)

    def timed_out(self) -> opening.Say:
        """The peer's patience is over, or a resting line's time."""
        if self.state is RESTING:
            self.retiring = True
            self.state = LEAVING
            return [commands.Quit()]
        if self.state is not LEAVING:
            self.lost = Status("4.4.2", f"no answer within {self.patience:g} s, waiting for {self.stage()}")
        return None

    def peer_error(self, error: PeerError) -> None:
        self.lost = Status(error.status.code, f"protocol error of {self.peer.host}: {error.status.text}")

    def fault(self, error_id: str) -> None:
        self.faulty = True
        self.lost = Status("4.3.0", f"internal error {error_id}")

    def closed(self, error: BaseException | None) -> None:
        """The connection is gone: the opening has failed, or letters are settled."""
        state, self.state = self.state, LEAVING
        self.retiring = True
        if not self.ready.done():
            self.ready.set_exception(self._broken(error))
        elif state is BUSY:
            parting.abandon(self, self.lost or Status("4.4.2", f"lost connection while waiting for {self.stage()}"))
        self.owner.gone(self)

    def stage(self) -> str:
        """What is being waited for, in words."""
        pending = self.engine.pending
        if not pending:
            return "the greeting" if self.state is OPENING else "the content to be taken"
        return _STAGES.get(pending[0], f"the reply to {pending[0]}")

    def _broken(self, error: BaseException | None) -> Refused:
        """Why the opening failed."""
        if self.lost is not None:
            return Refused(self.lost)
        refused = opening.bad_tls(self.peer.host, error)
        if refused is not None:
            return refused
        if self._shaking_hands():
            return opening.no_handshake(str(error or "connection closed"))
        reason = f" ({error})" if error is not None and str(error) else ""
        return Refused(Status("4.4.2", f"lost connection while waiting for {self.stage()}{reason}"))

    def _shaking_hands(self) -> bool:
        """Whether the last thing said was STARTTLS, or TLS was to come first: the handshake never ended."""
        if self.peer.implicit_tls:
            return not self.pump.tls
        return len(self.opening) > 1 and self.opening[-2] == "C: STARTTLS" and self.opening[-1].startswith("S: 220")


_STAGES = {
    ".": "the reply to the end of the content",
    "BDAT LAST": "the reply to the content",
    "STARTTLS": "the reply to STARTTLS",
}
