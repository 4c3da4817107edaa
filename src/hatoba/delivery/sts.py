"""MTA-STS policies of other domains: found by DNS, fetched by HTTPS, remembered here and in the store. # RFC 8461

Made by app, one per worker; policies asks it for each domain, `sweep` renews what is getting old.
Never lets a policy end before its time because its DNS or its web host fails, and never connects to private addresses.
Fails never: a policy that cannot be had is a Found with a failure; trouble with the store is logged.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeVar

import msgspec

from hatoba.delivery import lookup
from hatoba.delivery.settings import MtaSts
from hatoba.mailauth import mtasts
from hatoba.mailauth.mtasts import Policy
from hatoba.net import dns, https, tls
from hatoba.net.session import Log
from hatoba.store import policies
from hatoba.store.rows import PolicyRow
from hatoba.store.sql import Reader, Tx
from hatoba.store.trouble import StoreTrouble

T = TypeVar("T")

KIND = "sts"
_DAY = 86_400_000  # ms: a policy in use is fetched anew so often  # RFC 8461 §5.1
_LEAST = 60  # seconds a policy counts at least, whatever its max_age
_MOST = 100_000  # policies in memory
_AGAIN = 300_000  # ms until a policy that could not be fetched is asked for again
_OVERLAP = 120_000  # ms: clocks of nodes differ
_BATCH = 50  # policies renewed in one sweep
_PARALLEL = 16


class Register(Protocol):
    """The directory database (store.base.Register), for this room alone."""

    @property
    def reader(self) -> Reader: ...
    def note(self, function: Callable[[Tx], T]) -> T: ...


class Found(NamedTuple):
    """`policy`: the one in force, mode "enforce" or "testing", None for none. `failure`: (word for a TLS report, why)
    where one is announced and cannot be had."""

    policy: Policy | None = None
    failure: tuple[str, str] = ("", "")


class _Data(msgspec.Struct, frozen=True):
    """PolicyRow.data"""

    id: str
    text: str


class _Kept(NamedTuple):
    id: str
    policy: Policy
    fetched: int  # ms
    until: int  # ms


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Data).decode


class Cache:
    """`clock` in ms since 1970. `register` None: remembered in memory alone. `mine` says which domains this worker
    renews (others have theirs)."""

    def __init__(
        self,
        options: MtaSts,
        resolver: dns.Resolver,
        register: Register | None,
        *,
        clock: Callable[[], int],
        log: Log,
        mine: Callable[[str], bool] = lambda domain: True,
    ) -> None:
        self._options = options
        self._resolver = resolver
        self._register = register
        self._clock = clock
        self._log = log
        self._mine = mine
        self._kept: dict[str, _Kept] = {}
        self._failed: dict[str, tuple[str, int, tuple[str, str]]] = {}  # id, until, failure
        self._renewing: dict[str, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(_PARALLEL)
        self._turn = asyncio.Lock()  # the register's reader is for one at a time
        self._seen = 0

    async def find(self, domain: str) -> Found:
        """The policy of a domain (A-labels) as it stands now. # RFC 8461 §5.1"""
        announced = await lookup.drive(mtasts.lookup(domain), self._resolver)
        kept = self._valid(domain)
        if announced.state != "announced":
            return _found(kept)  # whoever can suppress the record cannot suppress the policy
        if kept is None:
            kept = await self._stored(domain)
        if kept is not None and kept.id == announced.id:
            if self._clock() - kept.fetched > min(_DAY, (kept.until - kept.fetched) // 2):
                self._renew(domain, kept.id)
            return _found(kept)
        failure = await self._fetch(domain, announced.id)
        return _found(self._valid(domain), failure)

    def _valid(self, domain: str) -> _Kept | None:
        kept = self._kept.get(domain)
        return kept if kept is not None and kept.until > self._clock() else None

    # ---- fetching

    async def _fetch(self, domain: str, number: str) -> tuple[str, str]:
        """Fetches and keeps; ("", "") or the failure, which is believed for a while."""
        known = self._failed.get(domain)
        if known is not None and known[0] == number and known[1] > self._clock():
            return known[2]
        async with self._places:
            try:
                policy = await self._page(domain)
            except https.Failed as error:
                word = "sts-webpki-invalid" if error.kind == "tls" else "sts-policy-fetch-error"
                return self._missed(domain, number, word, str(error))
            except mtasts.BadPolicy as error:
                return self._missed(domain, number, "sts-policy-invalid", str(error))
        self._failed.pop(domain, None)
        now = self._clock()
        kept = _Kept(number, policy, now, now + max(policy.max_age, _LEAST) * 1000)
        self._keep(domain, kept)
        row = PolicyRow(domain, KIND, now, kept.until, _encode(_Data(number, policy.text)))
        await self._note(lambda tx: policies.put(tx, row))
        self._log.info("mta-sts policy fetched", domain=domain, mode=policy.mode, max_age=policy.max_age)
        return "", ""

    def _missed(self, domain: str, number: str, word: str, why: str) -> tuple[str, str]:
        if len(self._failed) >= _MOST:
            self._failed.clear()
        self._failed[domain] = (number, self._clock() + _AGAIN, (word, why))
        self._log.warning("mta-sts policy not fetched", domain=domain, reason=why)
        return word, why

    async def _page(self, domain: str) -> Policy:
        """https.Failed, mtasts.BadPolicy. # RFC 8461 §3.3"""
        options = self._options
        host, _, path = mtasts.url(domain).removeprefix("https://").partition("/")
        page = await https.get(
            host,
            f"/{path}",
            await self._addresses(host),
            context=_context(options.ca_file),
            port=options.port,
            most=mtasts.OCTETS,
            timeout=options.timeout,
        )
        return mtasts.read(page.status, page.content_type, page.body)

    async def _addresses(self, host: str) -> list[str]:
        """The host's public addresses: nobody's DNS makes us talk to our own network."""
        found: list[str] = []
        for rtype in ("A", "AAAA"):
            with contextlib.suppress(dns.DnsTrouble):
                found.extend((await self._resolver.query(host, rtype)).records)
        usable = [ip for ip in found if self._options.private_addresses or https.public(ip)]
        if found and not usable:
            raise https.Failed("connect", f"{host} has no public address")
        return usable[:4]

    def _renew(self, domain: str, number: str) -> None:
        """In the background: what is kept stays in force meanwhile, and after a failure."""
        if domain in self._renewing:
            return
        task = asyncio.get_running_loop().create_task(self._renewed(domain, number))
        self._renewing[domain] = task
        task.add_done_callback(lambda _: self._renewing.pop(domain, None))

    async def _renewed(self, domain: str, number: str) -> None:
        try:
            await self._fetch(domain, number)
        except Exception as bug:  # noqa: BLE001 # law 6: logged whole; the policy kept stays
            self._log.error("fault", domain=domain, exc_info=bug)

    # ---- keeping

    def _keep(self, domain: str, kept: _Kept) -> None:
        held = self._kept
        held.pop(domain, None)
        if len(held) >= _MOST:
            del held[next(iter(held))]
        held[domain] = kept

    async def _stored(self, domain: str) -> _Kept | None:
        """What another worker has fetched."""
        row = await self._read(lambda reader: policies.get(reader, domain, KIND))
        return self._taken(row) if row is not None else None

    def _taken(self, row: PolicyRow) -> _Kept | None:
        """A row into memory, if it is newer than what is there and still holds."""
        known = self._kept.get(row.domain)
        if row.until <= self._clock() or (known is not None and known.fetched >= row.fetched):
            return self._valid(row.domain)
        try:
            data = _decode(row.data)
            kept = _Kept(data.id, mtasts.parse(data.text.encode()), row.fetched, row.until)
        except (msgspec.DecodeError, mtasts.BadPolicy):
            return None
        self._keep(row.domain, kept)
        return kept

    async def load(self) -> None:
        """Takes over what the store has learned since the last time: by others, or before we started."""
        after = self._seen - _OVERLAP
        rows = await self._read(lambda reader: policies.since(reader, KIND, after, _MOST))
        for row in rows or ():
            self._taken(row)
            self._seen = max(self._seen, row.fetched)

    async def sweep(self) -> int:
        """Renews policies past half of their time, whether or not they are in use; how many. # RFC 8461 §10.2"""
        now = self._clock()
        old = [
            (domain, kept.id)
            for domain, kept in self._kept.items()
            if kept.until > now > kept.fetched + (kept.until - kept.fetched) // 2 and self._mine(domain)
        ][:_BATCH]
        for domain, number in old:
            announced = await lookup.drive(mtasts.lookup(domain), self._resolver)
            await self._renewed(domain, announced.id or number)
        for domain in [name for name, kept in self._kept.items() if kept.until <= now]:
            del self._kept[domain]
        await self._note(lambda tx: policies.forget(tx, KIND, now - _DAY))
        return len(old)

    async def close(self) -> None:
        """Ends what is being fetched."""
        tasks = list(self._renewing.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, function: Callable[[Reader], T]) -> T | None:
        register = self._register
        if register is None:
            return None
        try:
            async with self._turn:
                return await asyncio.to_thread(function, register.reader)
        except StoreTrouble as error:
            self._log.warning("mta-sts policies cannot be read", reason=str(error))
            return None

    async def _note(self, function: Callable[[Tx], T]) -> None:
        if self._register is None:
            return
        try:
            await asyncio.to_thread(self._register.note, function)
        except StoreTrouble as error:
            self._log.warning("mta-sts policies cannot be kept", reason=str(error))


def _found(kept: _Kept | None, failure: tuple[str, str] = ("", "")) -> Found:
    active = kept is not None and kept.policy.mode != "none"  # RFC 8461 §5
    return Found(kept.policy if kept is not None and active else None, failure)


def _context(ca_file: str) -> ssl.SSLContext:
    return tls.client_context(verify=True, ca_file=ca_file)
