"""Line: the state of one connection to a peer, what the opening and the exchange both work on, and who owns it.

Made by dial (as its subclass Session); opening and exchange are functions on it; channel is the Owner.
Never decides: it holds, and it counts patience.
Fails in nothing.
"""

import asyncio
from collections.abc import Iterable
from typing import Protocol

from hatoba.delivery import settings as settings_
from hatoba.delivery.errand import Errand, Transaction
from hatoba.delivery.errand import line as line_
from hatoba.delivery.guard import Guard, Proof, Refused
from hatoba.delivery.need import Need
from hatoba.model.envelope import Letter
from hatoba.model.status import Status
from hatoba.net.pump import Pump
from hatoba.net.session import Log
from hatoba.wire import sasl
from hatoba.wire.smtp import commands
from hatoba.wire.smtp.client import ClientEngine
from hatoba.wire.smtp.peer import PeerReply


class Owner(Protocol):
    """The channel, as its lines see it."""

    def clock(self) -> int:
        """Now, in ms since 1970."""

    def chunks(self, letter: Letter) -> Iterable[bytes]:
        """The content of a letter that is kept in a file."""

    def next(self, line: "Line") -> Errand | None:
        """The next errand for this line; None when there is none or the line may take no more. Hot."""

    def done(self, line: "Line", errand: Errand) -> None:
        """Every recipient of the errand has its Outcome. Hot."""

    def back(self, line: "Line", errand: Errand) -> None:
        """The errand was only announced, or the peer ended a used connection before it: it did not happen."""

    def elsewhere(self, line: "Line", errand: Errand, refused: Refused, reply: PeerReply | None) -> None:
        """This host as a whole did not take the errand: another one may, else its recipients are deferred."""

    def rests(self, line: "Line") -> None:
        """The line has nothing to do: it may be started with an errand."""

    def gone(self, line: "Line") -> None:
        """The connection is over; whatever it carried was told before."""


_OPENING_LINES = 60
OPENING, RESTING, BUSY, LEAVING = "opening", "resting", "busy", "leaving"


class Peer:
    """Where a line goes and how: one candidate of a walk, what TLS must be like there, and for whose sake."""

    __slots__ = ("fault", "guard", "host", "implicit_tls", "ip", "lmtp", "need", "port", "route", "source_ip", "unix")

    def __init__(
        self, host: str, ip: str, port: int, need: Need, guard: Guard, route: settings_.Route, *, lmtp: bool
    ) -> None:
        self.host = host
        self.ip = ip
        self.port = port
        self.need = need
        self.guard = guard
        self.fault = ("", "")  # of its certificate, known from before: it is not verified then
        self.route = route
        self.lmtp = lmtp
        self.unix = ""  # a socket's path instead of ip and port
        self.implicit_tls = route.implicit_tls
        self.source_ip = ""


class Line:
    """See the module. Times in seconds; `opening` holds the connection's first lines of dialogue."""

    __slots__ = (
        "ahead", "begun", "cur", "dirty", "engine", "faulty", "fit", "helo", "id", "limits", "log", "lost", "opening",
        "options", "owner", "patience", "peer", "pipelining", "proof", "pump", "ready", "retiring", "sasl", "served",
        "state", "timeouts", "told", "walk",
    )  # fmt: skip

    pump: Pump

    def __init__(
        self,
        owner: Owner,
        peer: Peer,
        options: settings_.Settings,
        limits: settings_.Limits,
        ready: "asyncio.Future[None]",
        log: Log,
        name: str,
        helo: str,
    ) -> None:
        self.owner = owner
        self.peer = peer
        self.options = options
        self.timeouts = options.timeouts
        self.limits = limits
        self.ready = ready  # resolves when letters may go, with Refused when none ever may
        self.log = log
        self.id = name
        self.helo = helo
        self.engine = ClientEngine(lmtp=peer.lmtp)
        self.state = OPENING
        self.opening: list[str] = []
        self.told = False  # the opening was handed out with an attempt
        self.proof = Proof(peer.host, dane=peer.guard.dane)
        self.fit: dict[Need, str | None] = {}  # how it meets each need it was held against, None: not at all
        self.pipelining = False
        self.sasl: sasl.ClientExchange | None = None
        self.cur: Transaction | None = None
        self.ahead: Transaction | None = None  # announced behind the content of `cur`
        self.begun = 0  # errands begun
        self.served = 0  # transactions the peer gave a last answer to
        self.dirty = False  # the peer still holds a transaction: RSET before the next MAIL
        self.retiring = False  # no further errand
        self.patience = 0.0
        self.lost: Status | None = None  # why the connection ends, when we know
        self.faulty = False  # by a bug of ours
        self.walk: object = None  # the rest of the walk that led here; channel's

    def note(self, mark: str, text: str) -> None:
        """A line of the opening; `mark` is "C", "S" or "*" for what happened."""
        if len(self.opening) < _OPENING_LINES:
            self.opening.append(line_(mark, text))

    def say(self, command: commands.Command) -> list[commands.Command]:
        """One command of the opening, noted without its secrets."""
        self.note("C", command.shown)
        return [command]

    def wait(self, seconds: float) -> None:
        """From now on the peer has this long for each word. Free when nothing changes."""
        if seconds != self.patience:
            self.patience = seconds
            self.pump.set_idle(seconds)
