"""Pool: the connections to one site: how many there may be, opening them, and what a site that refuses teaches.

Made by channel, one each; opens lines through dial, each for an errand that is already taken.
Never takes an errand and never tells one: the Keeper (channel) does.
Fails by handing the errand back to the Keeper: `unreachable` when no host would do.
"""

import asyncio
import secrets

from hatoba.delivery import settings as settings_
from hatoba.delivery.errand import Errand
from hatoba.delivery.exchange import begin
from hatoba.delivery.feedback import Window
from hatoba.delivery.ground import Dial, Ground, Keeper
from hatoba.delivery.guard import Refused
from hatoba.delivery.line import Line
from hatoba.delivery.need import Need
from hatoba.delivery.site import Site
from hatoba.delivery.walk import Walk
from hatoba.model.status import Refusal, Status

_TLS = frozenset(("4.7.0", "4.7.4", "4.7.5", "5.7.30"))  # there is no TLS as it was asked for
_FULL = 30.0  # seconds without new connections after one was refused beside others that work


class Pool:
    """Lines and dials together are what is counted. `binds` says what kept the last connection from being opened."""

    def __init__(self, site: Site, limits: settings_.Limits, ground: Ground, keeper: Keeper) -> None:
        self.site = site
        self.limits = limits
        self.ground = ground
        self.keeper = keeper
        self.window = Window(limits.start, limits.connections, ground.options.cohort)
        self.lines: set[Line] = set()
        self.resting: list[Line] = []
        self.aside: list[Errand] = []  # errands without a line that may carry them
        self.dials: set[Dial] = set()
        self.binds = ""
        self.closed: asyncio.Future[None] | None = None
        self._key = f"site:{site.name}"
        self._undecided: list[tuple[Dial, Refused]] = []
        self._full_until = 0.0
        self._cut: asyncio.TimerHandle | None = None

    # ---- room

    def room(self) -> bool:
        """Whether one more connection may be opened; its slot is taken then."""
        count = len(self.lines) + len(self.dials)
        if self.lines and self._full_until > self.ground.steady():
            self.binds = "window"
            return False
        if count >= self.window.allowed:
            full = self.window.size >= self.limits.connections
            self.binds = "dead" if self.window.dead else "connections" if full else "window"
            return False
        counters = self.ground.counters
        if counters is not None and not counters.take(self._key, self.limits.connections):
            self.binds = "shared limit"
            return False
        self.binds = ""
        return True

    def return_slot(self) -> None:
        if self.ground.counters is not None:
            self.ground.counters.give(self._key)

    # ---- opening

    def dial(
        self,
        errand: Errand,
        walk: Walk | None = None,
        *,
        borrowed: bool = False,
        last: Refused | None = None,
        said: list[str] | None = None,
    ) -> None:
        """Opens a connection for the errand. `borrowed`: its slot is not taken yet; it goes on where another ended."""
        if borrowed and self.ground.counters is not None:
            self.ground.counters.take(self._key, 1 << 30)
        dial = Dial(errand, walk, last, said or [])
        self.dials.add(dial)
        dial.task = asyncio.get_running_loop().create_task(self._open(dial))

    def overtake(self, line: Line) -> Errand | None:
        """The errand of a connection still being opened, for a line that is free now and may carry it."""
        for dial in self.dials:
            errand = dial.errand
            if errand is not None and self.keeper.meets(line, errand):
                dial.errand = None
                return errand
        return None

    def put_aside(self, errand: Errand) -> bool:
        """An errand waits for a line that may carry it; False when none can be opened for it now."""
        self.aside.append(errand)
        self.dial_aside()
        return not self.aside

    def dial_aside(self) -> None:
        """Opens connections for the errands that wait for one, as far as there is room; a resting line makes some."""
        while self.aside and self.closed is None and self.room():
            self.dial(self.aside.pop(0))
        if self.aside and self.closed is None and self.resting and not self.dials:
            idle = self.resting.pop(0)
            idle.retiring = True
            idle.pump.push(begin(idle, None))

    def from_aside(self, line: Line) -> Errand | None:
        """The first of those aside that the line may carry."""
        for at, errand in enumerate(self.aside):
            if self.keeper.meets(line, errand):
                return self.aside.pop(at)
        return None

    async def _open(self, dial: Dial) -> None:
        """One dial to its end: a line, or an errand that is told why there is none."""
        status: Refused | None = None
        line: Line | None = None
        try:
            need = dial.need
            if need is None and dial.errand is not None:
                need = dial.need = await self.keeper.learn(dial.errand)
            assert need is not None  # noqa: S101 # an errand whose need is not known is not overtaken
            if (status_ := need.blocked(self.ground.steady())) is not None:
                raise Refused(status_, policy=True)
            walk = dial.walk or await self.ground.walk(self.site)
            line = await self.ground.dialler.open(
                self.keeper, self.site, walk, self.limits, dial.said, need=need, last=dial.last
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
            self.ground.log.error("fault", error_id=error_id, site=self.site.name, exc_info=bug)
            status = Refused(Status("4.3.0", f"internal error {error_id}"))
        self.dials.discard(dial)
        if line is not None:
            self._opened(dial, line)
        elif status is not None:
            self.return_slot()
            self._failed(dial, status)
        self.end()

    def _opened(self, dial: Dial, line: Line) -> None:
        line.opening[:0] = dial.said
        if line.pump.closing:  # it ended between its last word and this turn
            self.return_slot()
            dial.said = line.opening
            self._failed(dial, Refused(Status("4.4.2", "lost connection after the greeting")))
            return
        self.lines.add(line)
        if self.closed is not None and dial.errand is None:
            line.retiring = True
        errand = dial.errand
        if errand is not None and not self.keeper.meets(line, errand):  # its need has changed meanwhile
            why = Refused(Status("4.7.0", "what TLS must be like has changed while the connection was opened"))
            self.keeper.unreachable(errand, why, dial.said, site=False)
            errand = None
        if errand is not None:
            self.counted(line)
            line.pump.push(begin(line, errand))
        else:
            line.pump.push(begin(line, self.keeper.next(line)))
        self._decide()

    def counted(self, line: Line) -> None:
        """One more errand for the line; with its last one it retires. Hot."""
        line.begun += 1
        most = line.engine.extensions.mailmax  # RFC 9422
        if line.begun >= (min(most, self.limits.letters) if most else self.limits.letters):
            line.retiring = True

    # ---- refused

    def _failed(self, dial: Dial, refused: Refused) -> None:
        """No host would do. A host that spoke may mean "no more connections": what the others meet will show."""
        self.keeper.refused(refused)
        if refused.reply and not dial.special and self.closed is None:
            self._undecided.append((dial, refused))
        else:
            self._settle(dial, refused)
        self._decide()

    def _decide(self) -> None:
        """Settles the refusals that waited, once a line works or every dial has ended."""
        if self._undecided and (self._working() or not self.dials):
            waiting, self._undecided = self._undecided, []
            for dial, refused in waiting:
                self._settle(dial, refused)

    def _serves(self, need: Need | None) -> bool:
        """Whether an open line meets the need."""
        return need is not None and any(line.fit.get(need) is not None for line in self.lines if not line.retiring)

    def _working(self) -> int:
        return sum(not line.retiring for line in self.lines)

    def _settle(self, dial: Dial, refused: Refused) -> None:
        """The job carries the news; without one only the window learns."""
        working = self._working()
        beside = self._serves(dial.need) if dial.special else working > 0 and not refused.policy
        own = refused.policy or (dial.special and refused.status.code in _TLS)  # more is asked than of other letters
        if own and not beside and dial.need is not None:
            refused = _uncovered(refused) if dial.need.covered else refused
            self._remember(dial.need, refused)
        dead = False
        if beside:
            self.window.full(working + len(self.dials))
            self._full_until = self.ground.steady() + _FULL
        elif self.closed is None and not own:
            dead = self.window.bad()
        errand = dial.errand
        if errand is not None and errand.untouched and (beside or self.closed is not None):
            self.keeper.return_unsent(errand)  # others are served: the site bears so many connections and no more
        elif errand is not None:
            site = (dead or refused.reply != "") and refused.status.temporary and not own  # a peer that spoke meant us
            self.keeper.unreachable(errand, refused, dial.said, site=site)
        if not dead and self.closed is None:
            self.keeper.wake()

    def _remember(self, need: Need, refused: Refused) -> None:
        """The letters that follow need not find out one by one that no host will do."""
        keep = self.ground.options.tls_refused
        if need.refusal is None and need.failed is None and keep:
            need.failed = (refused.status, self.ground.steady() + keep)

    # ---- end

    def gone(self, line: Line) -> bool:
        """A line's connection is over; False if it never was in the pool."""
        if line not in self.lines:
            return False
        self.lines.discard(line)
        if line in self.resting:
            self.resting.remove(line)
        self.return_slot()
        return True

    def close(self, grace: float) -> "asyncio.Future[None]":
        """As Channel.close; twice is once."""
        if self.closed is None:
            loop = asyncio.get_running_loop()
            self.closed = loop.create_future()
            for line in self.lines:
                line.retiring = True
            resting, self.resting = self.resting, []
            for line in resting:
                line.pump.push(begin(line, None))
            self._cut = loop.call_later(grace, self._cut_off)
            for dial in [*self.dials]:
                if dial.task is not None:
                    dial.task.cancel()
            aside, self.aside = self.aside, []
            for errand in aside:
                self.keeper.return_unsent(errand)
            self.end()
        return self.closed

    def _cut_off(self) -> None:
        """Grace is over."""
        for line in [*self.lines]:
            line.pump.abort()

    def end(self) -> None:
        """Says so, once closed and empty."""
        if self.closed is None or self.lines or self.dials:
            return
        self._decide()
        if self._cut is not None:
            self._cut.cancel()
        if not self.closed.done():
            self.closed.set_result(None)


def _uncovered(refused: Refused) -> Refused:
    """Why no host may carry a REQUIRETLS letter: final where TLS is not offered, else the certificate may be mended.

    # RFC 8689 §4.2.1
    """
    if refused.handshake or refused.status.code in ("4.4.3", "5.7.30"):
        return refused
    text = f"the sender requires TLS (REQUIRETLS): {refused.status.text}"
    return Refused(Status("5.7.30", text), refused.reply, policy=refused.policy)
