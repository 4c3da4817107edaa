"""The seam above delivery, by value: a feed that hands out jobs and hears what became of them; letters; a courier.

Called by delivery's tests; peers, DNS and files below are real.
Never decides on a retry and never wakes for what was given back: the next take has it, as with a lane.
Fails (the test's assert) with TimeoutError when `told` is not met.
"""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from tests.support.smtp_peer import Received, SmtpPeer

from hatoba.delivery import courier as couriers
from hatoba.delivery import keeper, maildirs, settings, ways
from hatoba.delivery.feed import Channel
from hatoba.delivery.site import Site
from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Letter, Recipient, Source
from hatoba.model.outcome import Attempt, Job, Outcome
from hatoba.net import dns
from hatoba.net.limits import SharedCounters

CONTENT = b"Subject: hello\r\nFrom: a@sender.example\r\n\r\nHello.\r\n"


class Feed:
    """Jobs due, in order; `ended` holds (job, attempt) as they were told, `back` how often each id was given back."""

    def __init__(self, jobs: Iterable[Job] = ()) -> None:
        self.jobs = deque(jobs)
        self.ended: list[tuple[Job, Attempt]] = []
        self.back: list[int] = []
        self.channel: Channel | None = None
        self.parted = 0  # jobs that became several
        self.again = True  # what was given back is due again
        self._heard = asyncio.Event()

    def take(self) -> Job | None:
        return self.jobs.popleft() if self.jobs else None

    def done(self, job: Job, attempt: Attempt) -> None:
        assert [outcome.n for outcome in attempt.outcomes] == list(job.indexes)
        assert all(job is not other for other, _ in self.ended), "a job was told twice"
        self.ended.append((job, attempt))
        self._heard.set()

    def split(self, job: Job, parts: Sequence[Sequence[int]]) -> list[Job]:
        self.parted += 1
        return [Job(job.letter, tuple(part), job.attempts) for part in parts]

    def give_back(self, job: Job) -> None:
        self.back.append(job.letter.id)
        assert len(self.back) < 1000, "given back for ever"
        if self.again:
            self.jobs.append(job)
        self._heard.set()

    async def told(self, count: int, timeout: float = 10) -> list[Attempt]:
        """The attempts, once there are `count`."""
        async with asyncio.timeout(timeout):
            while len(self.ended) < count:
                self._heard.clear()
                await self._heard.wait()
        return [attempt for _, attempt in self.ended]

    async def returned(self, count: int, timeout: float = 10) -> None:
        async with asyncio.timeout(timeout):
            while len(self.back) < count:
                self._heard.clear()
                await self._heard.wait()

    @property
    def outcomes(self) -> list[Outcome]:
        return [outcome for _, attempt in self.ended for outcome in attempt.outcomes]


class Log:
    """Keeps what was logged as errors."""

    def __init__(self) -> None:
        self.errors: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, /, **fields: Any) -> None: ...
    def warning(self, event: str, /, **fields: Any) -> None: ...

    def error(self, event: str, /, **fields: Any) -> None:
        self.errors.append((event, fields))


class Row(msgspec.Struct, frozen=True):
    kind: str


class Account(msgspec.Struct, frozen=True):
    address: Address
    enabled: bool = True

    @property
    def key(self) -> str:
        return str(self.address)


class Directory:
    """Domains by kind, accounts by address text."""

    def __init__(self, domains: dict[str, str] | None = None, accounts: dict[str, Account] | None = None) -> None:
        self.domains = domains or {}
        self.accounts = accounts or {}

    def domain(self, name: str) -> Row | None:
        kind = self.domains.get(name)
        return Row(kind) if kind else None

    def account(self, address: Address) -> Account | None:
        return self.accounts.get(f"{address.local.partition('+')[0]}@{address.domain}")

    def home(self, hostname: str) -> str:
        return next(iter(self.domains), "")


_ids = iter(range(1, 1 << 60))


def letter(
    *to: str, content: bytes | None = CONTENT, sender: str | None = "a@sender.example", door: str = "mx", **fields: Any
) -> Letter:
    """A letter; `fields` are of Letter or Envelope."""
    envelope_fields = {name: fields.pop(name) for name in list(fields) if name in Envelope.__struct_fields__}
    people = tuple(Recipient(Address.parse(text)) for text in (to or ("b@rcpt.example",)))
    envelope = Envelope(Address.parse(sender) if sender else None, people, **envelope_fields)
    size = fields.pop("size", len(content or b""))
    fields.setdefault("dotted", content is not None and (content[:1] == b"." or b"\n." in content))
    return Letter(next(_ids), 1_700_000_000_000, 1 << 50, envelope, Source(door), size, content=content, **fields)


def job(*to: str, **fields: Any) -> Job:
    made = letter(*to, **fields)
    return Job(made, tuple(range(len(made.envelope.recipients))))


def quick(**stages: float) -> settings.Timeouts:
    """Time-outs that end a test soon."""
    return settings.Timeouts(**{name: stages.get(name, 5.0) for name in settings.Timeouts.__struct_fields__})


def courier(
    routes: Iterable[settings.Route] = (),
    *,
    options: settings.Settings | None = None,
    dns_at: str = "127.0.0.1:9",
    directory: Directory | None = None,
    mail: Path = Path("/nonexistent"),
    chunks: Callable[[Letter], Iterable[bytes]] = lambda _: (),
    counters: SharedCounters | None = None,
    log: Log | None = None,
    steady: Callable[[], float] | None = None,
    resolver: dns.Resolver | None = None,
    **more: Any,
) -> couriers.Courier:
    if steady:
        more["steady"] = steady
    return couriers.Courier(
        options or settings.Settings(timeouts=quick()),
        tuple(routes),
        resolver or dns.Resolver(dns.Settings(servers=(dns_at,), timeout=1.0, attempts=1)),
        directory or Directory(),
        hostname="hatoba.example",
        keep=maildirs.Maildirs(mail, chunks, hostname="hatoba.example", threads=4, log=log or Log()),
        chunks=chunks,
        log=log or Log(),
        counters=counters,
        chance=random.Random(7),
        **more,
    )


def to_peer(port: int, via: Any = "smarthost", host: str = "127.0.0.1", **fields: Any) -> settings.Route:
    """A route that sends everything to a peer on loopback."""
    fields.setdefault("tls", "none")
    return settings.Route(match="*", via=via, host=host, port=port, **fields)


async def sited(desk: couriers.Courier, address: str = "b@rcpt.example") -> Site:
    site = desk.route(Address.parse(address))
    return await site if isinstance(site, Awaitable) else site


async def send(desk: couriers.Courier, *jobs: Job, to: str = "b@rcpt.example", wait: int | None = None) -> Feed:
    """Routes, opens a channel, wakes it, waits for all jobs, closes."""
    feed = Feed(jobs)
    feed.channel = desk.channel(await sited(desk, to), feed)
    feed.channel.wake()
    await feed.told(len(jobs) if wait is None else wait)
    await desk.close(5.0)
    return feed


async def arrived(peer: SmtpPeer, count: int) -> list[Received]:
    """What came in at the peer, once there are `count` letters."""
    return await asyncio.to_thread(peer.wait_letters, count)


def item(letter: Letter, address: str) -> keeper.Item:
    """What a keeper is given for a letter's only recipient."""
    to = Address.parse(address)
    return keeper.Item(letter, 0, to, Account(to), ways.PLAIN)
