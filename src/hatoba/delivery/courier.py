"""Courier: the room's front desk: tells the site of an address, makes the channel of a lane, owns what they share.

Called by queue (route, channel, close) and by app (which makes the one Courier of a worker).
Never takes a job itself, and never writes to a queue.
Fails with model.Refusal from `route` when there is no way (5.1.2, 5.1.10, 5.1.3, 5.4.6) or none now (4.4.3);
with ValueError when made from settings that contradict themselves.
"""

import asyncio
import random
import socket
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol

from hatoba.delivery import channel, dial, ground, keeper, policies, refusal, route, source, sts, walk
from hatoba.delivery import local as local_
from hatoba.delivery import settings as settings_
from hatoba.delivery import survey as surveys
from hatoba.delivery import tally as tally_
from hatoba.delivery.feed import Channel, ChannelStatus, Feed
from hatoba.delivery.site import Site
from hatoba.model.address import Address
from hatoba.model.envelope import Letter
from hatoba.net import dns
from hatoba.net import limits as shared
from hatoba.net.session import Log

_PRUNE = 256  # channels before the closed ones among them are looked for


class Directory(route.Domains, local_.Accounts, Protocol):
    """What delivery asks of the directory: domain(name), account(address), home(hostname)."""


def _clock() -> int:
    return time.time_ns() // 1_000_000


class Courier:
    """One per worker. Use it on one event loop.

    `keep` is where letters for those who live here go; `chunks(letter)` gives the content of a letter kept in a blob
    (`functools.partial(spool.chunks, shard.blobs)`); `counters` are the limits shared by all workers, None for one
    alone; `hostname` is said in EHLO unless settings.helo says otherwise. `rules` are the [[tls_policy]]; `cache` has
    the MTA-STS policies, None for none.
    """

    def __init__(
        self,
        settings: settings_.Settings,
        routes: Sequence[settings_.Route],
        resolver: dns.Resolver,
        directory: Directory,
        *,
        hostname: str,
        keep: keeper.Keeper,
        chunks: Callable[[Letter], Iterable[bytes]],
        log: Log,
        counters: shared.SharedCounters | None = None,
        rules: Sequence[settings_.TlsPolicy] = (),
        cache: sts.Cache | None = None,
        chance: random.Random | None = None,
        clock: Callable[[], int] = _clock,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        for each in routes:
            check(each)
        for rule in rules:
            check_rule(rule)
        self._settings = settings
        self._resolver = resolver
        self._directory = directory
        self._hostname = hostname
        self._keep = keep
        self._chunks = chunks
        self._log = log
        self._clock = clock
        self._chance = chance or random.Random()  # noqa: S311 # the order of equal MX hosts is no secret
        self._own = frozenset(name.lower() for name in (*settings.own_names, hostname, settings.helo) if name)
        self._router = route.Router(
            tuple(routes), settings, resolver, directory, self._own, learn=self._learn, steady=steady
        )
        self.policies = policies.Policies(
            settings, rules, resolver, cache, floor=self._router.floor, steady=steady, log=log
        )
        self.tally = tally_.Tally(clock)
        self._sources = source.Sources(settings.source_ips)
        self._channels: set[Channel] = set()
        self._prune_at = _PRUNE
        self._ground = ground.Ground(
            options=settings,
            dialler=dial.Dialler(settings, self._sources, settings.helo or hostname, resolver, self.tally, log),
            policies=self.policies,
            tally=self.tally,
            walk=self._walk,
            counters=counters,
            chunks=chunks,
            clock=clock,
            steady=steady,
            log=log,
        )

    def route(self, address: Address) -> Site | Awaitable[Site]:
        """The site of a recipient: at once when the domain is known, else something to await (one DNS walk).

        Both raise Refusal(status): 5.1.2 no such domain, 5.1.10 null MX, 5.1.3 bad literal, 5.4.6 we are its best MX,
        4.4.3 DNS trouble. `via = "error"` gives a Site of kind "error", whose channel ends each job with that status.
        Hot: <= 1 us when known.
        """
        return self._router.route(address)

    def channel(self, site: Site, feed: Feed) -> Channel:
        """A new channel for a lane. One lane, one channel; close it when the lane is dropped."""
        made: Channel
        if site.kind == "local":
            made = local_.LocalChannel(
                site.name, feed, self._directory, self._keep,
                hostname=self._hostname, most=self._settings.local_threads, clock=self._clock, log=self._log,
            )  # fmt: skip
        elif site.kind == "error":
            made = refusal.ErrorChannel(site, feed, self._clock)
        else:
            made = channel.RemoteChannel(site, feed, self.limits(site), self._ground)
        if len(self._channels) >= self._prune_at:
            self._prune()
        self._channels.add(made)
        return made

    def _prune(self) -> None:
        """Forgets the channels whose lanes closed them."""
        self._channels = {each for each in self._channels if not each.closed}
        self._prune_at = max(_PRUNE, 2 * len(self._channels))

    def limits(self, site: Site) -> settings_.Limits:
        """What the site is given: the first [[delivery.site]] that matches its name or one of its hosts."""
        for profile in self._settings.site:
            wanted = profile.match.lower()
            names = [site.name, site.domain, *[host.name for host in site.hosts]]
            if any(name == wanted or (wanted[:1] == "." and name.endswith(wanted)) for name in names if name):
                return profile
        return self._settings.limits

    async def survey(self, address: Address, *, connect: bool = True) -> surveys.Survey:
        """What would become of letters to the address's domain, host by host. Refusal when there is no way."""
        where = self.route(address)
        site = await where if isinstance(where, Awaitable) else where
        surveyor = surveys.Surveyor(
            self._ground.dialler, self.policies, self._walk, self.limits(site), self._clock, connect=connect
        )
        return await surveyor.survey(address.domain, site)

    def status(self) -> list[ChannelStatus]:
        """Every channel whose lane lives."""
        self._prune()
        return [each.status() for each in self._channels]

    def close(self, grace: float = 20.0) -> "asyncio.Future[list[None]]":
        """Close every channel, as `Channel.close`; resolves when all are."""
        closing = [made.close(grace) for made in self._channels]
        self._channels.clear()
        return asyncio.ensure_future(self._end(closing))

    async def _end(self, closing: list["asyncio.Future[None]"]) -> list[None]:
        ended = list(await asyncio.gather(*closing))
        await self.policies.close()
        return ended

    def _learn(self, domain: str) -> Awaitable[object]:
        return self.policies.find(domain)

    async def _walk(self, site: Site) -> walk.Walk:
        fresh = await self._router.fresh(site)
        return walk.Walk(
            fresh,
            self._resolver,
            own=self._own,
            ipv6=self._settings.ipv6 and socket.has_ipv6,
            most=self._settings.hosts,
            chance=self._chance,
            sources=self._sources,
            loopback=self._settings.port != 25,
        )


def check(each: settings_.Route) -> None:
    """ValueError for a route that cannot work, with the fix."""
    if each.via in ("smarthost", "lmtp") and not each.host:
        raise ValueError(f'route "{each.match}": via = "{each.via}" needs a host')
    if each.host.startswith("unix:") and each.via != "lmtp":
        raise ValueError(f'route "{each.match}": a unix socket is for via = "lmtp" only')
    if each.username and not (each.password or each.password_file):
        raise ValueError(f'route "{each.match}": username needs password or password_file')
    if not each.match:
        raise ValueError('a route needs a match: a domain, ".domain" or "*"')


def check_rule(rule: settings_.TlsPolicy) -> None:
    """ValueError for a rule of [[tls_policy]] that contradicts itself, with the fix."""
    if not rule.match:
        raise ValueError('a tls_policy needs a match: a domain, ".domain" or "*"')
    if rule.level == "fingerprint" and not rule.fingerprints:
        raise ValueError(f'tls_policy "{rule.match}": level = "fingerprint" needs fingerprints')
    if rule.fingerprints and rule.level != "fingerprint":
        raise ValueError(f'tls_policy "{rule.match}": fingerprints are for level = "fingerprint"')
    if rule.names and rule.level != "verify":
        raise ValueError(f'tls_policy "{rule.match}": names are for level = "verify"')
    for each in rule.fingerprints:
        text = policies.plain_hex(each)
        if len(text) != 64 or not set(text) <= set("0123456789abcdef"):
            raise ValueError(f'tls_policy "{rule.match}": {each!r} is no SHA-256 in hex')
