"""Ground: what all channels of a courier stand on; Keeper and Dial: how a pool sees its channel and a connection.

Made by courier (Ground) and pool (Dial); read by pool, channel and sorter.
Never decides anything.
Fails in nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

from hatoba.delivery import settings as settings_
from hatoba.delivery.dial import Dialler
from hatoba.delivery.errand import Errand
from hatoba.delivery.guard import Refused
from hatoba.delivery.line import Line, Owner
from hatoba.delivery.need import Need
from hatoba.delivery.policies import Policies
from hatoba.delivery.site import Site
from hatoba.delivery.tally import Tally
from hatoba.delivery.walk import Walk
from hatoba.model.envelope import Letter
from hatoba.net import limits as shared
from hatoba.net.session import Log


class Ground:
    """What all channels of a courier stand on."""

    __slots__ = ("chunks", "clock", "counters", "dialler", "log", "options", "policies", "steady", "tally", "walk")

    def __init__(
        self,
        *,
        options: settings_.Settings,
        dialler: Dialler,
        policies: Policies,
        tally: Tally,
        walk: Callable[[Site], Awaitable[Walk]],
        counters: shared.SharedCounters | None,
        chunks: Callable[[Letter], Iterable[bytes]],
        clock: Callable[[], int],
        steady: Callable[[], float],
        log: Log,
    ) -> None:
        self.options = options
        self.dialler = dialler
        self.policies = policies
        self.tally = tally
        self.walk = walk  # a fresh walk over a site's hosts, asked for anew when their time has passed; raises Refusal
        self.counters = counters
        self.chunks = chunks
        self.clock = clock  # ms since 1970
        self.steady = steady  # seconds
        self.log = log


class Keeper(Owner, Protocol):
    """The channel, as its pool sees it."""

    def return_unsent(self, errand: Errand) -> None:
        """The errand did not happen: the feed has it again."""

    async def learn(self, errand: Errand) -> Need:
        """Finds out what TLS must be like for an errand where that is not known; it may lose some recipients by it."""

    def meets(self, line: Line, errand: Errand) -> bool:
        """Whether the line may carry the errand."""

    def unreachable(self, errand: Errand, refused: Refused, said: list[str], *, site: bool) -> None:
        """No host would do; `said` is what they said. `site`: the whole site is meant."""

    def refused(self, refused: Refused) -> None:
        """For the list of last replies."""

    def wake(self) -> None:
        """There may be room now."""


class Dial:
    """A connection being opened, with the errand it is for (which a free line may take over meanwhile)."""

    __slots__ = ("errand", "last", "need", "said", "task", "walk")

    def __init__(self, errand: Errand, walk: Walk | None, last: Refused | None, said: list[str]) -> None:
        self.errand: Errand | None = errand
        self.walk = walk  # the rest of a walk that goes on, None: a new one
        self.last = last  # why it goes on
        self.said = said
        self.need = errand.need
        self.task: asyncio.Task[None] | None = None

    @property
    def special(self) -> bool:
        """It asks more than other letters to the site do."""
        return self.need is None or self.need.special
