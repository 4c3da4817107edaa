"""Means: what the modules of this room share: settings, clock, chance, the shard, the courier, the gate.

Made once by `Queue`, read everywhere in the room.
Never decides anything; the gate only counts.
Fails in nothing.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from hatoba.delivery import feed
from hatoba.delivery.site import Site
from hatoba.model.address import Address
from hatoba.model.envelope import Letter
from hatoba.queue.settings import Settings
from hatoba.store import shard as shard_
from hatoba.store.contents import Keep


class Courier(Protocol):
    """What this room asks of delivery.courier.Courier."""

    def route(self, address: Address) -> Site | Awaitable[Site]: ...

    def channel(self, site: Site, feed: feed.Feed) -> feed.Channel: ...


class Gate:
    """Whether attempts may start at all: not while draining, while the store takes no outcomes, or too many wait.

    `expires` is the monotonic time at which another may take the shard, None where nobody can. `jobs` counts jobs in
    memory over all lanes, `unsettled` outcomes that are not on disk.
    """

    __slots__ = ("_limit", "draining", "expires", "jobs", "stalled", "unsettled")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.draining = False
        self.expires: float | None = None
        self.stalled = ""  # why the store takes nothing, "" when it does
        self.jobs = 0
        self.unsettled = 0

    @property
    def open(self) -> bool:
        if self.expires is not None and self._expired():
            return False
        return self.unsettled < self._limit and not self.draining and not self.stalled

    def _expired(self) -> bool:
        return self.expires is not None and time.monotonic() >= self.expires

    def binds(self) -> str:
        """The reason it is shut, for a person; "" when open."""
        if self.draining:
            return "draining"
        if self.stalled:
            return f"store: {self.stalled}"
        if self._expired():
            return "the lease of the shard has run out"
        return "" if self.unsettled < self._limit else "unsettled outcomes"


class Means:
    """`clock` gives ms since 1970, `draw` a number in [0, 1), `new_id` a fresh letter id.

    `readdress` gives a letter of our own (a notice) to those that its recipient stands for: aliases, return addresses.
    """

    def __init__(
        self,
        settings: Settings,
        shard: shard_.Shard,
        courier: Courier,
        *,
        hostname: str,
        clock: Callable[[], int],
        draw: Callable[[], float],
        new_id: Callable[[], int],
        readdress: Callable[[Letter], Letter] | None = None,
    ) -> None:
        self.readdress = readdress or _as_it_stands
        self.settings = settings
        self.shard = shard
        self.writer = shard.writer
        self.courier = courier
        self.hostname = hostname
        self.clock = clock
        self.draw = draw
        self.new_id = new_id
        self.gate = Gate(settings.unsettled)
        self.keep: Keep | None = None  # what the audit keeps of each letter
        self.log: structlog.stdlib.BoundLogger = structlog.get_logger("hatoba.queue")

    def error_id(self) -> str:
        """Eight characters that join a 4.3.0 with its entry in the log."""
        return f"{int(self.draw() * 0xFFFFFFFF):08x}"


def _as_it_stands(letter: Letter) -> Letter:
    """For those who know no aliases."""
    return letter
