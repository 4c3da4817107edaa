"""State: one POP3 session's memory: the client, its account, its maildrop and what it has marked.

Held by session; the verbs are functions on it.
Never talks to the transport; never logs a secret or content.
Fails never.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hatoba.doors.pop3 import words
from hatoba.doors.pop3.ahead import Ahead
from hatoba.doors.pop3.place import Place
from hatoba.wire.pop3.server import ServerEngine

if TYPE_CHECKING:
    from hatoba.doors.login.exchange import Exchange
    from hatoba.mailboxes.maildrop import Maildrop
    from hatoba.net.pump import Pump
    from hatoba.wire.pop3.reply import Reply


class State:
    """`gone` and `seen` are the numbers of letters that QUIT is to remove and to mark."""

    __slots__ = (
        "account", "ahead", "counted", "draining", "drop", "engine", "errors", "exchange", "gone", "house", "ip",
        "network", "place", "pump", "seen", "started", "tls", "why",
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
        self.exchange: Exchange | None = None
        self.drop: Maildrop | None = None
        self.ahead = Ahead()
        self.gone: set[int] = set()
        self.seen: set[int] = set()
        self.errors = 0
        self.counted: list[str] = []  # what was taken of the shared counters
        self.started = 0.0
        self.draining = False
        self.why = ""  # the word for the end of the session in the log

    @property
    def open(self) -> Maildrop:
        """The maildrop; the engine lets commands of the TRANSACTION state through only where there is one."""
        assert self.drop is not None  # noqa: S101 # see above
        return self.drop

    def has(self, number: int) -> bool:
        """There is a letter of this number, and it is not marked as deleted."""
        return 0 < number <= self.open.count and number not in self.gone

    def left(self) -> list[int]:
        """The numbers of all letters that are not marked as deleted."""
        return [number for number in range(1, self.open.count + 1) if number not in self.gone]

    def erred(self, said: Reply) -> Reply:
        """`said`, counted; the last one if there were too many."""
        self.errors += 1
        if self.errors > self.house.settings.errors:
            self.why = "too many errors"
            return words.TOO_MANY_ERRORS
        return said

    def log(self, event: str, **fields: Any) -> None:
        """One line about this session."""
        self.house.log.info(event, door=self.place.kind, ip=self.ip, **fields)
