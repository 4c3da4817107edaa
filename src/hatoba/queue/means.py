"""Means: what the modules of this room share: settings, clock, chance, the shard, the courier, the gate.

Made once by `Queue`, read everywhere in the room.
Never decides anything; the gate only counts.
Fails in nothing.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from hatoba.delivery import feed
from hatoba.delivery.site import Site
from hatoba.model.address import Address
from hatoba.queue.settings import Settings
from hatoba.store import shard as shard_


class Courier(Protocol):
    """What this room asks of delivery.courier.Courier."""

    def route(self, address: Address) -> Site | Awaitable[Site]: ...

    def channel(self, site: Site, feed: feed.Feed) -> feed.Channel: ...


class Gate:
    """Whether attempts may start at all: not while draining, while the store takes no outcomes, or too many wait.

    `jobs` counts jobs in memory over all lanes, `unsettled` outcomes that are not on disk.
    """

    __slots__ = ("_limit", "draining", "jobs", "stalled", "unsettled")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.draining = False
        self.stalled = ""  # why the store takes nothing, "" when it does
        self.jobs = 0
        self.unsettled = 0

    @property
    def open(self) -> bool:
        return self.unsettled < self._limit and not self.draining and not self.stalled

    def binds(self) -> str:
        """The reason it is shut, for a person; "" when open."""
        if self.draining:
            return "draining"
        if self.stalled:
            return f"store: {self.stalled}"
        return "" if self.unsettled < self._limit else "unsettled outcomes"


class Means:
    """`clock` gives ms since 1970, `draw` a number in [0, 1), `new_id` a fresh letter id."""

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
    ) -> None:
        self.settings = settings
        self.shard = shard
        self.writer = shard.writer
        self.courier = courier
        self.hostname = hostname
        self.clock = clock
        self.draw = draw
        self.new_id = new_id
        self.gate = Gate(settings.unsettled)
        self.log: structlog.stdlib.BoundLogger = structlog.get_logger("hatoba.queue")

    def error_id(self) -> str:
        """Eight characters that join a 4.3.0 with its entry in the log."""
        return f"{int(self.draw() * 0xFFFFFFFF):08x}"
