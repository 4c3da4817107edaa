"""The seam below the queue, by value: a courier whose channels pull jobs and answer as the test says.

Called by the queue's tests; the store beneath is the real one, in a temp directory, the clock a number.
Never sleeps: a channel acts inside `wake`, or when the test says so.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Self

from hatoba import store
from hatoba.delivery.feed import ChannelStatus, Feed
from hatoba.delivery.site import Site
from hatoba.journal import settings as journal_
from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Letter, Recipient, Source
from hatoba.model.outcome import DEFERRED, DELIVERED, FAILED, Attempt, Job, Outcome
from hatoba.model.status import Status
from hatoba.queue import queue as queue_
from hatoba.queue.settings import Settings
from hatoba.store import base, blobs
from hatoba.store.contents import Keep
from hatoba.store.settings import Database
from hatoba.store.settings import Settings as StoreSettings
from hatoba.store.shard import Shard

START = 1_700_000_000_000
OK, LATER, NO = Status("2.0.0", "Ok"), Status("4.2.0", "Later"), Status("5.1.1", "No such user")
STATUSES = {DELIVERED: OK, DEFERRED: LATER, FAILED: NO}

Answer = Callable[[Job, int], Outcome]


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += int(seconds * 1000)


def says(kind: str, scope: str = "recipient", reply: str = "") -> Answer:
    def answer(job: Job, n: int) -> Outcome:
        return Outcome(n, kind, STATUSES[kind], reply, scope)

    return answer


class Channel:
    """Takes as many jobs as `hands` allows and answers at once, unless `paused`: then `finish` does."""

    def __init__(self, courier: "Courier", site: Site, feed: Feed) -> None:
        self.courier = courier
        self.site = site
        self.feed = feed
        self.busy: list[Job] = []
        self.closed = False
        self._inside = False

    def wake(self) -> None:
        if self._inside:
            return
        self._inside = True
        try:
            while len(self.busy) < self.courier.hands and (job := self.feed.take()) is not None:
                self.courier.taken.append((job.letter.id, job.indexes, job.attempts))
                self.courier.bodies.append(job.letter.content)
                if self.courier.paused:
                    self.busy.append(job)
                else:
                    self.answer(job)
        finally:
            self._inside = False

    def answer(self, job: Job) -> None:
        now = self.courier.clock()
        outcomes = [self.courier.answers.get(self.site.name, self.courier.answer)(job, n) for n in job.indexes]
        for outcome in outcomes:
            if outcome.kind == DELIVERED:
                self.courier.delivered.append((job.letter.id, outcome.n))
        self.feed.done(job, Attempt(now, now, self.site.name, outcomes, host="peer.example"))

    def finish(self) -> None:
        jobs, self.busy = self.busy, []
        for job in jobs:
            self.answer(job)
        self.wake()

    def give_back(self) -> None:
        jobs, self.busy = self.busy, []
        for job in jobs:
            self.feed.give_back(job)

    def status(self) -> ChannelStatus:
        return ChannelStatus(
            self.site.name, self.site.kind, len(self.busy), len(self.busy), self.courier.hands, 0.0, 0.0, False, 0, "",
            (), 0, 0, 0,
        )  # fmt: skip

    def close(self, grace: float = 20.0) -> "asyncio.Future[None]":
        self.closed = True
        self.give_back()
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        ended.set_result(None)
        return ended


class Courier:
    """`sites` gives the lane of a domain, by its name; a domain in `routes` gets whatever stands there."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.hands = 1000
        self.paused = False
        self.answer = says(DELIVERED)
        self.answers: dict[str, Answer] = {}
        self.routes: dict[str, Callable[[], Site | Awaitable[Site]]] = {}
        self.channels: dict[str, Channel] = {}
        self.made: dict[str, Site] = {}
        self.taken: list[tuple[int, tuple[int, ...], int]] = []
        self.bodies: list[bytes | None] = []
        self.delivered: list[tuple[int, int]] = []

    def site(self, domain: str) -> Site:
        name = f"mx:{domain}"
        if name not in self.made:
            self.made[name] = Site(name, "local" if domain == "local.example" else "mx", domain)
        return self.made[name]

    def route(self, address: Address) -> Site | Awaitable[Site]:
        given = self.routes.get(address.domain)
        return given() if given is not None else self.site(address.domain)

    def channel(self, site: Site, feed: Feed) -> Channel:
        channel = self.channels[site.name] = Channel(self, site, feed)
        return channel

    def finish(self) -> None:
        for channel in list(self.channels.values()):
            channel.finish()


class Harbour:
    """A real shard with a queue on it, the clock and the courier in the test's hand."""

    def __init__(
        self,
        data: Path,
        database: Database | None = None,
        journal: journal_.Settings | None = None,
        audit: journal_.Audit | None = None,
        keep: Keep | None = None,
        **settings: object,
    ) -> None:
        self.data = data
        self.database = database or Database()
        self.clock = Clock()
        self.courier = Courier(self.clock)
        self.settings = Settings(**{"jitter": 0.0, **settings})  # type: ignore[arg-type]  # checked by the tests' own use
        self._journal, self._audit, self._keep = journal, audit, keep
        self._ids = START << 20
        self.shard: Shard
        self.queue: queue_.Queue
        self.readdress: Callable[[Letter], Letter] = lambda letter: letter

    def id(self) -> int:
        self._ids += 1
        return self._ids

    async def open(self) -> Self:
        store.prepare(self.data, 1, database=self.database)
        self.shard = self.home().shard(0, "harbour")
        self.queue = queue_.Queue(
            self.settings,
            self.shard,
            self.courier,
            hostname="hatoba.example",
            new_id=self.id,
            journal=self._journal,
            audit=self._audit,
            keep=self._keep,
            clock=self.clock,
            draw=lambda: 0.5,
            readdress=self._readdressed,
        )
        await self.queue.recover()
        return self

    def _readdressed(self, letter: Letter) -> Letter:
        """As the test has it by then."""
        return self.readdress(letter)

    def home(self) -> base.Base:
        return base.of(self.data, StoreSettings(), self.database, blobs.Settings())

    async def close(self) -> None:
        await self.queue.drain(0.0)
        await asyncio.to_thread(self.shard.close)

    async def crash(self) -> None:
        """Everything in memory is gone; the store is as the last commit left it."""
        self.courier.channels.clear()
        self.queue._close()
        await asyncio.to_thread(self.shard.close)

    def letter(self, *to: str, sender: str | None = "alice@sender.example", **more: object) -> Letter:
        content = b"From: alice@sender.example\r\nSubject: hello\r\n\r\nbody\r\n"
        recipients = tuple(Recipient(_address(one)) for one in to)
        envelope = Envelope(_address(sender) if sender else None, recipients)
        letter = Letter(self.id(), self.clock(), 0, envelope, Source("mx"), len(content), content)
        for name, value in more.items():
            setattr(letter, name, value)
        return letter

    async def put(self, *to: str, **more: object) -> int:
        letter = self.letter(*to, **more)  # type: ignore[arg-type]  # names of Letter's fields
        await self.queue.enqueue(letter)
        await asyncio.sleep(0)
        return letter.id

    async def turn(self, seconds: float = 0.0) -> None:
        """Time passes, the queue makes a turn, outcomes reach the disk, the next callbacks run."""
        await self.quiet()
        self.clock.forward(seconds)
        await self.queue.turn()
        await self.quiet()

    async def quiet(self) -> None:
        """Contents that are being read have come, outcomes are on disk."""
        await self.queue.settled()
        await until(lambda: all(lane.binds != "reading content" for lane in self.queue.lanes()))
        await self.queue.settled()

    def rows(self) -> list[tuple[int, int, str, int, int, int]]:
        """(letter, n, site, state, attempts, next_at - START in s) of every row."""
        with self.shard.reader() as reader:
            found = reader.rows("SELECT letter, n, site, state, attempts, next_at FROM recipient ORDER BY letter, n")
        return [(x, n, site, state, tries, (due - START) // 1000) for x, n, site, state, tries, due in found]

    def letters(self) -> list[int]:
        with self.shard.reader() as reader:
            return [row[0] for row in reader.rows("SELECT id FROM letter ORDER BY id")]

    def events(self, letter: int | None = None) -> list[str]:
        where = "" if letter is None else f" WHERE letter = {letter}"
        with self.shard.reader() as reader:
            return [row[0] for row in reader.rows(f"SELECT kind FROM event{where} ORDER BY seq")]  # noqa: S608  a number


def _address(text: str) -> Address:
    local, _, domain = text.rpartition("@")
    return Address(local, domain)


async def until(done: Callable[[], bool]) -> None:
    """Waits for what another thread brings about; AssertionError after some seconds."""
    for _ in range(1000):
        if done():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come about")
