"""Board: all lanes of a queue, and what people ordered for them: held sites and standing filters.

Called by admission and refill (which lane), the runner (time passes), admin (orders).
Never writes: admin keeps the orders in the store's lane rows, `load` reads them back at start.
Fails with msgspec.DecodeError from `load` when an order in the store is none of ours.
"""

from collections.abc import Callable

import msgspec

from hatoba.delivery import site
from hatoba.model.envelope import Letter
from hatoba.queue.choice import Standing
from hatoba.queue.contents import Contents
from hatoba.queue.lanes import Lane, Settlement
from hatoba.queue.means import Means
from hatoba.store.rows import LaneRow

FILTERS = "*"  # the lane row that keeps the standing filters; no site is called so

filters_of = msgspec.json.Decoder(list[Standing]).decode
filters_bytes = msgspec.json.Encoder().encode


class Board:
    """`holds` are the held sites with the reason; `filters` the standing ones."""

    settlement: Settlement  # set by Queue, before the first lane

    def __init__(self, means: Means, contents: Contents) -> None:
        self.lanes: dict[str, Lane] = {}
        self.holds: dict[str, str] = {}
        self.filters: list[Standing] = []
        self.orders = 0  # counts changes of the two
        self.thirsty: dict[str, Lane] = {}  # lanes that ask for more from the store
        self.stir: Callable[[], None] = lambda: None  # wakes the runner
        self._means = means
        self._contents = contents

    def load(self, rows: list[LaneRow]) -> None:
        """What was ordered in former runs."""
        for row in rows:
            if row.site == FILTERS:
                self.filters = filters_of(row.data)
            elif row.held:
                self.holds[row.site] = row.reason

    def lane(self, where: site.Site) -> Lane:
        """The lane of a site, made with its channel when it is the first time. Hot when it is there."""
        found = self.lanes.get(where.name)
        return found if found is not None else self._make(where)

    def _make(self, where: site.Site) -> Lane:
        lane = Lane(where, self._means, self._contents, self.settlement)
        if where.name in self.holds:
            lane.held, lane.reason = True, self.holds[where.name]
        lane.thirsty = self._thirst
        lane.channel = self._means.courier.channel(where, lane)
        self.lanes[where.name] = lane
        return lane

    def _thirst(self, lane: Lane) -> None:
        if lane.name not in self.thirsty:
            self.thirsty[lane.name] = lane
            self.stir()

    def tick(self, now: int) -> list[Lane]:
        """Ends suspensions that are over (those lanes are returned) and forgets lanes long without work."""
        idle = now - int(self._means.settings.lane_idle * 1000)
        resumed: list[Lane] = []
        for lane in list(self.lanes.values()):
            if lane.suspended_until:
                if lane.resume(now):
                    resumed.append(lane)
            elif lane.waiting and not lane.active:
                lane.wake()  # a wake lost by whatever mistake costs no letter more than one turn
            elif lane.last_used < idle and lane.memory == 0 and not lane.failures:
                self.close(lane)
        return resumed

    def set_back(self, then: int, now: int) -> None:
        """The clock went from `then` back to `now`."""
        for lane in self.lanes.values():
            lane.set_back(then, now)

    def close(self, lane: Lane) -> None:
        """Forgets a lane that holds nothing; its connections end by themselves."""
        del self.lanes[lane.name]
        self.thirsty.pop(lane.name, None)
        if lane.channel is not None:
            lane.channel.close()

    def hold(self, name: str, reason: str) -> None:
        """A site is held from now on."""
        self.orders += 1
        self.holds[name] = reason
        if (lane := self.lanes.get(name)) is not None:
            lane.held, lane.reason = True, reason

    def sift(self, filters: list[Standing]) -> None:
        """The standing filters from now on."""
        self.orders += 1
        self.filters = filters

    def release(self, name: str) -> None:
        """A site is free again."""
        self.orders += 1
        self.holds.pop(name, None)
        if (lane := self.lanes.get(name)) is not None:
            lane.held, lane.reason = False, ""
            lane.wake()

    def held(self, letter: Letter, n: int, where: str) -> str:
        """Why a recipient on its way to `where` is to be held, "" when it may go."""
        if where in self.holds:
            return self.holds[where] or "lane held"
        for standing in self.filters:
            if standing.choice.matches(letter, n, where):
                return standing.reason or f"filter {standing.name}"
        return ""

    def wake_all(self) -> None:
        """Something that bound every lane has passed."""
        for lane in list(self.lanes.values()):
            lane.wake()
        self.stir()
