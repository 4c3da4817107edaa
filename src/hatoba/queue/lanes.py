"""Lane: the jobs of one destination site in memory, and the reasons why they may not go now.

Made by `Lanes` when a site gets its first job; its channel (delivery) takes from it through the Feed protocol.
Never writes a row and never dials: outcomes and jobs cut short go to the settlement it was given.
Fails in nothing: a job handed back twice or never taken is logged and ignored.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from hatoba.delivery import feed, site
from hatoba.model.envelope import Letter
from hatoba.model.outcome import DEFERRED, Attempt, Job, Outcome
from hatoba.queue import backoff
from hatoba.queue.contents import Contents
from hatoba.queue.leased import Leased
from hatoba.queue.line import Line
from hatoba.queue.means import Means
from hatoba.store import trouble

AHEAD = 32  # jobs whose content is read before the channel asks for them
AHEAD_BYTES = 8 << 20  # and no more than this in one reading


class Settlement(Protocol):
    """What a lane tells about its jobs (queue.settle)."""

    def settle(self, lane: "Lane | None", job: Leased, attempt: Attempt) -> None: ...

    def return_jobs(self, jobs: list[Leased], next_at: int) -> None: ...

    def unreadable(self, job: Leased, error: trouble.StoreTrouble) -> None: ...

    def ordered(self, job: Leased) -> bool: ...

    def split(self, job: Leased, parts: Sequence[Sequence[int]]) -> list[Leased]: ...


class LaneStatus(msgspec.Struct, frozen=True):
    """All that may hold a lane back. Times in ms since 1970, 0 for none."""

    site: str
    kind: str
    waiting: int  # jobs in memory, not taken
    active: int  # jobs at the channel
    spilled: bool  # more rows wait in the store than memory may hold
    held: bool
    reason: str  # why it is held
    suspended_until: int
    failures: int  # failures of the whole site in a row
    last_reply: str
    binds: str  # "", or the first thing in the way, in words
    channel: feed.ChannelStatus | None


class Lane:
    """Implements delivery.Feed. On the event loop's thread only."""

    def __init__(self, where: site.Site, means: Means, contents: Contents, settlement: Settlement) -> None:
        self.site = where
        self.name = where.name
        self.channel: feed.Channel | None = None
        self.held = False
        self.reason = ""
        self.suspended_until = 0
        self.failures = 0
        self.last_reply = ""
        self.last_good = 0  # when the site last took a letter or spoke about one
        self.last_used = means.clock()
        self.spilled = False
        self.reserved = 0  # jobs whose commit is under way
        self.active: dict[int, Leased] = {}  # by id(job): taken by the channel
        self.thirsty: Callable[[Lane], None] | None = None  # told when the store should be asked for more
        self._low = max(means.settings.lane_depth // 4, 1)
        self._ready = Line()
        self._cold = Line()  # content not in memory
        self._loading: dict[int, Leased] = {}
        self._task: asyncio.Task[None] | None = None
        self._means = means
        self._gate = means.gate
        self._contents = contents
        self._settlement = settlement

    # the seam to delivery

    def take(self) -> Job | None:
        """The next job, None when there is none or something binds. Hot."""
        if self.held or self.suspended_until or not self._gate.open:
            return None
        if self.failures and self.active:
            return None  # one probe at a time until the site has spoken again
        job = self._ready.pop()
        if job is None:
            if self._cold.count and self._task is None:
                self._load()
            elif self.spilled and self.thirsty is not None:
                self.thirsty(self)
            return None
        self.active[id(job)] = job
        if self._cold.count and self._ready.count < AHEAD and self._task is None:
            self._load()
        if self.spilled and self.waiting < self._low and self.thirsty is not None:
            self.thirsty(self)
        return job

    def done(self, job: Job, attempt: Attempt) -> None:
        """What became of it. Hot. A verdict on the whole site suspends the lane, anything else clears it."""
        leased = self.active.pop(id(job), None)
        if leased is None:
            self._means.log.error("a job was told of that was not taken", site=self.name, letter=job.letter.id)
            return
        self._gate.jobs -= 1
        bad = None
        for outcome in attempt.outcomes:
            if outcome.scope == "site" and outcome.kind == DEFERRED:
                bad = outcome
            else:
                self.last_good = attempt.ended
        self._settlement.settle(self, leased, attempt)
        if bad is not None:
            self._site_failed(bad, attempt)
        elif self.failures:
            self.failures = 0
            self.wake()

    def give_back(self, job: Job) -> None:
        """Taken but not tried: it is the next to go, unless the lane must not hold it now."""
        leased = self.active.pop(id(job), None)
        if leased is None:
            self._means.log.error("a job came back that was not taken", site=self.name, letter=job.letter.id)
            return
        if self.held or self.suspended_until or self._gate.draining or self._settlement.ordered(leased):
            self._return([leased], self.suspended_until or self._means.clock())
        else:
            (self._ready if self._at_hand(leased.letter) else self._cold).put_front(leased)

    def split(self, job: Job, parts: Sequence[Sequence[int]]) -> list[Job]:
        """Recipients that cannot go together after all, each part a job of its own."""
        leased = self.active.pop(id(job))
        jobs = self._settlement.split(leased, parts)
        self._gate.jobs += len(jobs) - 1
        self.active |= {id(each): each for each in jobs}
        return list(jobs)

    # filling

    @property
    def waiting(self) -> int:
        """Jobs in memory that are not at the channel."""
        return self._ready.count + self._cold.count + len(self._loading)

    @property
    def memory(self) -> int:
        """All jobs of the lane that memory answers for."""
        return self.waiting + len(self.active) + self.reserved

    def room(self) -> int:
        """How many more jobs may come into memory; 0 while nothing may go."""
        if self.held or self.suspended_until or not self._gate.open:
            return 0
        mine = self.memory
        if self.failures or self._gate.jobs >= self._means.settings.memory_jobs:
            return max(1 - mine, 0)
        return self._means.settings.lane_depth - mine

    def refuses(self, now: int) -> int:
        """0 when a fresh job may come into memory, else when its row is due instead (ms). Hot.

        A lane with more in the store leaves half of its memory to the older rows there.
        """
        if self.suspended_until:
            return self.suspended_until
        if self.failures or self._gate.draining or self._gate.jobs >= self._means.settings.memory_jobs:
            return 0 if self.memory == 0 and not self._gate.draining else now
        depth = self._means.settings.lane_depth
        return 0 if self.memory < (depth // 2 if self.spilled else depth) else now

    def put(self, job: Leased) -> None:
        """A job of this site waits for its attempt (the caller wakes the channel). Hot."""
        self._gate.jobs += 1
        job.site = self.name
        letter = job.letter
        (self._ready if letter.content is not None or self._at_hand(letter) else self._cold).put(job)

    def _at_hand(self, letter: Letter) -> bool:
        return letter.content is not None or bool(letter.blob and self._contents.hold(letter))

    def wake(self) -> None:
        """Tells the channel that something may be due."""
        self.last_used = self._means.clock()
        if self._cold.count and self._ready.count < AHEAD and self._task is None:
            self._load()
        if self._ready.count and self.channel is not None:
            self.channel.wake()

    def _load(self) -> None:
        size = 0
        while len(self._loading) < AHEAD and (job := self._cold.pop()) is not None:
            size += job.letter.size
            if (self._loading or self._ready.count) and not (size < AHEAD_BYTES and self._contents.fits(size)):
                self._cold.put_front(job)  # one at least, or the lane would stand still
                break
            self._loading[id(job)] = job
        if not self._loading:
            return
        self._task = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        jobs = list(self._loading.values())
        try:
            bad = await self._contents.fetch([job.letter for job in jobs])
        except Exception as error:  # noqa: BLE001  whatever it is, these jobs must leave memory the regular way
            bad = {job.letter.id: trouble.StoreTrouble(f"reading content: {error!r}") for job in jobs}
        finally:
            self._task = None
        for job in jobs:
            if self._loading.pop(id(job), None) is None:
                self._contents.release(job.letter)  # taken out meanwhile, by a person or by a suspension
                continue
            wrong = bad.get(job.letter.id)
            if wrong is not None:
                self._gate.jobs -= 1
                self._settlement.unreadable(job, wrong)
            else:
                self._ready.put(job)
        self.wake()

    # what binds

    def _site_failed(self, outcome: Outcome, attempt: Attempt) -> None:
        if self.suspended_until or (self.last_good >= attempt.started and not self.failures):
            return  # already known; or the site took other letters meanwhile, so it is not the whole of it
        now = self._means.clock()
        self.failures += 1
        self.last_reply = outcome.reply or str(outcome.status)
        self.suspended_until = now + backoff.suspension(self._means.settings, self.failures, self._means.draw())
        waiting = self.empty()
        if waiting:
            text = f"site suspended: {self.last_reply}"
            status = msgspec.structs.replace(outcome.status, text=text[:500])
            for job in waiting:
                told = [Outcome(n, DEFERRED, status, "", "site") for n in job.indexes]
                self._settlement.settle(self, job, Attempt(now, now, self.name, told))

    def resume(self, now: int) -> bool:
        """Ends a suspension whose time is over; True when it did. What goes next is a probe."""
        if not self.suspended_until or now < self.suspended_until:
            return False
        self.suspended_until = 0
        return True

    def set_back(self, then: int, now: int) -> None:
        """The clock went from `then` back to `now`: nothing lasts longer for it, nothing lies in the future."""
        if self.suspended_until:
            self.suspended_until = max(self.suspended_until - (then - now), now)
        self.last_good, self.last_used = min(self.last_good, now), min(self.last_used, now)

    def forgive(self) -> None:
        """A person says: try now. The history of failures goes."""
        self.suspended_until = 0
        self.failures = 0

    def empty(self) -> list[Leased]:
        """Takes out every waiting job; memory answers for them no more."""
        return self._forget([*self._loading.values(), *self._ready.clear(), *self._cold.clear()], True)

    def remove(self, wanted: Callable[[Leased], bool]) -> list[Leased]:
        """Takes out the waiting jobs that `wanted` picks."""
        loading = [job for job in self._loading.values() if wanted(job)]
        for job in loading:
            del self._loading[id(job)]
        return self._forget([*loading, *self._ready.remove(wanted), *self._cold.remove(wanted)], False)

    def _forget(self, jobs: list[Leased], all_: bool) -> list[Leased]:
        if all_:
            self._loading.clear()
        self._gate.jobs -= len(jobs)
        return jobs

    def _return(self, jobs: list[Leased], next_at: int) -> None:
        self._gate.jobs -= len(jobs)
        self.spilled = True
        self._settlement.return_jobs(jobs, next_at)

    def status(self) -> LaneStatus:
        """Everything that holds it back, and the channel's own account."""
        channel = None if self.channel is None else self.channel.status()
        return LaneStatus(
            self.name, self.site.kind, self.waiting, len(self.active), self.spilled, self.held, self.reason,
            self.suspended_until, self.failures, self.last_reply, self._binds(channel), channel,
        )  # fmt: skip

    def _binds(self, channel: feed.ChannelStatus | None) -> str:
        if self.held:
            return f"held: {self.reason}" if self.reason else "held"
        if self.suspended_until:
            return f"site suspended: {self.last_reply}"
        if not self._gate.open:
            return self._gate.binds()
        if self._loading and not self._ready.count:
            return "reading content"
        if self.failures:
            return f"testing the site: {self.last_reply}"
        if channel is not None and channel.binds:
            return channel.binds
        return ""
