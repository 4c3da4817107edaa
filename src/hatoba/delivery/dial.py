"""Dial: from a walk's candidates to a line that is ready for letters, or to the reason why there is none.

Called by channel, as one task per new connection. Remembers hosts whose TLS is broken (policy "may" only).
Never takes or tells an errand.
Fails with Refused: what the last host said or did, or why the walk gave no address.
"""

import asyncio
import errno
import ipaddress
import os
import time
from collections.abc import Callable
from ssl import SSLContext

from hatoba.delivery import settings as settings_
from hatoba.delivery.errand import line as line_
from hatoba.delivery.line import Owner, Peer, Refused
from hatoba.delivery.session import Session
from hatoba.delivery.site import Site
from hatoba.delivery.source import Sources
from hatoba.delivery.walk import Walk
from hatoba.model.status import Status
from hatoba.net import client, pump, tls
from hatoba.net.session import Log

_NOT_OURS = (errno.EADDRNOTAVAIL,)
_TLS_HOSTS = 10_000


class TlsMemory:
    """Hosts whose handshake failed, spoken to in plain until their time is over."""

    def __init__(self, keep: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._keep = keep
        self._clock = clock
        self._until: dict[str, float] = {}

    def broken(self, host: str) -> bool:
        return self._until.get(host, 0.0) > self._clock()

    def remember(self, host: str) -> None:
        if len(self._until) >= _TLS_HOSTS:
            self._until.clear()
        self._until[host] = self._clock() + self._keep


class Dialler:
    """One per courier: everything that connections of all sites share."""

    def __init__(self, options: settings_.Settings, sources: Sources, helo: str, log: Log) -> None:
        self.options = options
        self.sources = sources
        self.helo = helo
        self.log = log
        self.broken_tls = TlsMemory(options.tls_fallback)
        self._count = 0

    async def open(
        self,
        owner: Owner,
        site: Site,
        walk: Walk,
        limits: settings_.Limits,
        said: list[str],
        *,
        verify: bool = False,
        last: Refused | None = None,
    ) -> Session:
        """A line ready for letters, to the first host of the walk that will do. Refused when none does.

        `said` gets the dialogue of the hosts that would not; `verify` demands a valid certificate (REQUIRETLS);
        `last` is why the walk's host before would not.
        """
        while (candidate := await walk.next()) is not None:
            peer = self._peer(site, *candidate)
            if verify:
                peer.tls = "verify"
            elif peer.tls == "may" and self.broken_tls.broken(peer.host):
                peer.tls = "none"
            try:
                return await self._try(owner, peer, limits, said)
            except Refused as refused:
                last = refused
                if not (refused.handshake and peer.tls == "may" and not peer.implicit_tls):
                    continue
            self.broken_tls.remember(peer.host)
            said.append(line_("*", "trying again without TLS"))
            peer.tls = "none"
            try:
                return await self._try(owner, peer, limits, said)
            except Refused as refused:
                last = refused
        raise last or Refused(walk.why)

    def _peer(self, site: Site, host: str, ip: str) -> Peer:
        route = site.route
        lmtp = site.kind == "lmtp"
        port = route.port or (24 if lmtp else self.options.port if site.kind == "mx" else 25)
        peer = Peer(host, ip, port, route.tls or self.options.tls, route, lmtp=lmtp)
        if host.startswith("unix:"):
            peer.unix, peer.tls = host[5:], "none"
        return peer

    async def _try(self, owner: Owner, peer: Peer, limits: settings_.Limits, said: list[str]) -> Session:
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
        name = peer.host if peer.tls == "verify" else _sni(peer.host)

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
        if peer.tls == "none" and not peer.implicit_tls:
            return None
        return tls.client_context(verify=peer.tls == "verify", ca_file=self.options.tls_ca_file)


def _why(error: OSError | TimeoutError) -> str:
    """The system's word for it; asyncio puts its own in strerror."""
    return os.strerror(error.errno) if error.errno else str(error)


def _sni(host: str) -> str | None:
    """The name asked for in the handshake; an address is none. # RFC 6066 §3"""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host
    return None
