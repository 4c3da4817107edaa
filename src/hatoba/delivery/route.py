"""Router: an address to its site: by the route table, the directory's local domains, then MX.

Called by courier for every recipient; answers at once from memory, else by one DNS walk shared by all who wait.
Never dials and never reads a file.
Fails with Refusal (see mx); refusals are remembered too, the temporary ones for seconds only.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from typing import Protocol

from hatoba.delivery import mx, settings
from hatoba.delivery.site import Host, Site, mx_name
from hatoba.model.address import Address
from hatoba.model.status import Refusal, Status
from hatoba.net import dns

_FOREVER = float("inf")
_LOOK = 1.0  # seconds after which the directory is asked again whether a known domain is local
_KEEP_LEAST, _KEEP_MOST = 5.0, 3600.0  # seconds a route is remembered, whatever the TTL
_LEARN = 5.0  # seconds a route waits for what a domain publishes about TLS
_REFUSED, _TROUBLED = 60.0, 5.0  # the same for what was refused for good, and for now


class Kinded(Protocol):
    @property
    def kind(self) -> str: ...


class Domains(Protocol):
    """What is asked of the directory here."""

    def domain(self, name: str) -> Kinded | None:
        """The domain with its kind, "local" or "relay"; None for all others. From memory."""


class _Known:
    """What a domain's route was found to be: valid `until`; the directory is asked again after `look`."""

    __slots__ = ("look", "site", "status", "until")

    def __init__(self, found: Site | Status, until: float, look: float) -> None:
        self.site = found if isinstance(found, Site) else LOCAL
        self.status = found if isinstance(found, Status) else None
        self.until = until
        self.look = look


class Router:
    """One per courier. `own` are our names in lower case."""

    def __init__(
        self,
        table: tuple[settings.Route, ...],
        options: settings.Settings,
        resolver: dns.Resolver,
        domains: Domains,
        own: Collection[str],
        *,
        learn: Callable[[str], Awaitable[object]] | None = None,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._learn = learn  # what TLS must be like towards a domain is asked for beside its hosts
        self._options = options
        self._resolver = resolver
        self._domains = domains
        self._own = own
        self._now = steady
        self._exact = {r.match.lower(): r for r in reversed(table) if r.match[:1] not in (".", "*")}
        self._below = {r.match.lower(): r for r in reversed(table) if r.match[:1] == "."}
        self._rest = next((r for r in table if r.match == "*"), settings.Route())
        self._known: dict[str, _Known] = {}
        self._asking: dict[str, asyncio.Task[Site]] = {}

    def route(self, address: Address) -> Site | Awaitable[Site]:
        """As `Courier.route`. Hot when known: a dict lookup and a clock."""
        known = self._known.get(address.domain)
        if known is not None and known.look > self._now():
            if known.status is not None:
                raise Refusal(known.status)
            return known.site
        return self._look(address.domain, known)

    def _look(self, domain: str, known: "_Known | None") -> Site | Awaitable[Site]:
        """Asks the directory (again): a route that names the domain wins; else local domains stay here."""
        now = self._now()
        row = self._domains.domain(domain)
        here = domain == "" or (row is not None and row.kind == "local")  # <postmaster> has no domain
        if here and self._named(domain) is None:
            self._remember(domain, LOCAL, now)
            return LOCAL
        if known is not None and known.until > now:
            known.look = min(known.until, now + _LOOK)
            return self.route(Address("", domain))
        return self._find(domain)

    def _named(self, domain: str) -> settings.Route | None:
        route = self._exact.get(domain)
        at = 0
        while route is None and self._below and (at := domain.find(".", at)) >= 0:
            route = self._below.get(domain[at:])
            at += 1
        return route

    def floor(self, domain: str) -> settings.Tls:
        """The `tls` word of the route that mail for a domain takes."""
        return (self._named(domain) or self._rest).tls or self._options.tls

    def _find(self, domain: str) -> Site | Awaitable[Site]:
        route = self._named(domain) or self._rest
        if route.via == "mx":
            if domain[0] == "[":
                return self._literal(domain, route)
            return self._ask(domain, route)
        site = fixed(route)
        self._remember(domain, site, _FOREVER)
        return site

    def _literal(self, domain: str, route: settings.Route) -> Site:
        if not self._options.literals:
            raise Refusal(Status("5.1.3", "mail to address literals is not sent from here"))
        host = mx.literal(domain)
        if host.name in self._own:
            raise Refusal(Status("5.4.6", f"{domain} is this host"))
        site = Site(mx_name((Host(f"[{host.name}]"),)), "mx", domain, route, (host,))
        self._remember(domain, site, _FOREVER)
        return site

    def _ask(self, domain: str, route: settings.Route) -> Awaitable[Site]:
        """One walk at a time for a domain; a waiter that is cancelled does not stop it for the others."""
        task = self._asking.get(domain)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._walk(domain, route))
            self._asking[domain] = task
            task.add_done_callback(lambda done: self._asked(domain, done))
        return asyncio.shield(task)

    async def _walk(self, domain: str, route: settings.Route) -> Site:
        learning = asyncio.ensure_future(self._learn(domain)) if self._learn is not None else None
        hosts, ttl = await mx.hosts(self._resolver, domain, self._own, ipv6=self._options.ipv6)
        if learning is not None:
            await asyncio.wait([learning], timeout=_LEARN)  # who takes longer is waited for when a host is dialled
        until = self._now() + min(max(ttl, _KEEP_LEAST), _KEEP_MOST)
        return Site(mx_name(hosts), "mx", domain, route, hosts, until=until)

    def _asked(self, domain: str, task: asyncio.Task[Site]) -> None:
        del self._asking[domain]
        if task.cancelled():
            return
        error = task.exception()  # also tells asyncio that it was looked at, should every waiter be gone
        if error is None:
            site = task.result()
            self._remember(domain, site, site.until)
        elif isinstance(error, Refusal):
            keep = _TROUBLED if error.status.temporary else _REFUSED
            self._remember(domain, error.status, self._now() + keep)

    def _remember(self, domain: str, found: Site | Status, until: float) -> None:
        known = self._known
        if len(known) >= self._options.route_cache:
            for old in [*known][: max(1, len(known) // 16)]:  # the oldest written; forgetting many at once is rare
                del known[old]
        known.pop(domain, None)
        look = self._now() + _LOOK
        known[domain] = _Known(found, until, look if found is LOCAL else min(until, look))

    async def fresh(self, site: Site) -> Site:
        """An MX site with its hosts asked for anew when their time has passed; its name stays. Raises Refusal."""
        if site.kind != "mx" or not site.until or site.until > self._now():
            return site
        known = self._known.get(site.domain)
        if known is not None and known.until > self._now() and known.site.kind == "mx" and known.status is None:
            newer = known.site
        else:
            newer = await self._ask(site.domain, site.route)
        return Site(site.name, "mx", site.domain, site.route, newer.hosts, until=newer.until)


LOCAL = Site("local", "local", route=settings.Route(via="local"))


def fixed(route: settings.Route) -> Site:
    """The site of a route that needs no DNS to be named."""
    if route.via == "local":
        return LOCAL
    if route.via == "error":
        return Site(f"error:{route.status}", "error", route=route, status=Status(route.status, route.text))
    port = route.port or (24 if route.via == "lmtp" else 25)
    place = route.host if route.host.startswith("unix:") else f"{route.host.lower()}:{port}"
    user = f"{route.username}@" if route.username else ""
    return Site(f"{route.via}:{user}{place}", route.via, route=route, hosts=(Host(route.host),))
