"""Peers: the hosts of a simulated world: what they take, refuse, lose and forget, whatever becomes of us.

The model end of the seam below the queue: Courier and Channel stand where delivery's stand, one set per process; the
hosts outlive it. What a host does with a letter is drawn from the seed, the letter and the count of its dials.
Never looks into the queue but through Feed; what it sees of a broken promise it tells `wrong`.
Fails in nothing.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Generator
from functools import partial
from random import Random
from typing import Any, Protocol

import msgspec
from tests.simulation.sim_loop import Loop

from hatoba.delivery.feed import ChannelStatus, Feed
from hatoba.delivery.site import Site
from hatoba.model.address import Address
from hatoba.model.outcome import DEFERRED, DELIVERED, FAILED, Attempt, Job, Outcome
from hatoba.model.status import Refusal, Status

Key = tuple[int, int]  # (letter, n)

KINDS = {"mx:a": "mx", "mx:b": "mx", "mx:c": "mx", "local": "local"}
SITES = {name: Site(name, kind, name) for name, kind in KINDS.items()}
DOMAINS = {
    "a.example": "mx:a",
    "b.example": "mx:b",
    "b2.example": "mx:b",
    "slow.example": "mx:c",  # its route is always asked for
    "local.example": "local",
    "lost.example": "",  # no such domain
}
UP, DOWN, REFUSING, GREY, HANGING, MIXED, FLAKY = "up", "down", "refusing", "grey", "hanging", "mixed", "flaky"
MODES = (UP, DOWN, REFUSING, GREY, HANGING, MIXED, FLAKY)
SAYS = {
    DELIVERED: (Status("2.0.0", "Ok"), "250 2.0.0 Ok"),
    DEFERRED: (Status("4.2.0", "Later"), "451 4.2.0 later"),
    FAILED: (Status("5.1.1", "No such user"), "550 5.1.1 no such user"),
}
LOST = Status("4.4.2", "Connection lost after the final dot")
NOBODY = Status("4.4.1", "Connection refused")


class Dial(msgspec.Struct):
    """One attempt for one recipient as the hosts saw it. Times in ms of the wall. `told` is what the queue heard."""

    process: int
    attempt: int
    began: int
    ended: int = 0
    told: str = ""  # DELIVERED, DEFERRED, FAILED, "back" (given back), "" (nothing yet)
    taken: bool = False  # the host answers for the letter from here on
    known: bool = True  # False: it took the letter and we could not hear that it did


class Watch(Protocol):
    """What the world does with what is seen here."""

    def dialled(self, feed: Feed, job: Job, busy: int) -> None: ...

    def told(self, job: Job, attempt: Attempt | None) -> None: ...

    def wall(self) -> int: ...

    def say(self, text: str) -> None: ...

    def wrong(self, text: str) -> None: ...


class Fate(msgspec.Struct):
    """What becomes of one job: after `takes` seconds the host answers for `taken`, after `ends` we know `outcomes`."""

    takes: float
    ends: float
    taken: tuple[int, ...]
    outcomes: list[Outcome]
    back: bool = False
    unheard: bool = False


class Hosts:
    """Every host of the world. `modes` by site, `dns` False while the resolver is ill."""

    def __init__(self, seed: int, watch: Watch) -> None:
        self.seed = seed
        self.watch = watch
        self.modes: dict[str, str] = defaultdict(lambda: UP)
        self.dns = True
        self.dials: dict[Key, list[Dial]] = defaultdict(list)
        self.count = 0

    def fate(self, job: Job, site: str) -> Fate:
        """Drawn anew for each dial; the same for the same seed, letter and history of the recipient."""
        first = (job.letter.id, job.indexes[0])
        draw = Random(hash((self.seed, *first, len(self.dials[first]))))
        mode = self.modes[site]
        ends = draw.choice((0.001, 0.05, 0.05, 0.4, 3.0))
        chance = draw.random()
        if mode == DOWN or (mode == FLAKY and chance < 0.3):
            return Fate(0, ends, (), [Outcome(n, DEFERRED, NOBODY, "", "site") for n in job.indexes])
        if (mode == FLAKY and chance < 0.6) or chance < 0.02:
            return Fate(0, ends, (), [], back=True)
        if mode == HANGING and chance < 0.8:
            return self._hangs(job, draw)
        if chance > 0.95 or (mode == FLAKY and chance > 0.8):
            return self._lost(job, draw, ends)
        kinds = {
            REFUSING: (FAILED,), GREY: (DEFERRED, DEFERRED, DELIVERED), MIXED: (DELIVERED, DEFERRED, FAILED),
        }.get(mode, (DELIVERED, DELIVERED, DELIVERED, DELIVERED, DELIVERED, DEFERRED, FAILED))  # fmt: skip
        outcomes = [self._outcome(n, draw.choice(kinds), draw) for n in job.indexes]
        taken = tuple(o.n for o in outcomes if o.kind == DELIVERED)
        return Fate(ends * draw.random(), ends, taken, outcomes)

    @staticmethod
    def _outcome(n: int, kind: str, draw: Random) -> Outcome:
        status, reply = SAYS[kind]
        scope = "letter" if kind == FAILED and draw.random() < 0.2 else "recipient"
        return Outcome(n, kind, status, reply, scope, draw.random() < 0.8)

    @staticmethod
    def _lost(job: Job, draw: Random, ends: float) -> Fate:
        """The connection breaks behind the final dot: the host may have taken the letter."""
        taken = job.indexes if draw.random() < 0.5 else ()
        return Fate(ends / 2, ends, taken, [Outcome(n, DEFERRED, LOST) for n in job.indexes], unheard=True)

    @staticmethod
    def _hangs(job: Job, draw: Random) -> Fate:
        taken = job.indexes if draw.random() < 0.3 else ()
        ends, scope = draw.uniform(10, 90), draw.choice(("site", "recipient"))
        return Fate(ends / 2, ends, taken, [Outcome(n, DEFERRED, LOST, "", scope) for n in job.indexes], unheard=True)


class Channel:
    """The connections of one process to one site: `hands` at most."""

    def __init__(self, hosts: Hosts, loop: Loop, process: int, hands: int, site: Site, feed: Feed) -> None:
        self.site = site
        self.busy: dict[int, tuple[Job, Fate, int]] = {}
        self.closed = False
        self._hosts, self._loop, self._process = hosts, loop, process
        self._hands = hands
        self._feed = feed
        self._inside = False
        self._numbers = 0
        self._ended: asyncio.Future[None] | None = None

    def wake(self) -> None:
        if self._inside:
            return
        self._inside = True
        try:
            while not self.closed and len(self.busy) < self._hands and (job := self._feed.take()) is not None:
                self._dial(job)
        finally:
            self._inside = False

    def _dial(self, job: Job) -> None:
        hosts = self._hosts
        hosts.count += 1
        fate = hosts.fate(job, self.site.name)
        for n in job.indexes:
            hosts.dials[job.letter.id, n].append(Dial(self._process, job.attempts, hosts.watch.wall()))
        hosts.watch.dialled(self._feed, job, len(self.busy) + 1)
        self._numbers += 1
        self.busy[self._numbers] = (job, fate, self._numbers)
        if fate.taken:
            self._loop.call_later(fate.takes, self._take, self._numbers)
        self._loop.call_later(fate.ends, self._end, self._numbers)

    def _take(self, number: int) -> None:
        """The host has the letter on its disk."""
        if number not in self.busy:
            return
        job, fate, _ = self.busy[number]
        for n in fate.taken:
            dial = self._hosts.dials[job.letter.id, n][-1]
            dial.taken, dial.known = True, not fate.unheard
        self._hosts.watch.say(f"{self.site.name} takes {job.letter.id}{list(fate.taken)}")

    def _end(self, number: int) -> None:
        if number not in self.busy:
            return
        job, fate, _ = self.busy.pop(number)
        if fate.back:
            self._give_back(job)
        else:
            self._tell(job, fate.outcomes)
        self._finish()
        self.wake()

    def _tell(self, job: Job, outcomes: list[Outcome]) -> None:
        now = self._hosts.watch.wall()
        for outcome in outcomes:
            dial = self._hosts.dials[job.letter.id, outcome.n][-1]
            dial.told, dial.ended = outcome.kind, now
        began = self._hosts.dials[job.letter.id, job.indexes[0]][-1].began
        attempt = Attempt(began, now, self.site.name, outcomes, host="peer.example")
        self._hosts.watch.told(job, attempt)
        self._feed.done(job, attempt)

    def _give_back(self, job: Job) -> None:
        now = self._hosts.watch.wall()
        for n in job.indexes:
            dial = self._hosts.dials[job.letter.id, n][-1]
            dial.told, dial.ended = "back", now
        self._hosts.watch.told(job, None)
        self._feed.give_back(job)

    def status(self) -> ChannelStatus:
        return ChannelStatus(
            self.site.name, self.site.kind, len(self.busy), len(self.busy), self._hands, 0.0, 0.0, False, 0, "",
            (), 0, 0, 0,
        )  # fmt: skip

    def close(self, grace: float = 20.0) -> "asyncio.Future[None]":
        self.closed = True
        if self._ended is None:
            self._ended = self._loop.create_future()
            self._loop.call_later(grace, self._cut)
        self._finish()
        return self._ended

    def _cut(self) -> None:
        """The grace is over: what may have been taken is told as unknown, the rest goes back."""
        for number in list(self.busy):
            job, fate, _ = self.busy.pop(number)
            if any(self._hosts.dials[job.letter.id, n][-1].taken for n in fate.taken):
                for n in fate.taken:
                    self._hosts.dials[job.letter.id, n][-1].known = False
                self._tell(job, [Outcome(n, DEFERRED, LOST) for n in job.indexes])
            else:
                self._give_back(job)
        self._finish()

    def _finish(self) -> None:
        if self._ended is not None and not self.busy and not self._ended.done():
            self._ended.set_result(None)


class Question:
    """A route that is not known yet; nobody is harmed when nobody waits for it."""

    def __init__(self, ask: Callable[[], Coroutine[Any, Any, Site]]) -> None:
        self._ask = ask

    def __await__(self) -> Generator[Any, None, Site]:
        return self._ask().__await__()


class Courier:
    """What one process asks for routes and channels."""

    def __init__(self, hosts: Hosts, loop: Loop, process: int, hands: int, chance: Random) -> None:
        self.channels: list[Channel] = []
        self._hosts, self._loop, self._process = hosts, loop, process
        self._hands = hands
        self._draw: Callable[[], float] = chance.random

    def route(self, address: Address) -> Site | Awaitable[Site]:
        domain = address.domain
        if domain == "slow.example" or self._draw() < 0.2:
            return Question(partial(self._ask, domain))
        return self._known(domain)

    def _known(self, domain: str) -> Site:
        name = DOMAINS.get(domain, "mx:a")
        if not name:
            raise Refusal(Status("5.1.2", "No such domain"))
        return SITES[name]

    async def _ask(self, domain: str) -> Site:
        await asyncio.sleep(self._draw() * 4)
        if not self._hosts.dns and domain != "local.example":
            raise Refusal(Status("4.4.3", "DNS does not answer"))
        return self._known(domain)

    def channel(self, site: Site, feed: Feed) -> Channel:
        self.channels.append(Channel(self._hosts, self._loop, self._process, self._hands, site, feed))
        return self.channels[-1]
