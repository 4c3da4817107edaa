"""RemoteChannel: the errands to one site reached over the network: which goes next, what came of it.

Made by courier for a lane, which wakes it; the lines (sessions) of its pool call it as their Owner.
Never speaks SMTP and never decides on a retry. An errand is taken before its connection is dialled, so that each
failed walk costs exactly one job its attempt.
Fails by Outcomes: a walk that failed defers its job; with the whole cohort failed the scope is "site".
"""

import asyncio
import secrets
from collections import deque

from hatoba.delivery import feed as feeds
from hatoba.delivery import guard as guards
from hatoba.delivery import settings as settings_
from hatoba.delivery import verdict
from hatoba.delivery.errand import Errand, clip
from hatoba.delivery.exchange import begin
from hatoba.delivery.ground import Ground
from hatoba.delivery.guard import Refused
from hatoba.delivery.line import BUSY, Line
from hatoba.delivery.need import Need
from hatoba.delivery.pace import Pace
from hatoba.delivery.pool import Pool
from hatoba.delivery.site import Site
from hatoba.delivery.sorter import Sorter
from hatoba.delivery.walk import Walk
from hatoba.model.outcome import DEFERRED, DELIVERED, FAILED, Attempt, Job
from hatoba.model.status import Status
from hatoba.wire.smtp.peer import PeerReply

_SHARED_AGAIN = 0.5  # seconds until a connection is asked for again that other workers hold
_LAST = 10  # replies remembered for status()
_UNASKED = "?"  # a line was not held against a need yet


class RemoteChannel:
    """See feed.Channel; the pool keeps the connections."""

    def __init__(self, site: Site, feed: feeds.Feed, limits: settings_.Limits, ground: Ground) -> None:
        self._site = site
        self._feed = feed
        self._limits = limits
        self._ground = ground
        self._pool = Pool(site, limits, ground, self)
        self._pace = Pace(limits.rate, limits.burst)
        self._sorter = Sorter(site, feed, ground)
        self._timer: asyncio.TimerHandle | None = None
        self._waits = ""  # what the timer waits for
        self._retry_at = 0
        self._counts = {DELIVERED: 0, DEFERRED: 0, FAILED: 0}
        self._last: deque[str] = deque(maxlen=_LAST)
        self.clock = ground.clock
        self.chunks = ground.chunks

    # ---- what the lane calls

    def wake(self) -> None:
        """Gives what is due to resting lines, then to new ones as limits and window allow."""
        pool = self._pool
        if pool.aside:
            pool.dial_aside()
        while pool.closed is None:
            slot = not pool.resting
            if slot and not pool.room():
                if pool.binds == "shared limit" and not pool.lines and not pool.dials:
                    self._later(_SHARED_AGAIN, pool.binds)
                return
            errand = self._take()
            if errand is None:
                if slot:
                    pool.return_slot()
                return
            line = self._resting(errand)
            if line is not None:
                pool.resting.remove(line)
                pool.counted(line)
                line.pump.push(begin(line, errand))
            elif slot:
                pool.dial(errand)
            elif not pool.put_aside(errand):
                return

    def _resting(self, errand: Errand) -> Line | None:
        """The resting line used last of those that may carry the errand."""
        return next((line for line in reversed(self._pool.resting) if self.meets(line, errand)), None)

    def status(self) -> feeds.ChannelStatus:
        """As Channel.status."""
        counts, pool = self._counts, self._pool
        return feeds.ChannelStatus(
            self._site.name, self._site.kind, len(pool.lines) + len(pool.dials),
            sum(line.state is BUSY for line in pool.lines), self._limits.connections, pool.window.exact,
            self._limits.rate, pool.window.dead, self._retry_at, self._binding(), tuple(self._last),
            counts[DELIVERED], counts[DEFERRED], counts[FAILED],
        )  # fmt: skip

    def _binding(self) -> str:
        if self._pool.closed is not None:
            return "closing"
        return "dead" if self._pool.window.dead else self._waits or self._pool.binds

    @property
    def closed(self) -> bool:
        return self._pool.closed is not None

    def close(self, grace: float = 20.0) -> "asyncio.Future[None]":
        """As Channel.close."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for errand in self._sorter.rest():
            self._feed.give_back(errand.job)
        return self._pool.close(grace)

    # ---- what the lines call (Owner)

    def next(self, line: Line) -> Errand | None:
        """Hot. None when nothing is due, the pace says wait, or the line has carried its share."""
        if line.retiring or self._pool.closed is not None:
            return None
        errand = self._pool.from_aside(line) if self._pool.aside else None
        if errand is None:
            errand = self._take()
        if errand is None and self._pool.dials and line.cur is None:
            errand = self._pool.overtake(line)
        while errand is not None and not self.meets(line, errand):
            if not self._pool.put_aside(errand):
                line.retiring = True  # it makes room for one that may carry them
                return None
            errand = self._take()
        if errand is not None:
            self._pool.counted(line)
        return errand

    def done(self, line: Line, errand: Errand) -> None:
        """Hot."""
        attempt = errand.attempt(self.clock(), self._site.name, self._ground.options.dialogue)
        peer = line.peer
        attempt.host, attempt.ip, attempt.source_ip = peer.host, peer.ip, peer.source_ip
        attempt.tls, attempt.session = line.pump.tls, line.id
        if errand.need is not None:
            attempt.tls_policy = line.fit.get(errand.need) or ""
        if not line.told:
            line.told = True
            attempt.opening = "\n".join(line.opening)
        self._tell(errand, attempt)

    def back(self, line: Line, errand: Errand) -> None:
        line.begun -= 1
        self._feed.give_back(errand.job)

    def elsewhere(self, line: Line, errand: Errand, refused: Refused, reply: PeerReply | None) -> None:
        """Another host for a first letter; else the site has refused it, or lost it."""
        self.refused(refused)
        walk = line.walk
        if line.served == 0 and errand.untouched and isinstance(walk, Walk) and self._pool.closed is None:
            said = [*line.opening, *errand.said]
            errand.restart()
            errand.said = []
            line.told = True
            self._pool.dial(errand, walk, borrowed=True, last=refused, said=said)
            return
        dead = self._pool.window.bad()
        scope = verdict.SITE if reply is not None or dead else verdict.LETTER
        errand.refuse(refused.status, scope, refused.reply)
        self.done(line, errand)

    def rests(self, line: Line) -> None:
        self._pool.resting.append(line)

    def gone(self, line: Line) -> None:
        if self._pool.gone(line):
            if self._pool.closed is None:
                self.wake()
            self._pool.end()

    # ---- what the pool calls (Keeper)

    def return_unsent(self, errand: Errand) -> None:
        self._feed.give_back(errand.job)

    def unreachable(self, errand: Errand, refused: Refused, said: list[str], *, site: bool) -> None:
        errand.refuse(refused.status, verdict.SITE if site else verdict.LETTER, refused.reply)
        bound = self._ground.options.dialogue
        attempt = errand.attempt(self.clock(), self._site.name, bound)
        attempt.opening = clip("\n".join(said), bound)
        self._tell(errand, attempt)

    def refused(self, refused: Refused) -> None:
        self._last.append(refused.reply or str(refused.status))

    # ---- taking

    def _take(self) -> Errand | None:
        """The next errand for which a host may be found, if the pace allows one. Hot."""
        while (errand := self._sorter.part() or self._next()) is not None:
            need = errand.need
            if need is None or need.plain:
                return errand
            status = need.blocked(self._ground.steady())
            if status is None:
                return errand
            errand.refuse(status, verdict.LETTER)
            if need.refusal is None:
                errand.said.append("* not dialled: no host would do for another letter to the domain a moment ago")
            self._tell(errand, errand.attempt(self.clock(), self._site.name, self._ground.options.dialogue))
        return None

    def _next(self) -> Errand | None:
        """The next job of the feed as an errand."""
        pace = self._pace
        if pace.rate:
            now = self._ground.steady()
            wait = pace.wait(now)
            if wait > 0:
                self._later(wait, "rate")
                return None
            job = self._feed.take()
            if job is not None:
                pace.spend(now)
        else:
            job = self._feed.take()
        try:
            return None if job is None else self._sorter.sorted(Errand(job, self.clock()))
        except Exception as bug:  # noqa: BLE001 # law 6: a letter that trips us waits; the next one is another's
            assert job is not None  # noqa: S101 # nothing else can raise here
            self._puzzled(job, bug)
            return self._next()

    def _puzzled(self, job: Job, bug: Exception) -> None:
        """A bug met before the job was anybody's: logged whole, and the job deferred."""
        error_id = secrets.token_hex(6)
        self._ground.log.error("fault", error_id=error_id, letter=job.letter.id, exc_info=bug)
        now = self.clock()
        status = Status("4.3.0", f"internal error {error_id}")
        outcomes = [verdict.ours(n, status, verdict.LETTER) for n in job.indexes]
        self._feed.done(job, Attempt(now, now, self._site.name, outcomes))

    # ---- what TLS must be like

    async def learn(self, errand: Errand) -> Need:
        return await self._sorter.learn(errand)

    def meets(self, line: Line, errand: Errand) -> bool:
        """Whether the line has shown all that the errand asks. Hot: once per letter."""
        need = errand.need
        if need is None:
            return False
        found = line.fit.get(need, _UNASKED)
        if found is _UNASKED:
            found = self._weigh(line, need)
        return found is not None

    def _weigh(self, line: Line, need: Need) -> str | None:
        """Once for each line and need: the line may be counted as a session of the need's domain now."""
        proof, peer = line.proof, line.peer
        guard = guards.weigh(need, proof)
        if guard is None or (need.covered and not line.engine.extensions.requiretls):
            line.fit[need] = None
            return None
        if proof.chain or peer.guard.tls:
            self._ground.tally.used(need, guard, proof, peer.source_ip, peer.ip)
        found = line.fit[need] = guards.words(guard, proof)
        return found

    # ---- telling

    def _tell(self, errand: Errand, attempt: Attempt) -> None:
        """Hot."""
        counts = self._counts
        good = False
        for outcome in attempt.outcomes:
            counts[outcome.kind] += 1
            if outcome.kind is not DELIVERED:
                self._last.append(outcome.reply or str(outcome.status))
            good = good or (outcome.reply != "" and outcome.scope != verdict.SITE)
        if good:
            self._pool.window.good()
        self._feed.done(errand.job, attempt)

    # ---- time

    def _later(self, seconds: float, waits: str) -> None:
        """Looks again after `seconds`."""
        self._waits = waits
        if self._timer is None:
            self._retry_at = self.clock() + round(seconds * 1000)
            self._timer = asyncio.get_running_loop().call_later(seconds, self._again)

    def _again(self) -> None:
        self._timer = None
        self._waits = ""
        self._retry_at = 0
        self.wake()
