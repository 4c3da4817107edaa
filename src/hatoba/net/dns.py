"""The resolver: one interface to DNS, with its own cache, one question for all who ask the same.

Called by delivery (MX walk, addresses), doors (names of clients) and app (ports); cached() on the hot path.
Never recurses itself and never validates: it asks recursive servers and believes AD from loopback only.
Fails with DnsTrouble, always temporary; a name that cannot be asked for is "nxdomain".
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype

from hatoba.net import dns_wire
from hatoba.net.dns_cache import Answer, Cache, DnsTrouble
from hatoba.net.settings import Dns as Settings

__all__ = ["Answer", "DnsTrouble", "Resolver", "Settings"]

_HOPS = 8  # CNAMEs followed over several answers; within one, dnspython allows 16
_RCODES_OF_AN_ANSWER = frozenset({dns.rcode.NOERROR, dns.rcode.NXDOMAIN})


class Server(NamedTuple):
    host: str
    port: int
    trusted: bool  # on loopback: its AD bit counts


class Resolver:
    """`clock` gives monotonic seconds. Use it from one event loop."""

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        resolv_conf: Path = Path("/etc/resolv.conf"),
    ) -> None:
        self._settings = settings = settings or Settings()
        self._servers = [_server(text) for text in settings.servers or _configured(resolv_conf)]
        self._best = 0
        self._cache = Cache(settings.cache, clock)
        self._flights: dict[tuple[str, str], asyncio.Task[Answer]] = {}
        self._turns = asyncio.Semaphore(settings.parallel)

    def cached(self, name: str, rtype: str) -> Answer | None:
        """The answer if it is known and still good; `name` in lower case without the final dot. Hot."""
        return self._cache.get((name, rtype))

    def troubled(self, name: str, rtype: str) -> bool:
        """No server had an answer a moment ago: `query` would raise at once. `name` as for `cached`."""
        return bool(self._cache.trouble((name, rtype)))

    async def query(self, name: str, rtype: str) -> Answer:
        """The answer from the cache or from a server. DnsTrouble when there is none for now."""
        key = (name.rstrip(".").lower(), rtype)
        found = self._cache.get(key)
        if found is not None:
            return found
        if why := self._cache.trouble(key):
            raise DnsTrouble(why)
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = asyncio.get_running_loop().create_task(self._resolve(key))
            flight.add_done_callback(lambda task: self._landed(key, task))
        return await asyncio.shield(flight)

    def clear(self) -> None:
        """Forgets every answer."""
        self._cache.clear()

    async def close(self) -> None:
        """Ends the questions under way."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    def _landed(self, key: tuple[str, str], task: asyncio.Task[Answer]) -> None:
        del self._flights[key]
        if not task.cancelled():
            task.exception()  # heard, even if everybody who waited has left

    async def _resolve(self, key: tuple[str, str]) -> Answer:
        name, rtype = key
        settings = self._settings
        try:
            async with self._turns:
                answer = await self._follow(name, rtype)
        except DnsTrouble as trouble:
            self._cache.put_trouble(key, str(trouble), settings.trouble_ttl)
            raise
        most = settings.most_ttl if answer.status == "ok" else settings.negative_ttl
        self._cache.put(key, answer, min(max(answer.ttl, settings.least_ttl), most))
        return answer

    async def _follow(self, name: str, rtype: str) -> Answer:
        """Asks, and asks again where the answer ends in an alias only. # RFC 1034 §3.6.2"""
        ttl, secure, asked = float("inf"), True, name
        for _ in range(_HOPS):
            try:
                query = dns_wire.question(asked, rtype, edns=True)
            except ValueError:
                return Answer((), 3600.0, "nxdomain")
            reply, server = await self._exchange(query, asked, rtype)
            secure = secure and server.trusted and bool(reply.flags & dns.flags.AD)
            try:
                chain = reply.resolve_chaining()  # type: ignore[attr-defined] # a QueryMessage, for we sent a query
            except (dns.exception.DNSException, dns.message.ChainTooLong) as error:
                raise DnsTrouble(f"{name} {rtype}: {error or 'aliases without an end'}") from error
            if chain.answer is not None:
                records = _records(rtype, chain.answer)
                return Answer(records, min(ttl, float(chain.minimum_ttl)), "ok", secure)
            target = _text(chain.canonical_name)
            if chain.cnames and target != asked and reply.rcode() == dns.rcode.NOERROR and not reply.authority:
                ttl, asked = min(ttl, *(float(rrset.ttl) for rrset in chain.cnames)), target
                continue
            status = "nxdomain" if reply.rcode() == dns.rcode.NXDOMAIN else "nodata"
            negative = float(chain.minimum_ttl) if reply.authority else 0.0  # RFC 2308 §5
            return Answer((), min(ttl, negative), status, secure)
        raise DnsTrouble(f"{name} {rtype}: more than {_HOPS} aliases")

    async def _exchange(
        self, query: dns.message.QueryMessage, name: str, rtype: str
    ) -> tuple[dns.message.Message, Server]:
        """The first usable reply of the servers, the one that answered last time first."""
        said = "no DNS server is configured"
        for _ in range(self._settings.attempts):
            for step in range(len(self._servers)):
                at = (self._best + step) % len(self._servers)
                server = self._servers[at]
                try:
                    reply = await dns_wire.ask(query, server.host, server.port, self._settings.timeout)
                    if reply.rcode() in (dns.rcode.FORMERR, dns.rcode.NOTIMP) and query.edns >= 0:
                        query = dns_wire.question(name, rtype, edns=False)  # RFC 6891 §7
                        reply = await dns_wire.ask(query, server.host, server.port, self._settings.timeout)
                except TimeoutError:
                    said = f"no answer from {server.host}"
                    continue
                except (OSError, dns_wire.Malformed) as error:
                    said = f"{server.host}: {error}"
                    continue
                if reply.rcode() in _RCODES_OF_AN_ANSWER:
                    self._best = at
                    return reply, server
                said = f"{dns.rcode.to_text(reply.rcode())} from {server.host}"
        raise DnsTrouble(f"{name} {rtype}: {said}")


def _server(text: str) -> Server:
    """ "192.0.2.1", "192.0.2.1:5353", "[2001:db8::1]:53", "2001:db8::1". ValueError on anything else."""
    host, number = text, "53"
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        number = rest[1:] if rest else number
    elif text.count(":") == 1:
        host, _, number = text.partition(":")
    if not number.isdecimal() or not 0 < int(number) < 65536:
        raise ValueError(f"{text!r} has no port from 1 to 65535 behind its colon")
    return Server(host, int(number), ipaddress.ip_address(host.partition("%")[0]).is_loopback)


def _configured(path: Path) -> list[str]:
    """The nameservers of resolv.conf(5); loopback when it names none."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    found = [words[1] for line in lines if len(words := line.split()) > 1 and words[0] == "nameserver"]
    return found[:3] or ["127.0.0.1"]


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower() if len(name) > 1 else ""


def _mx(record: Any) -> tuple[int, str]:
    return record.preference, _text(record.exchange)


def _target(record: Any) -> str:
    return _text(record.target)


_SHAPES: dict[str, Callable[[Any], Any]] = {
    "A": lambda record: record.address,
    "AAAA": lambda record: record.address,
    "MX": _mx,
    "TXT": lambda record: b"".join(record.strings),
    "SPF": lambda record: b"".join(record.strings),
    "TLSA": lambda record: (record.usage, record.selector, record.mtype, record.cert),
    "CNAME": _target,
    "NS": _target,
    "PTR": _target,
    "SRV": lambda record: (record.priority, record.weight, record.port, _text(record.target)),
}  # fmt: skip


def _records(rtype: str, found: Any) -> tuple[Any, ...]:
    shape = _SHAPES.get(rtype, lambda record: record.to_text())
    records = [shape(record) for record in found]
    return tuple(sorted(records) if rtype in ("MX", "SRV") else records)
