"""Courier: the room's front desk: tells the site of an address, makes the channel of a lane, owns what they share.

Called by queue (route, channel, close) and by app (which makes the one Courier of a worker).
Never takes a job itself, and never writes to a queue.
Fails with model.Refusal from `route` when there is no way (5.1.2, 5.1.10, 5.4.6) or none now (4.4.3).
"""

import asyncio
from collections.abc import Awaitable

from hatoba.delivery.feed import Channel, Feed
from hatoba.delivery.site import Site
from hatoba.model.address import Address


class Courier:
    """One per worker."""

    def route(self, address: Address) -> Site | Awaitable[Site]:
        """The site of a recipient: at once when the domain is known, else something to await (one DNS walk).

        Both raise Refusal(status): 5.1.2 no such domain, 5.1.10 null MX, 5.1.3 bad literal, 5.4.6 we are its best MX,
        4.4.3 DNS trouble. `via = "error"` gives a Site of kind "error", whose channel ends each job with that status.
        Hot: <= 1 us when known.
        """
        raise NotImplementedError

    def channel(self, site: Site, feed: Feed) -> Channel:
        """A new channel for a lane. One lane, one channel; close it when the lane is dropped."""
        raise NotImplementedError

    def close(self, grace: float = 20.0) -> "asyncio.Future[None]":
        """Close every channel, as `Channel.close`."""
        raise NotImplementedError
