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
        """Shows that we live, renews the leases, takes what is due to us and gives back what is due to others.

        Who is `expected` counts as living.
        """
        members = {*expected, *await asyncio.to_thread(self._server.beat, self.name)}
        await self._renew()
        holdings = await asyncio.to_thread(self._server.holdings)
        lease, now = self._server.database.lease, time.monotonic()
        mine = [shard.number for shard in self._rooms.shards]
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
        self._free.pop(number, None)
        self._log.info("shard taken", shard=number)

    async def _renew(self) -> None:
        """What we could not renew because it is another's by now is dropped."""
        shards, asked = list(self._rooms.shards), time.monotonic()
        results = await asyncio.gather(*(shard.writer.do(shard.renew) for shard in shards), return_exceptions=True)
        for shard, result in zip(shards, results, strict=True):
            if isinstance(result, trouble.StoreTrouble) and result.kind == trouble.TAKEN:
                self._log.error("shard lost: another worker took it while we were silent", shard=shard.number)
                await self._rooms.move_out(shard.number, 0.0)
            elif not isinstance(result, BaseException):
                self._rooms.leased(shard.number, asked + self._server.database.lease)
            else:
                self._log.warning("lease not renewed", shard=shard.number, error=str(result))

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
