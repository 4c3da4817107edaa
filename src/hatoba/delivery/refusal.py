"""ErrorChannel: the lane of a route that refuses: every job ends at once with the route's status.

Made by courier for sites of kind "error". Never dials.
Fails in nothing.
"""

import asyncio
from collections.abc import Callable

from hatoba.delivery import feed as feeds
from hatoba.delivery import verdict
from hatoba.delivery.site import Site
from hatoba.model.outcome import DEFERRED, FAILED, Attempt
from hatoba.model.status import Status

_DEFAULT = Status("5.4.4", "there is no way to this destination")


class ErrorChannel:
    """See feed.Channel."""

    def __init__(self, site: Site, feed: feeds.Feed, clock: Callable[[], int]) -> None:
        self._site = site
        self._status = site.status or _DEFAULT
        self._feed = feed
        self._clock = clock
        self.closed = False
        self._told = 0

    def wake(self) -> None:
        """Tells every job that is due."""
        while not self.closed and (job := self._feed.take()) is not None:
            now = self._clock()
            self._told += len(job.indexes)
            outcomes = [verdict.ours(n, self._status) for n in job.indexes]
            self._feed.done(job, Attempt(now, now, self._site.name, outcomes))

    def status(self) -> feeds.ChannelStatus:
        kind = FAILED if self._status.permanent else DEFERRED
        deferred, failed = (self._told, 0) if kind is DEFERRED else (0, self._told)
        return feeds.ChannelStatus(
            self._site.name, "error", 0, 0, 0, 0.0, 0.0, False, 0, "", (str(self._status),), 0, deferred, failed
        )

    def close(self, grace: float = 20.0) -> "asyncio.Future[None]":
        """At once: nothing is under way."""
        self.closed = True
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done
