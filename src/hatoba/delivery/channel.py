"""RemoteChannel: the pool of connections to one site: how many, which errand next, what came of it.

Made by courier for a lane; its lines (sessions) call it as their Owner, the lane wakes it.
Never speaks SMTP and never decides on a retry. An errand is taken before its connection is dialled, so that each
failed walk costs exactly one job its attempt.
Fails by Outcomes: a walk that failed defers its job; with the whole cohort failed the scope is "site".
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

from hatoba.delivery import feed as feeds
from hatoba.delivery import settings as settings_
from hatoba.delivery import verdict
from hatoba.delivery.dial import Dialler
from hatoba.delivery.errand import Errand, clip
from hatoba.delivery.exchange import begin
from hatoba.delivery.feedback import Window
from hatoba.delivery.line import BUSY, Line, Refused
from hatoba.delivery.pace import Pace
from hatoba.delivery.site import Site
from hatoba.delivery.walk import Walk
from hatoba.model.envelope import Letter
from hatoba.model.outcome import DEFERRED, DELIVERED, FAILED, Attempt, Job
from hatoba.model.status import Refusal, Status
from hatoba.net import limits as shared
from hatoba.net.session import Log
from hatoba.wire.smtp.peer import PeerReply

_SHARED_AGAIN = 0.5  # seconds until a connection is asked for again that other workers hold
_FULL = 30.0  # seconds without new connections after one was refused beside others that work
_LAST = 10  # replies remembered for status()


class Ground:
    """What all channels of a courier stand on."""

    __slots__ = ("chunks", "clock", "counters", "dialler", "log", "options", "steady", "walk")

    def __init__(
        self,
        *,
        options: settings_.Settings,
        dialler: Dialler,
        walk: Callable[[Site], Awaitable[Walk]],
        counters: shared.SharedCounters | None,
        chunks: Callable[[Letter], Iterable[bytes]],
        clock: Callable[[], int],
        steady: Callable[[], float],
        log: Log,
    ) -> None:
        self.options = options
        self.dialler = dialler
        self.walk = walk  # a fresh walk over a site's hosts, asked for anew when their time has passed; raises Refusal
        self.counters = counters
        self.chunks = chunks
        self.clock = clock  # ms since 1970
        self.steady = steady  # seconds
        self.log = log


class _Dial:
    """A connection being opened, with the errand it is for (which another line may take over meanwhile)."""

    __slots__ = ("errand", "last", "said", "task", "verify", "walk")

    def __init__(self, errand: Errand, walk: Walk | None, last: Refused | None, said: list[str]) -> None:
        self.errand: Errand | None = errand
        self.walk = walk  # the rest of a walk that goes on, None: a new one
        self.last = last  # why it goes on
        self.said = said
        self.verify = errand.covered
        self.task: asyncio.Task[None] | None = None


class RemoteChannel:
    """The channel of a site reached over the network. Connections are counted as lines and dials together."""

    def __init__(self, site: Site, feed: feeds.Feed, limits: settings_.Limits, ground: Ground) -> None:
        self._site = site
        self._feed = feed
        self._limits = limits
        self._ground = ground
        self._key = f"site:{site.name}"
        self._window = Window(limits.start, limits.connections, ground.options.cohort)
        self._pace = Pace(limits.rate, limits.burst)
        self._lines: set[Line] = set()
        self._resting: list[Line] = []
        self._aside: list[Errand] = []  # REQUIRETLS letters without a line that may carry them
        self._full_until = 0.0
        self._dials: set[_Dial] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._binds = ""
        self._retry_at = 0
        self._closed: asyncio.Future[None] | None = None
        self._cut: asyncio.TimerHandle | None = None
        self._counts = {DELIVERED: 0, DEFERRED: 0, FAILED: 0}
        self._last: deque[str] = deque(maxlen=_LAST)
        self.clock = ground.clock
        self.chunks = ground.chunks

    # ---- what the lane calls

    def wake(self) -> None:
        """Gives what is due to resting lines, then to new ones as limits and window allow."""
        if self._aside:
            self._dial_aside()
        while self._closed is None:
            line = self._resting[-1] if self._resting else None
            if line is None and not self._room():
                return
            errand = self._take()
            if line is None:
                if errand is None:
                    self._return_slot()
                    return
                self._dial(errand)
            elif errand is None:
                return
            elif self._fits(line, errand):
                self._resting.pop()
                self._counted(line)
                line.pump.push(begin(line, errand))
            elif not self._put_aside(errand):
                return

    def status(self) -> feeds.ChannelStatus:
        """As Channel.status."""
        counts = self._counts
        return feeds.ChannelStatus(
            self._site.name, self._site.kind, len(self._lines) + len(self._dials),
            sum(line.state is BUSY for line in self._lines), self._limits.connections, self._window.exact,
            self._limits.rate, self._window.dead, self._retry_at, self._binding(), tuple(self._last),
            counts[DELIVERED], counts[DEFERRED], counts[FAILED],
        )  # fmt: skip

    def close(self, grace: float = 20.0) -> "asyncio.Future[None]":
        """As Channel.close."""
        if self._closed is None:
            loop = asyncio.get_running_loop()
            self._closed = loop.create_future()
            self._disarm()
            for line in self._lines:
                line.retiring = True
            resting, self._resting = self._resting, []
            for line in resting:
                line.pump.push(begin(line, None))
            self._cut = loop.call_later(grace, self._cut_off)
            for dial in [*self._dials]:
                if dial.task is not None:
                    dial.task.cancel()
            aside, self._aside = self._aside, []
            for errand in aside:
                self._feed.give_back(errand.job)
            self._end()
        return self._closed

    # ---- what the lines call (Owner)

    def next(self, line: Line) -> Errand | None:
        """Hot. None when nothing is due, the pace says wait, or the line has carried its share."""
        if line.retiring or self._closed is not None:
            return None
        if self._aside and line.secure:
            errand: Errand | None = self._aside.pop(0)
        else:
            errand = self._take()
        if errand is None and self._dials and line.cur is None:
            errand = self._overtake()
        while errand is not None and not self._fits(line, errand):
            if not self._put_aside(errand):
                line.retiring = True  # it makes room for one that may carry them
                return None
            errand = self._take()
        if errand is not None:
            self._counted(line)
        return errand

    def done(self, line: Line, errand: Errand) -> None:
        """Hot."""
        attempt = errand.attempt(self.clock(), self._site.name, self._ground.options.dialogue)
        peer = line.peer
        attempt.host, attempt.ip, attempt.source_ip = peer.host, peer.ip, peer.source_ip
        attempt.tls, attempt.session = line.pump.tls, line.id
        if not line.told:
            line.told = True
            attempt.opening = "\n".join(line.opening)
        self._tell(errand, attempt)

    def back(self, line: Line, errand: Errand) -> None:
        line.begun -= 1
        self._feed.give_back(errand.job)

    def elsewhere(self, line: Line, errand: Errand, refused: Refused, reply: PeerReply | None) -> None:
        """Another host for a first letter; else the site has refused it, or lost it."""
        self._note(refused)
        walk = line.walk
        if line.served == 0 and errand.untouched and isinstance(walk, Walk) and self._closed is None:
            said = [*line.opening, *errand.said]
            errand.restart()
            errand.said = []
            line.told = True
            self._dial(errand, walk, borrowed=True, last=refused, said=said)
            return
        dead = self._window.bad()
        scope = verdict.SITE if reply is not None or dead else verdict.LETTER
        errand.refuse(refused.status, scope, refused.reply)
        self.done(line, errand)

    def rests(self, line: Line) -> None:
        self._resting.append(line)

    def gone(self, line: Line) -> None:
        if line not in self._lines:
            return
        self._lines.discard(line)
        if line in self._resting:
            self._resting.remove(line)
        self._return_slot()
        if self._closed is None:
            self.wake()
        self._end()

    # ---- taking

    def _take(self) -> Errand | None:
        """The next job of the feed as an errand, if the pace allows one. Hot."""
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
            return None if job is None else Errand(job, self.clock())
        except Exception as bug:  # law 6: a letter that trips us waits; the next one is another's
            assert job is not None  # noqa: S101 # nothing else can raise here
            self._puzzled(job, bug)
            return self._take()

    def _puzzled(self, job: Job, bug: Exception) -> None:
        """A bug met before the job was anybody's: logged whole, and the job deferred."""
        error_id = secrets.token_hex(6)
        self._ground.log.error("fault", error_id=error_id, letter=job.letter.id, exc_info=bug)
        now = self.clock()
        status = Status("4.3.0", f"internal error {error_id}")
        outcomes = [verdict.ours(n, status, verdict.LETTER) for n in job.indexes]
        self._feed.done(job, Attempt(now, now, self._site.name, outcomes))

    def _overtake(self) -> Errand | None:
        """The errand of a connection still being opened: this line is free now."""
        for dial in self._dials:
            if dial.errand is not None and not dial.verify:
                errand, dial.errand = dial.errand, None
                return errand
        return None

    def _fits(self, line: Line, errand: Errand) -> bool:
        """REQUIRETLS letters only go over verified lines."""
        return line.secure or not errand.covered

    def _put_aside(self, errand: Errand) -> bool:
        """A REQUIRETLS letter waits for a verified line; False when none can be opened for it now."""
        self._aside.append(errand)
        self._dial_aside()
        return not self._aside

    def _dial_aside(self) -> None:
        """Opens verified connections for the letters that wait for one, as far as there is room."""
        while self._aside and self._closed is None and self._room():
            self._dial(self._aside.pop(0))

    def _counted(self, line: Line) -> None:
        line.begun += 1
        most = line.engine.extensions.mailmax  # RFC 9422
        if line.begun >= (min(most, self._limits.letters) if most else self._limits.letters):
            line.retiring = True

    # ---- opening

    def _room(self) -> bool:
        """Whether one more connection may be opened; its slot is taken then."""
        count = len(self._lines) + len(self._dials)
        if self._lines and self._full_until > self._ground.steady():
            self._binds = "window"
            return False
        if count >= self._window.allowed:
            full = self._window.size >= self._limits.connections
            self._binds = "dead" if self._window.dead else "connections" if full else "window"
            return False
        counters = self._ground.counters
        if counters is not None and not counters.take(self._key, self._limits.connections):
            if count == 0:
                self._later(_SHARED_AGAIN, "shared limit")
            else:
                self._binds = "shared limit"
            return False
        self._binds = ""
        return True

    def _return_slot(self) -> None:
        if self._ground.counters is not None:
            self._ground.counters.give(self._key)

    def _dial(
        self,
        errand: Errand,
        walk: Walk | None = None,
        *,
        borrowed: bool = False,
        last: Refused | None = None,
        said: list[str] | None = None,
    ) -> None:
        """Opens a connection for the errand. `borrowed`: its slot is not taken yet; it goes on where another ended."""
        if borrowed and self._ground.counters is not None:
            self._ground.counters.take(self._key, 1 << 30)
        dial = _Dial(errand, walk, last, said or [])
        self._dials.add(dial)
        dial.task = asyncio.get_running_loop().create_task(self._open(dial))

    async def _open(self, dial: _Dial) -> None:
        """One dial to its end: a line, or an errand that is told why there is none."""
        status: Refused | None = None
        line: Line | None = None
        try:
            walk = dial.walk or await self._ground.walk(self._site)
            line = await self._ground.dialler.open(
                self, self._site, walk, self._limits, dial.said, verify=dial.verify, last=dial.last
            )
            line.walk = walk
        except Refusal as refusal:  # DNS, when the hosts were asked for anew
            status = Refused(refusal.status)
        except Refused as refused:
            status = refused
        except asyncio.CancelledError:
            status = Refused(Status("4.3.2", "hatoba is shutting down"))
        except Exception as bug:  # law 6: any bug is logged whole and defers the job
            error_id = secrets.token_hex(6)
            self._ground.log.error("fault", error_id=error_id, site=self._site.name, exc_info=bug)
            status = Refused(Status("4.3.0", f"internal error {error_id}"))
        self._dials.discard(dial)
        if line is not None:
            self._opened(dial, line)
        elif status is not None:
            self._return_slot()
            self._failed(dial, status)
        self._end()

    def _opened(self, dial: _Dial, line: Line) -> None:
        self._lines.add(line)
        line.opening[:0] = dial.said
        if line.pump.closing:  # it ended between its last word and this turn
            if dial.errand is not None:
                self._feed.give_back(dial.errand.job)
            self.gone(line)
            return
        if self._closed is not None and dial.errand is None:
            line.retiring = True
        if dial.errand is not None:
            self._counted(line)
            line.pump.push(begin(line, dial.errand))
        else:
            line.pump.push(begin(line, self.next(line)))

    def _failed(self, dial: _Dial, refused: Refused) -> None:
        """No host would do. The job carries the news; without one only the window learns."""
        self._note(refused)
        errand = dial.errand
        working = sum(not line.retiring for line in self._lines)
        beside = working > 0 and not dial.verify
        dead = False
        if beside:
            self._window.full(working)
            self._full_until = self._ground.steady() + _FULL
        elif self._closed is None:
            dead = self._window.bad()
        if errand is None:
            return
        if errand.untouched and (beside or self._closed is not None):
            self._feed.give_back(errand.job)  # others are served: the site bears so many connections and no more
            return
        site = (dead or refused.reply) and refused.status.temporary  # a peer that spoke meant us, not the letter
        errand.refuse(refused.status, verdict.SITE if site else verdict.LETTER, refused.reply)
        attempt = errand.attempt(self.clock(), self._site.name, self._ground.options.dialogue)
        attempt.opening = clip("\n".join(dial.said), self._ground.options.dialogue)
        self._tell(errand, attempt)

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
            self._window.good()
        self._feed.done(errand.job, attempt)

    def _note(self, refused: Refused) -> None:
        self._last.append(refused.reply or str(refused.status))

    def _binding(self) -> str:
        if self._closed is not None:
            return "closing"
        return "dead" if self._window.dead else self._binds

    # ---- time and end

    def _later(self, seconds: float, binds: str) -> None:
        """Looks again after `seconds`."""
        self._binds = binds
        if self._timer is None:
            self._retry_at = self.clock() + round(seconds * 1000)
            self._timer = asyncio.get_running_loop().call_later(seconds, self._again)

    def _again(self) -> None:
        self._timer = None
        self._binds = ""
        self._retry_at = 0
        self.wake()

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _cut_off(self) -> None:
        """Grace is over."""
        for dial in [*self._dials]:
            if dial.task is not None:
                dial.task.cancel()
        for line in [*self._lines]:
            line.pump.abort()

    def _end(self) -> None:
        if self._closed is not None and not self._lines and not self._dials and not self._closed.done():
            if self._cut is not None:
                self._cut.cancel()
            self._closed.set_result(None)
