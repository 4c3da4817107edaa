"""State: one IMAP session's memory: the client, its account, the box that is open, what it waits for.

Held by session; the verbs are functions on it.
Never talks to the transport; never logs a secret or content.
Fails never.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from hatoba.doors.imap.place import Place
from hatoba.wire.imap.server import ServerEngine

if TYPE_CHECKING:
    from hatoba.doors.imap.appending import Appending
    from hatoba.doors.login.exchange import Exchange
    from hatoba.mailboxes.selected import Selected
    from hatoba.net.pump import Pump
    from hatoba.wire.imap.items import Item


class Watching(Protocol):
    """What NOTIFY set up, see notifying.Notifying."""

    @property
    def selected(self) -> bool: ...
    @property
    def delayed(self) -> bool: ...
    @property
    def items(self) -> tuple[Item, ...]: ...
    def resume(self) -> None: ...
    def end(self) -> None: ...


class State:
    """`saved` are the UIDs of the result saved last ("$"); `idling` the tag of an IDLE that has not ended."""

    __slots__ = (
        "account", "appending", "commanding", "counted", "draining", "engine", "exchange", "house", "idling",
        "ip", "name", "network", "notifying", "place", "pump", "saved", "selected", "started", "still",
        "telling", "tls", "why",
    )  # fmt: skip

    def __init__(self, place: Place, engine: ServerEngine) -> None:
        self.place = place
        self.house = place.house
        self.engine = engine
        self.pump: Pump
        self.ip = ""
        self.network = ""  # what the client is counted by
        self.tls = ""
        self.account = ""
        self.name = ""  # as it was said at the login
        self.exchange: Exchange | None = None
        self.selected: Selected | None = None
        self.saved: list[int] = []
        self.appending: Appending | None = None
        self.notifying: Watching | None = None
        self.idling = ""
        self.commanding = False  # a command's answer is under way: nothing may be said in between
        self.telling: asyncio.Task[None] | None = None  # an idle client is being told something at the moment
        self.still: asyncio.TimerHandle | None = None  # the next sign of life to an idle client
        self.counted: list[str] = []  # what was taken of the shared counters
        self.started = 0.0
        self.draining = False
        self.why = ""  # the word for the end of the session in the log

    @property
    def listening(self) -> bool:
        """The client hears of changes while no command is under way."""
        return bool(self.idling) or (self.notifying is not None and self.notifying.selected and not self.commanding)

    @property
    def tells_expunges(self) -> bool:
        """Whether it may be told then that letters are gone. # RFC 5465 §5.2"""
        return bool(self.idling) or (self.notifying is not None and not self.notifying.delayed)

    def heard(self) -> None:
        """The box that is open has changed: session says so where the client listens."""

    @property
    def open(self) -> Selected:
        """The box that is open; the engine lets commands of the selected state through only where there is one."""
        assert self.selected is not None  # noqa: S101 # see above
        return self.selected

    def enter(self, selected: Selected) -> None:
        """Opens a box; whatever changes in it from now on is heard of."""
        self.selected = selected
        self.saved = []
        selected.watch(self.heard)

    def leave(self) -> None:
        """No box is open any more."""
        selected, self.selected = self.selected, None
        self.saved = []
        if selected is not None:
            selected.leave()

    def log(self, event: str, **fields: Any) -> None:
        """One line about this session."""
        self.house.log.info(event, door=self.place.kind, ip=self.ip, **fields)
