"""State: one SMTP session's memory: the client, its greeting, TLS, account, open transaction, counters.

Held by session; the verbs are functions on it.
Never talks to the transport; never logs a secret or content.
Fails never.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from hatoba.doors.smtp import translate, words
from hatoba.doors.smtp.place import Place
from hatoba.intake.case import Client
from hatoba.model.envelope import Source
from hatoba.model.status import Status
from hatoba.wire.smtp.server import ServerEngine

if TYPE_CHECKING:
    from hatoba.doors.login.exchange import Exchange
    from hatoba.intake.transaction import Transaction
    from hatoba.model.envelope import Letter
    from hatoba.net.pump import Pump
    from hatoba.wire.smtp.reply import Reply


class State:
    """`source` is made anew whenever who, where or how changes; letters of one state share it."""

    __slots__ = (
        "account", "asking", "client", "counted", "draining", "engine", "errors", "exchange", "helo", "house", "ip",
        "last", "left", "letter", "letters", "network", "place", "port", "pump", "refused", "since",
        "source", "started", "tls", "transaction", "verb", "why", "xclient",
    )  # fmt: skip

    def __init__(self, place: Place, engine: ServerEngine) -> None:
        self.place = place
        self.house = place.house
        self.engine = engine
        self.pump: Pump
        self.ip = ""
        self.network = ""  # what the client is counted by
        self.port = 0  # ours
        self.helo = ""
        self.verb = "EHLO"
        self.tls = ""
        self.account = ""
        self.xclient = False
        self.source = Source(place.kind)
        self.transaction: Transaction | None = None
        self.client = Client()  # what the checks learned of it
        self.asking: asyncio.Future[Any] | None = None  # checks under way
        self.letter: Letter | None = None  # on its way to the disk
        self.last = ""  # the last accepted letter's id, as text
        self.exchange: Exchange | None = None  # a login under way
        self.counted: list[str] = []  # what was taken of the shared counters
        self.left = self.house.settings.commands  # commands that may come before the next accepted letter
        self.errors = 0  # since the last accepted letter
        self.letters = 0
        self.refused = 0
        self.since = 0.0  # loop time of MAIL, or of the connection
        self.started = 0.0
        self.draining = False
        self.why = ""  # the word for the end of the session in the log

    def identify(self) -> None:
        """Something of the source has changed."""
        self.source = Source(self.place.kind, self.ip, self.port, self.helo, self.tls, self.account)

    def drop(self) -> None:
        """The open transaction, if any, comes to nothing."""
        transaction, self.transaction = self.transaction, None
        if transaction is not None:
            transaction.discard()

    def refuse(self, status: Status, *, content: bool = False) -> Reply:
        """The reply that says `status`; counted, and the last one if there were too many."""
        return self.erred(translate.refusal(status, content=content))

    def erred(self, said: Reply) -> Reply:
        """`said`, counted as an error when it is final; 421 instead when there were too many."""
        self.refused += 1
        if said.code >= 500:
            self.errors += 1
            if self.errors > self.house.settings.errors:
                self.why = "too many errors"
                return words.TOO_MANY_ERRORS
        return said

    def log(self, event: str, **fields: Any) -> None:
        """One line about this session."""
        self.house.log.info(event, door=self.place.kind, ip=self.ip, **fields)
