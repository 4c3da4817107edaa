"""Share: which shards of a common server this worker works, as workers and nodes come and go.

Made by worker where `database.url` names a server; on a node alone with its files the shards are the worker's for good.
Never writes a letter; never takes what another's lease holds. Who is cut off loses its shards to the others and drops
them when it hears of it.
Fails quietly: a turn that could not be done is logged and made again; `start` fails with what the store says.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

import structlog

from hatoba.store import trouble
from hatoba.store.server import Server
from hatoba.store.shard import Shard

TURNS = 4  # in the time that a lease lasts


class Rooms(Protocol):
    """What is moved about."""

    @property
    def shards(self) -> Sequence[Shard]: ...
    def leased(self, number: int, expires: float) -> None:
        """The shard is ours for certain until then (monotonic)."""

    async def move_in(self, number: int) -> None:
        """Opens the shard, recovers its queue and works it. ShardTaken, StoreTrouble."""

    async def move_out(self, number: int, grace: float) -> None:
        """Ends what is in progress within `grace` seconds and gives the shard back, where it is still ours."""


class Share:
    """One worker's. `name` is its name among the members of the cluster: node/worker; `siblings` start beside it."""

    def __init__(self, rooms: Rooms, server: Server, name: str, grace: float, siblings: Sequence[str] = ()) -> None:
        self.name = name
        self._siblings = siblings
        self._rooms = rooms
        self._server = server
        self._grace = grace
        self._free: dict[int, float] = {}  # when we first saw a shard without an owner
        self._renewals: dict[int, asyncio.Task[Exception | None]] = {}  # by shard, under way
        self._away: set[int] = set()  # the servers that did not answer at the last turn
        self._log = structlog.get_logger("share")

    @property
    def pause(self) -> float:
        """Seconds between two turns."""
        return self._server.database.lease / TURNS

    async def start(self) -> None:
        """Turns until there is a shard to work: without one no letter can be taken in."""
        told = False
        while True:
            await self.turn(self._siblings)
            if self._rooms.shards:
                return
            if not told:
                self._log.warning("no shard is free: waiting for another worker to give one back, or to die")
                told = True
            await asyncio.sleep(min(1.0, self.pause))

    async def turn(self, expected: Sequence[str] = ()) -> None:
        """Renews the leases, shows that we live, takes what is due to us and gives back what is due to others.

        Who is `expected` counts as living. The shards of a server that is away stay as they are and count for nobody.
        """
        await self._renew()  # first: it needs each shard's own server alone
        members = {*expected, *await asyncio.to_thread(self._server.beat, self.name)}
        holdings, away = await asyncio.to_thread(self._server.survey)
        self._tell(away)
        lease, now = self._server.database.lease, time.monotonic()
        known = {one.number for one in holdings}
        mine = [shard.number for shard in self._rooms.shards if shard.number in known]
        ours = [one.number for one in holdings if one.owner == self.name and one.number not in mine]  # before we died
        free = [one.number for one in holdings if one.number not in mine and (one.age < 0 or one.age > lease)]
        free = sorted({*ours, *free})
        self._free = {number: self._free.get(number, now) for number in free}
        forgotten = [number for number, since in self._free.items() if now - since > 2 * lease]
        owned = Counter(one.owner for one in holdings if one.number not in self._free)
        take, give = plan(mine, free, forgotten, {name: owned[name] for name in members if name != self.name})
        for number in give:
            self._log.info("shard given back", shard=number)
            await self._rooms.move_out(number, self._grace)
        for number in random.sample(take, len(take)):  # so that two who look at once do not race through the same row
            await self._take(number)

    async def _take(self, number: int) -> None:
        try:
            await self._rooms.move_in(number)
        except trouble.ShardTaken:
            return  # somebody was quicker
        except trouble.StoreTrouble as error:
            if error.kind != trouble.LOST and not self._rooms.shards:
                raise  # we have nothing to work and this will not pass by itself
            self._log.warning("shard not taken", shard=number, error=str(error))
            return
        self._free.pop(number, None)
        self._log.info("shard taken", shard=number)

    async def _renew(self) -> None:
        """What we could not renew because it is another's by now is dropped.

        Nobody waits long for a server that hangs: the renewals there go on beside the others' next turns.
        """
        shards = {shard.number: shard for shard in self._rooms.shards}
        for number, shard in shards.items():
            if number not in self._renewals:
                self._renewals[number] = asyncio.create_task(self._renewal(shard))
        if not self._renewals:
            return
        await asyncio.wait(self._renewals.values(), timeout=self.pause / 2)
        for number, task in list(self._renewals.items()):
            if not task.done():
                self._log.warning("lease not renewed", shard=number, error="the server does not answer")
                continue
            del self._renewals[number]
            error = task.result()
            if isinstance(error, trouble.StoreTrouble) and error.kind == trouble.TAKEN and number in shards:
                self._log.error("shard lost: another worker took it while we were silent", shard=number)
                await self._rooms.move_out(number, 0.0)
            elif error is not None:
                self._log.warning("lease not renewed", shard=number, error=str(error))

    async def _renewal(self, shard: Shard) -> Exception | None:
        asked = time.monotonic()
        try:
            await shard.writer.do(shard.renew)
        except Exception as error:  # noqa: BLE001  told by who looks at the task; one shard's fails alone
            return error
        if shard in self._rooms.shards:  # not closed and opened anew meanwhile
            self._rooms.leased(shard.number, asked + self._server.database.lease)
        return None

    def _tell(self, away: Mapping[int, trouble.StoreTrouble]) -> None:
        """Logs which servers went and which came back."""
        for place in away.keys() - self._away:
            listed = self._server.listed(place)
            self._log.error("a server is away: its shards wait", server=place, shards=listed, error=str(away[place]))
        for place in self._away - away.keys():
            self._log.warning("a server is back", server=place, shards=self._server.listed(place))
        self._away = set(away)

    async def run(self) -> None:
        """Turns for ever."""
        while True:
            await asyncio.sleep(self.pause)
            try:
                await self.turn()
            except trouble.StoreTrouble as error:
                self._log.warning("the cluster cannot be seen", error=str(error))
            except Exception:  # noqa: BLE001  the next turn may do better; the mail goes on meanwhile
                self._log.exception("turn failed")

    async def leave(self) -> None:
        """We are no member any more: the others share what we gave back."""
        try:
            await asyncio.to_thread(self._server.leave, self.name)
        except trouble.StoreTrouble as error:
            self._log.warning("could not leave the cluster; the leases run out by themselves", error=str(error))


def plan(
    mine: Sequence[int], free: Sequence[int], forgotten: Sequence[int], others: Mapping[str, int]
) -> tuple[list[int], list[int]]:
    """(shards to take, shards to give back). `others`: how many each other living member works.

    Everybody works at most the fair share, rounded up, so that all shards are worked; but nobody gives back while the
    others have theirs, and what nobody took for long (`forgotten`) is taken by whoever sees it.
    """
    total = len(mine) + len(free) + sum(others.values())
    fair = math.ceil(total / (1 + len(others)))
    room = max(0, fair - len(mine))
    take = [*free[:room], *(number for number in forgotten if number not in free[:room])]
    wanted = sum(max(0, fair - count) for count in others.values()) - len(free)
    give = mine[fair:][: max(0, wanted)] if len(mine) > fair else ()
    return take, list(give)
