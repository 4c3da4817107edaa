"""Admin: hold, release, retry now and drop, for a letter, a lane or a filter; each order with its event and its author.

Called by the control door through `Queue.admin`, and by the command line on a shard that no worker has (`offline`).
Never cuts off an attempt under way: an order about one is carried out when it ends and the recipient would stay.
Fails with ValueError on an empty choice, StoreTrouble when the disk does; what was done before stays done.
"""

import random
from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from hatoba.delivery import feed
from hatoba.delivery.site import Site
from hatoba.journal import forms
from hatoba.model.address import Address
from hatoba.model.envelope import Letter
from hatoba.model.status import Refusal, Status
from hatoba.notice import settings as notice_
from hatoba.queue import report
from hatoba.queue.board import FILTERS, filters_bytes, filters_of
from hatoba.queue.choice import Choice, Standing
from hatoba.queue.contents import Reading
from hatoba.queue.lanes import LaneStatus
from hatoba.queue.means import Means
from hatoba.queue.notices import Notices
from hatoba.queue.orders import PAGE, Done, Key, Online, Orders
from hatoba.queue.settings import Settings
from hatoba.queue.settle import Order
from hatoba.store import queue as rows_
from hatoba.store import shard as shard_
from hatoba.store.rows import HELD, QUARANTINED, READY, LaneRow, Listed
from hatoba.store.sql import Tx


class Admin:
    """`by` is who orders: an account, "cli:root" …; `reason` is for people."""

    def __init__(self, means: Means, notices: Notices, reading: Reading) -> None:
        self._means = means
        self._reading = reading
        self._orders = Orders(means, notices, reading)

    def online(self, on: Online) -> None:
        """The shard has a running queue: orders reach into its memory."""
        self._orders.on = on

    def close(self) -> None:
        """Ends the reading thread of an offline Admin (a queue closes its own)."""
        self._reading.close()

    # orders about letters

    async def hold(self, choice: Choice, by: str, reason: str = "") -> Done:
        """Recipients that wait go to HELD, until released."""
        orders = self._orders
        async with orders.alone():
            done = Done(under_way=await orders.recall(choice, Order(by, reason, hold=True)))
            now = self._means.clock()
            await orders.change(done, choice, (READY,), HELD, None, lambda x, n: forms.held(x, n, by, now, reason))
            return done

    async def release(self, choice: Choice, by: str) -> Done:
        """HELD and QUARANTINED recipients are due now."""
        orders = self._orders
        async with orders.alone():
            done, now = Done(), self._means.clock()
            orders.revoke(choice)
            await orders.change(
                done, choice, (HELD, QUARANTINED), READY, now, lambda x, n: forms.released(x, n, by, now, now)
            )
            return done

    async def retry(self, choice: Choice, by: str) -> Done:
        """Recipients that wait are due now, and the suspension of their sites is lifted."""
        orders = self._orders
        async with orders.alone():
            done, now = Done(), self._means.clock()
            sites = await orders.change(
                done, choice, (READY,), READY, now, lambda x, n: forms.retried(x, n, by, now, now)
            )
            if orders.on is not None:
                board = orders.on.board
                for lane in [board.lanes[site] for site in sites | {choice.site} if site in board.lanes]:
                    lane.forgive()
            return done

    async def drop(self, choice: Choice, by: str, reason: str = "", *, tell: bool = False) -> Done:
        """Recipients leave the queue. `tell`: their senders get a failure DSN (5.7.0)."""
        orders = self._orders
        async with orders.alone():
            done = Done(under_way=await orders.recall(choice, Order(by, reason, hold=False, tell=tell)))
            for state in (READY, HELD, QUARANTINED):
                async for page in orders.select(choice, state):
                    await orders.drop(done, page, by, reason, tell)
            return done

    # standing orders

    async def hold_lane(self, site: str, by: str, reason: str = "") -> Done:
        """The site is held: what waits for it and what comes later. One attempt under way may still end."""
        row = LaneRow(site, True, reason, self._means.clock(), msgspec.json.encode({"by": by}))
        await self._means.writer.do(lambda tx: rows_.put_lane(tx, row))
        if self._orders.on is not None:
            self._orders.on.board.hold(site, reason)
        return await self.hold(Choice(site=site), by, reason or "lane held")

    async def release_lane(self, site: str, by: str) -> Done:
        """The site is free again, and everything held for it is due now."""
        await self._means.writer.do(lambda tx: rows_.remove_lane(tx, site))
        if self._orders.on is not None:
            self._orders.on.board.release(site)
        return await self.release(Choice(site=site), by)

    async def hold_filter(self, name: str, choice: Choice, by: str, reason: str = "") -> Done:
        """What matches is held: what waits, and what comes later until `release_filter`."""
        choice.check()
        standing = Standing(name, choice, by, reason, self._means.clock())
        await self._filters(lambda old: [*(one for one in old if one.name != name), standing])
        return await self.hold(choice, by, reason or f"filter {name}")

    async def release_filter(self, name: str, by: str) -> Done:
        """The standing filter goes, and everything held that matches it is due now. ValueError: there is none."""
        found: list[Standing] = []

        def without(old: list[Standing]) -> list[Standing]:
            found.extend(one for one in old if one.name == name)
            return [one for one in old if one.name != name]

        await self._filters(without)
        if not found:
            raise ValueError(f"there is no standing filter {name!r}")
        return await self.release(found[0].choice, by)

    async def filters(self) -> list[Standing]:
        """The standing filters."""
        return _kept(await self._reading.run(rows_.lanes))

    async def _filters(self, change: Callable[[list[Standing]], list[Standing]]) -> None:
        def write(tx: Tx) -> list[Standing]:
            new = change(_kept(rows_.lanes(tx)))
            rows_.put_lane(tx, LaneRow(FILTERS, False, "", self._means.clock(), filters_bytes(new)))
            return new

        new = await self._means.writer.do(write)
        if self._orders.on is not None:
            self._orders.on.board.sift(new)

    # questions

    async def summary(self) -> list[report.LaneSummary]:
        """Every lane of this shard."""
        holds = {row.site: row.reason for row in await self._reading.run(rows_.lanes) if row.held}
        lanes = self._lanes()
        return await self._reading.run(lambda reader: report.summary(reader, holds, lanes))

    async def show(self, letter: int) -> list[report.RecipientReport]:
        """The recipients of a letter still in the queue; [] when there are none (any more)."""
        lanes, now = self._lanes(), self._means.clock()
        return await self._reading.run(lambda reader: report.letter(reader, letter, lanes, now))

    async def find(
        self, choice: Choice, limit: int, after: Key | None = None, state: int | None = None
    ) -> Sequence[Listed]:
        """Recipients that match, by (letter, n), from behind `after`; `choice.everything` for all."""
        found: list[Listed] = []
        while len(found) < limit:
            page = await self._reading.run(partial(rows_.select, which=choice.rows(state), limit=PAGE, after=after))
            found += [one for one in page if choice.fits(one.row)]
            if len(page) < PAGE:
                break
            after = (page[-1].row.letter, page[-1].row.n)
        return found[:limit]

    def _lanes(self) -> dict[str, LaneStatus]:
        return (
            {}
            if self._orders.on is None
            else {name: lane.status() for name, lane in self._orders.on.board.lanes.items()}
        )


def offline(
    settings: Settings,
    shard: shard_.Shard,
    *,
    hostname: str,
    new_id: Callable[[], int],
    clock: Callable[[], int],
    notice: notice_.Settings | None = None,
    readdress: Callable[[Letter], Letter] | None = None,
) -> Admin:
    """Admin of a shard that no worker has: the command line opened it itself. `close()` it before the shard."""
    means = Means(
        settings,
        shard,
        _Nobody(),
        hostname=hostname,
        clock=clock,
        draw=random.random,
        new_id=new_id,
        readdress=readdress,
    )
    return Admin(means, Notices(means, notice or notice_.Settings()), Reading(shard, "queue-read"))


class _Nobody:
    """The courier where nothing is delivered."""

    def route(self, address: Address) -> Site:
        raise Refusal(Status("4.3.2", "The queue is not running"))

    def channel(self, site: Site, feed: feed.Feed) -> feed.Channel:
        raise RuntimeError("no channel without a running queue")


def _kept(rows: "Sequence[LaneRow]") -> list[Standing]:
    return next((filters_of(row.data) for row in rows if row.site == FILTERS), [])
