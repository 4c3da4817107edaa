"""State: one ManageSieve session's memory: the client and its account.

Held by session; the verbs are functions on it.
Never talks to the transport; never logs a secret or a script.
Fails never.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hatoba.doors.sieve import words
from hatoba.doors.sieve.place import Place
from hatoba.wire.managesieve.server import ServerEngine

if TYPE_CHECKING:
    from hatoba.doors.login.exchange import Exchange
    from hatoba.net.pump import Pump
    from hatoba.wire.managesieve.reply import Reply


class State:
    """`account` is "" until somebody is logged in."""

    __slots__ = (
        "account", "counted", "draining", "engine", "errors", "exchange", "house", "ip", "network", "place", "pump",
        "started", "tls", "why",
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
        self.errors = 0
        self.counted: list[str] = []  # what was taken of the shared counters
        self.started = 0.0
        self.draining = False
        self.why = ""  # the word for the end of the session in the log

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
