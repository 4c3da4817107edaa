"""Walk: the addresses of a site's hosts, in the order they are to be tried, resolved one host at a time.

Made by channel for each new connection, drawn on by dial. Equal preferences are shuffled anew each time.
Never connects. # RFC 5321 §5.1: the walk goes over all addresses of a host before the next host, within a bound
Fails by ending: `why` then says what DNS said, for a site whose hosts have no address at all.
"""

import ipaddress
import random
from collections.abc import Collection
from itertools import groupby

from hatoba.delivery.site import Host, Site
from hatoba.delivery.source import Sources
from hatoba.model.status import Status
from hatoba.net import dns


class Walk:
    """Up to `most` (host, ip) pairs of a site."""

    def __init__(
        self,
        site: Site,
        resolver: dns.Resolver,
        *,
        own: Collection[str],
        ipv6: bool,
        most: int,
        chance: random.Random,
        sources: Sources,
        loopback: bool,
    ) -> None:
        self._site = site
        self._resolver = resolver
        self._own = own
        self._families = [f for f in ((6, 4) if ipv6 else (4,)) if sources.usable(f)]
        self._left = most
        self._loopback = loopback  # loopback addresses are hosts, not ourselves
        self._hosts = _shuffled(site.hosts, chance)
        self._ready: list[tuple[str, str]] = []
        self._trouble = ""
        self._cut = False  # an address of ours was met: nothing beyond it may be tried
        self._seen: set[str] = set()

    async def next(self) -> tuple[str, str] | None:
        """The next (host, ip); None at the end."""
        while not self._ready:
            if not self._hosts or self._cut or self._left <= 0:
                return None
            await self._resolve(self._hosts.pop(0))
        self._left -= 1
        return self._ready.pop(0)

    def unspent(self) -> None:
        """The last one was not tried: it does not count."""
        self._left += 1

    @property
    def why(self) -> Status:
        """Why nobody could be tried, once the walk has ended without a single address."""
        name = self._site.domain or self._site.name
        if self._trouble:
            return Status("4.4.3", f"DNS did not tell the addresses of the hosts of {name}: {self._trouble}")
        if self._cut:
            return Status("5.4.6", f"mail for {name} loops back to this host: its best MX has our address")
        if self._site.kind != "mx":
            return Status("4.4.4", f"the host of {name} has no address")
        return Status("5.4.4", f"none of the mail hosts of {name} has an address")

    async def _resolve(self, host: Host) -> None:
        """Adds the host's addresses; our own one ends the walk there. # RFC 5321 §5.1 ¶5"""
        addresses: list[str] = []
        literal = _literal(host.name)
        if host.name.startswith("unix:"):
            addresses = [""]  # a socket has no address
        elif literal:
            addresses = [literal]
        else:
            for family in self._families:
                try:
                    answer = await self._resolver.query(host.name, "AAAA" if family == 6 else "A")
                except dns.DnsTrouble as trouble:
                    self._trouble = str(trouble)
                    continue
                addresses.extend(answer.records)
        for ip in addresses:
            if self._is_ours(ip):
                self._cut = True
                self._hosts = []
                self._ready = [pair for pair in self._ready if pair[0] != host.name]
                return
            if ip not in self._seen:
                self._seen.add(ip)
                self._ready.append((host.name, ip))

    def _is_ours(self, ip: str) -> bool:
        if self._site.kind != "mx":
            return False
        if ip in self._own:
            return True
        address = ipaddress.ip_address(ip)
        return not self._loopback and (address.is_loopback or address.is_unspecified)


def _shuffled(hosts: tuple[Host, ...], chance: random.Random) -> list[Host]:
    out: list[Host] = []
    for _, equals in groupby(hosts, key=lambda host: host.preference):
        group = list(equals)
        chance.shuffle(group)
        out += group
    return out


def _literal(name: str) -> str:
    """The name as an address where it is one (a tolerated MX pointing at an IP, a smarthost given as one)."""
    try:
        return str(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        return "127.0.0.1" if name == "localhost" else ""
