"""Dial: from a walk's candidates to a line that is ready for letters, or to the reason why there is none.

Called by pool, as one task per new connection. Remembers hosts whose TLS is broken, and those whose certificate is,
where that may be overlooked.
Never takes or tells an errand, and never speaks to a host that the errand's need forbids.
Fails with Refused: what the last host said or did, or why the walk gave no address.
"""

import asyncio
import errno
import ipaddress
import os
import time
from collections.abc import Callable, Iterator
from ssl import SSLContext

from hatoba.delivery import guard as guards
from hatoba.delivery import lookup
from hatoba.delivery import settings as settings_
from hatoba.delivery.errand import line as line_
from hatoba.delivery.guard import Guard, Refused
from hatoba.delivery.line import Owner, Peer
from hatoba.delivery.need import Need
from hatoba.delivery.session import Session
from hatoba.delivery.site import Site
from hatoba.delivery.source import Sources
from hatoba.delivery.tally import Tally
from hatoba.delivery.walk import Walk
from hatoba.mailauth.tlsa import lookup as tlsa
from hatoba.model.status import Status
from hatoba.net import client, dns, pump, tls
from hatoba.net.session import Log

_NOT_OURS = (errno.EADDRNOTAVAIL,)
_TLS_HOSTS = 10_000
_FLAWLESS = ("", "")


class TlsMemory:
    """Hosts with a fault of their TLS, spoken to without asking for it until their time is over."""

    def __init__(self, keep: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._keep = keep
        self._clock = clock
        self._until: dict[str, tuple[float, tuple[str, str]]] = {}

    def fault(self, host: str) -> tuple[str, str]:
        """(word for a TLS report, why); ("", "") for none."""
        until, fault = self._until.get(host, (0.0, _FLAWLESS))
        return fault if until > self._clock() else _FLAWLESS

    def remember(self, host: str, fault: tuple[str, str]) -> None:
        if len(self._until) >= _TLS_HOSTS:
            self._until.clear()
        self._until[host] = (self._clock() + self._keep, fault)


class Dialler:
    """One per courier: everything that connections of all sites share."""

    def __init__(
        self,
        options: settings_.Settings,
        sources: Sources,
        helo: str,
        resolver: dns.Resolver,
        tally: Tally,
        log: Log,
    ) -> None:
        self.options = options
        self.sources = sources
        self.helo = helo
        self.tally = tally
        self.log = log
        self.broken_tls = TlsMemory(options.tls_fallback)  # spoken to in plain, where that may be
        self.bad_certificate = TlsMemory(options.tls_fallback)  # not verified, where that is only counted
        self._resolver = resolver
        self._count = 0

    async def open(
        self,
        owner: Owner,
        site: Site,
        walk: Walk,
        limits: settings_.Limits,
        said: list[str],
        *,
        need: Need,
        last: Refused | None = None,
    ) -> Session:
        """A line ready for letters, to the first host of the walk that will do. Refused when none does.

        `said` gets the dialogue of the hosts that would not; `need` is what TLS must be like; `last` is why the
        walk's host before would not.
        """
        judged: dict[str, Guard | None] = {}
        while (candidate := await walk.next()) is not None:
            host, ip = candidate
            try:
                guard = judged[host] if host in judged else await self.judge(site, host, need)
            except Refused as refused:
                judged[host] = guard = None
                self._passed_over(need, host, refused, said)
                if last is None or last.policy:
                    last = refused
            if guard is None:
                walk.unspent()
                continue
            judged[host] = guard
            for peer in self._ways(site, host, ip, need, guard, said):
                try:
                    return await self.attempt(owner, peer, limits, said)
                except Refused as refused:
                    last = refused
                    self.tally.failed(need, peer.guard, refused, host, peer.source_ip, ip)
                    if not self._overlooks(peer, refused):
                        break
        raise last or Refused(walk.why)

    async def judge(self, site: Site, host: str, need: Need) -> Guard:
        """What is asked of a host, after its TLSA records were, where they count. Refused."""
        if host.startswith("unix:"):
            return guards.OPEN._replace(tls=False) if not need.covered else guards.of(need, host, None)
        return guards.of(need, host, await self.tlsa(site, host, need))

    async def tlsa(self, site: Site, host: str, need: Need) -> tlsa.Dane | None:
        """What DANE asks for at a host; None where it does not count there."""
        if not need.dane or not guards.named(host):
            return None
        return await lookup.drive(tlsa.discover(host, self._port(site), nexthop=(need.domain,)), self._resolver)

    def _passed_over(self, need: Need, host: str, refused: Refused, said: list[str]) -> None:
        said.append(line_("*", f"{host} is passed over: {refused.status.text}"))
        self.tally.failed(need, guards.OPEN, refused, host, "", "")

    def _ways(self, site: Site, host: str, ip: str, need: Need, guard: Guard, said: list[str]) -> Iterator[Peer]:
        """The connections to try with one address: as asked; where faults may be overlooked, then without."""
        peer = self.peer(site, host, ip, need, guard)
        peer.fault = self.bad_certificate.fault(host) if guard.soft else _FLAWLESS
        lenient = not guard.required and not peer.implicit_tls
        if lenient and self.broken_tls.fault(host)[0]:
            peer.guard = guards.PLAIN._replace(dane=guard.dane)
        yield peer
        if not lenient:
            return
        if guard.soft and self.bad_certificate.fault(host)[0] and not peer.fault[0]:
            said.append(line_("*", "trying again without verifying the certificate"))
            peer = self.peer(site, host, ip, need, guard)
            peer.fault = self.bad_certificate.fault(host)
            yield peer
        said.append(line_("*", "trying again without TLS"))
        yield self.peer(site, host, ip, need, guards.PLAIN._replace(dane=guard.dane))

    def _overlooks(self, peer: Peer, refused: Refused) -> bool:
        """Whether the host is tried again with less; what is wrong with it is remembered then."""
        guard = peer.guard
        if not refused.handshake or guard.required or not guard.tls or peer.implicit_tls:
            return False
        soft = guard.soft and guard.pkix and not peer.fault[0] and refused.status.code == "4.7.5"
        memory = self.bad_certificate if soft else self.broken_tls
        memory.remember(peer.host, (refused.result, refused.information))
        return True

    def _port(self, site: Site) -> int:
        default = {"lmtp": 24, "mx": self.options.port}
        return site.route.port or default.get(site.kind, 25)

    def peer(self, site: Site, host: str, ip: str, need: Need, guard: Guard) -> Peer:
        """One address of a host, and how it is to be spoken to."""
        peer = Peer(host, ip, self._port(site), need, guard, site.route, lmtp=site.kind == "lmtp")
        if host.startswith("unix:"):
            peer.unix = host[5:]
        return peer

    async def attempt(self, owner: Owner, peer: Peer, limits: settings_.Limits, said: list[str]) -> Session:
        """One host: connected and opened, or Refused; whatever it said is in `said` then."""
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        self._count += 1
        session = Session(owner, peer, self.options, limits, ready, self.log, f"{self._count:x}", self.helo)
        place = peer.unix or f"{peer.host}[{peer.ip}]:{peer.port}"
        session.note("*", f"connecting to {place}")
        try:
            await self._connect(session, peer)
        except (OSError, TimeoutError) as error:
            ready.cancel()
            said += session.opening
            slow = f"no connection within {self.options.timeouts.connect:g} s"
            why = slow if isinstance(error, TimeoutError) else _why(error)
            raise Refused(Status("4.4.1", f"{place}: {why}")) from error
        try:
            await ready
        except Refused:
            said += session.opening
            raise
        except asyncio.CancelledError:
            session.pump.abort()
            raise
        return session

    async def _connect(self, session: Session, peer: Peer) -> None:
        loop = asyncio.get_running_loop()
        timeouts = self.options.timeouts
        context = self._context(peer)
        name = _asked_name(peer)

        def made() -> pump.Pump:
            session.pump = pump.Pump(
                session.engine,
                session,
                loop=loop,
                log=self.log,
                tls_context=context,
                server_side=False,
                server_hostname=name,
                implicit_tls=peer.implicit_tls,
                idle=timeouts.greeting,
                handshake=timeouts.tls,
            )
            return session.pump

        if peer.unix:
            async with asyncio.timeout(timeouts.connect):
                await loop.create_unix_connection(made, peer.unix)
            return
        await self._from_source(session, peer, made)
        if not peer.source_ip:
            peer.source_ip = session.pump.local[0]

    async def _from_source(self, session: Session, peer: Peer, made: Callable[[], pump.Pump]) -> None:
        """Connects from the next source address; one that is not up on this host is passed over."""
        family = 6 if ":" in peer.ip else 4
        timeout = self.options.timeouts.connect
        left = self.sources.count(family)
        while True:
            now = asyncio.get_running_loop().time()
            peer.source_ip = self.sources.pick(family, now)
            source = client.Source(peer.source_ip, peer.source_ip)
            try:
                await client.dial(made, peer.ip, peer.port, timeout=timeout, source=source)
            except OSError as error:
                left -= 1
                if error.errno not in _NOT_OURS or not peer.source_ip:
                    raise
                self.sources.failed(peer.source_ip, now)
                session.note("*", f"{peer.source_ip} is no address of this host")
                if left <= 0:
                    raise
            else:
                return

    def _context(self, peer: Peer) -> SSLContext | None:
        guard = peer.guard
        if not guard.tls and not peer.implicit_tls:
            return None
        hard = (guard.pkix and not peer.fault[0]) or bool(guard.names)
        return tls.client_context(verify=hard, name=guard.pkix, ca_file=self.options.tls_ca_file)


def _why(error: OSError | TimeoutError) -> str:
    """The system's word for it; asyncio puts its own in strerror."""
    return os.strerror(error.errno) if error.errno else str(error)


def _asked_name(peer: Peer) -> str | None:
    """The host's own; with DANE the one its records stand below. # RFC 7672 §8.1"""
    guard = peer.guard
    if guard.pkix:
        return peer.host
    return guard.dane.base if guard.dane is not None and guard.dane.state == "usable" else _sni(peer.host)


def _sni(host: str) -> str | None:
    """The name asked for in the handshake; an address is none. # RFC 6066 §3"""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host
    return None
