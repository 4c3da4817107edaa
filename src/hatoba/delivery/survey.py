"""Survey: what would become of letters to a domain: its hosts, what is asked of each, and what each shows right now.

Called by the command line through courier; connects to every address, says EHLO, STARTTLS and QUIT.
Never sends a letter, never logs in, never counts for reports.
Fails with Refusal where there is no way to the domain at all.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple

from hatoba.delivery import guard as guards
from hatoba.delivery import opening
from hatoba.delivery import settings as settings_
from hatoba.delivery.dial import Dialler
from hatoba.delivery.guard import Guard, Refused
from hatoba.delivery.need import Need
from hatoba.delivery.policies import Policies
from hatoba.delivery.session import Session
from hatoba.delivery.site import Site
from hatoba.delivery.walk import Walk
from hatoba.model.envelope import Letter

_PARALLEL = 8


class Tried(NamedTuple):
    """One address. `tls` is "" without TLS; `problem` says why no letter would go there, "" when one would.

    `policy`: how the peer was authenticated for what is asked; `public`: what public CAs say of its certificate, ""
    when they vouch for it and its name. `chain` in DER.
    """

    host: str
    ip: str
    port: int
    tls: str = ""
    policy: str = ""
    public: str = ""
    problem: str = ""
    chain: tuple[bytes, ...] = ()
    dialogue: tuple[str, ...] = ()


class Host(NamedTuple):
    """`asks`: what is asked of it, in words; `refused`: why it is passed over without being spoken to."""

    name: str
    preference: int
    asks: str = ""
    refused: str = ""
    dane: str = ""  # "", "absent", "usable", "unusable", "trouble"
    records: tuple[str, ...] = ()  # TLSA that can be used
    tried: tuple[Tried, ...] = ()


class Survey(NamedTuple):
    """`need` is what the settings and the domain ask."""

    domain: str
    site: Site
    need: Need
    hosts: tuple[Host, ...]

    @property
    def usable(self) -> bool:
        """Whether some address would take a letter."""
        return any(not tried.problem for host in self.hosts for tried in host.tried)


class _Nobody:
    """Owns lines that carry nothing."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self.clock = clock
        self.leaving: dict[Any, asyncio.Event] = {}

    def chunks(self, letter: Letter) -> Iterable[bytes]:
        return ()

    def next(self, line: Any) -> None:
        return None

    def done(self, line: Any, errand: Any) -> None: ...
    def back(self, line: Any, errand: Any) -> None: ...
    def elsewhere(self, line: Any, errand: Any, refused: Any, reply: Any) -> None: ...
    def rests(self, line: Any) -> None: ...

    def gone(self, line: Any) -> None:
        if line in self.leaving:
            self.leaving.pop(line).set()


class Surveyor:
    """One survey. `walk` gives the addresses of a site of one host."""

    def __init__(
        self,
        dialler: Dialler,
        policies: Policies,
        walk: Callable[[Site], Awaitable[Walk]],
        limits: settings_.Limits,
        clock: Callable[[], int],
        *,
        connect: bool,
    ) -> None:
        self._dialler = dialler
        self._policies = policies
        self._walk = walk
        self._limits = limits
        self._owner = _Nobody(clock)
        self._connect = connect
        self._places = asyncio.Semaphore(_PARALLEL)

    async def survey(self, domain: str, site: Site) -> Survey:
        """All hosts, side by side."""
        if site.kind == "mx":
            need = await self._policies.find(domain)
        else:
            need = self._policies.fixed(site.hosts[0].name if site.hosts else "", self._word(site))
        hosts = await asyncio.gather(*[self._host(site, at, need) for at in range(len(site.hosts))])
        return Survey(domain, site, need, tuple(hosts))

    def _word(self, site: Site) -> settings_.Tls:
        return site.route.tls or self._dialler.options.tls

    async def _host(self, site: Site, at: int, need: Need) -> Host:
        host = site.hosts[at]
        found = Host(host.name, host.preference)
        dane = await self._dialler.tlsa(site, host.name, need)
        if dane is not None:
            records = tuple(f"{one.usage} {one.selector} {one.matching} {one.data.hex()}" for one in dane.records)
            found = found._replace(dane=dane.state, records=records)
        try:
            guard = await self._dialler.judge(site, host.name, need)
        except Refused as refused:
            return found._replace(refused=refused.status.text)
        found = found._replace(asks=guard.by)
        if not self._connect:
            return found
        alone = Site(site.name, site.kind, site.domain, site.route, (host,))
        walk, tried = await self._walk(alone), []
        while (candidate := await walk.next()) is not None:
            async with self._places:
                tried.append(await self._address(alone, candidate[1], need, guard))
        if not tried:
            tried.append(Tried(host.name, "", 0, problem=walk.why.text))
        return found._replace(tried=tuple(tried))

    async def _address(self, site: Site, ip: str, need: Need, guard: Guard) -> Tried:
        host = site.hosts[0].name
        found = await self._one(site, ip, need, guard)
        if not found.chain:
            return found
        if guard.pkix and not guard.soft:
            return found
        public = await self._one(site, ip, need, Guard("public CAs", required=True, pkix=True, dane=guard.dane))
        return found._replace(public=public.problem, host=host)

    async def _one(self, site: Site, ip: str, need: Need, guard: Guard) -> Tried:
        host, said = site.hosts[0].name, list[str]()
        peer = self._dialler.peer(site, host, ip, need, guard)
        tried = Tried(host, ip, peer.port)
        try:
            session = await self._dialler.attempt(self._owner, peer, self._limits, said)
        except Refused as refused:
            if refused.handshake and guard.soft and guard.pkix:  # MTA-STS testing delivers all the same
                again = await self._one(site, ip, need, guard._replace(pkix=False))
                return again._replace(policy=f"{guard.by}: {refused.information}, delivered all the same")
            return tried._replace(problem=str(refused.status), dialogue=tuple(said))
        return await self._told(tried, session, guard)

    async def _told(self, tried: Tried, session: Session, guard: Guard) -> Tried:
        """What the connection has shown; it is ended."""
        found = tried._replace(
            tls=session.pump.tls, policy=guards.words(guard, session.proof), chain=session.proof.chain,
            dialogue=tuple(session.opening),
        )  # fmt: skip
        over = self._owner.leaving[session] = asyncio.Event()
        session.pump.push(opening.leave(session))
        await over.wait()  # QUIT has its own patience
        return found
