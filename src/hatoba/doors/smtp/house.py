"""House: what all SMTP doors of a worker share: the rooms below, the clock, the counters.

Made by app, once a worker; read by every session.
Never decides and never keeps a session: doors register here only to be swept once a second.
Fails never.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from hatoba.directory.directory import Directory
from hatoba.doors.login.login import Login
from hatoba.doors.smtp.counts import Counts
from hatoba.doors.smtp.settings import Settings
from hatoba.intake.desk import Desk
from hatoba.model.envelope import Letter
from hatoba.model.event import Event
from hatoba.net import session
from hatoba.net.asking import Asker
from hatoba.net.headroom import Headroom
from hatoba.net.limits import SharedCounters
from hatoba.net.tls import ServerTls
from hatoba.store.blobs import Draft


class Enqueue(Protocol):
    """queue.Queue.enqueue: done when the letter is on disk; StoreTrouble or ValueError: it is not ours."""

    def __call__(self, letter: Letter, draft: Draft | None = None, /) -> asyncio.Future[None]: ...


class Sign(Protocol):
    """queue.signing.Signing.letter: signs a letter of ours; None when there is nothing to wait for."""

    def __call__(self, letter: Letter, draft: Draft | None, /) -> asyncio.Future[None] | None: ...


class Log(session.Log, Protocol):
    """A structlog logger. A line for each letter is said at level debug only: it costs a third of what taking the
    letter costs, and the journal has it."""

    def debug(self, event: str, /, **fields: object) -> object: ...


class Sweeper(Protocol):
    """A door, as the house sees it."""

    def sweep(self) -> None: ...


@dataclass(frozen=True, slots=True)
class House:
    """`ids()` draws (a new letter's id, ms since 1970); `clock()` gives ms since 1970.

    `tls` None: no listener offers TLS. `login` is shared with the doors of other protocols. `asker` drives the checks
    of the desk, where it has any. `record` puts an event of a refused letter into the journal, sooner or later.
    `sign` None: nothing is signed.
    """

    settings: Settings
    hostname: str
    directory: Directory
    desk: Desk
    enqueue: Enqueue
    ids: Callable[[], tuple[int, int]]
    clock: Callable[[], int]
    counters: SharedCounters
    headroom: Headroom
    login: Login
    log: Log
    tls: ServerTls | None = None
    asker: Asker | None = None
    record: Callable[[Event], object] | None = None
    sign: Sign | None = None
    counts: Counts = field(default_factory=Counts)
    doors: list[Sweeper] = field(default_factory=list)

    def tick(self) -> None:
        """Once a second: ends transactions that take too long, takes over a changed certificate."""
        for door in self.doors:
            door.sweep()
        tls = self.tls
        if tls is not None:
            before = tls.problem
            if tls.reload():
                self.log.info("certificate reloaded")
            elif tls.problem and tls.problem != before:
                self.log.error("certificate not reloaded", problem=tls.problem)
