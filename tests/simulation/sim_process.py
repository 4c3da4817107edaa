"""Process: one run of hatoba in the simulated world: its loop, the real shard, the real queue, its own courier.

Made by the world at each start; ended by `drain` or by a crash, after which nothing of it ever runs again.
A world may have several at once (two owners of a shard): each has its own loop, the hosts and the disk are outside.
Fails with nothing: what goes wrong is told to the world.
"""

import os
from collections.abc import Coroutine
from pathlib import Path
from random import Random
from typing import Any, Protocol

import msgspec
from tests.simulation.sim_disk import Disk
from tests.simulation.sim_loop import Loop
from tests.simulation.sim_peers import Courier, Hosts

from hatoba.notice.settings import Settings as NoticeSettings
from hatoba.queue import queue as queue_
from hatoba.queue.settings import Settings
from hatoba.store.settings import Settings as StoreSettings
from hatoba.store.shard import Shard

STORE = StoreSettings(inline=4096, gather=0.0, ride=0.0, cache=1 << 20)  # the writer's waits are the disk's to draw


class Setup(msgspec.Struct, frozen=True):
    """What a history starts from: drawn from its seed."""

    queue: Settings
    notice: NoticeSettings
    hands: int  # connections a channel opens to its site
    shuffle: float  # chance that a ready callback overtakes others


def setup(draw: Random) -> Setup:
    """Small numbers: what is rare in a large queue is common in a small one."""
    pick = draw.choice
    queue = Settings(
        first=pick((5.0, 20.0, 60.0, 150.0)),
        factor=pick((1.0, 1.7, 3.0)),
        most=pick((30.0, 120.0, 300.0)),
        jitter=pick((0.0, 0.15, 0.5)),
        expire=pick((60.0, 200.0, 400.0)),
        delay_notice=pick((0.0, 15.0, 100.0)),
        lane_depth=pick((1, 2, 4, 100)),
        memory_jobs=pick((1, 3, 1000)),
        content_memory=pick((0, 400, 1 << 20)),
        site_first=pick((5.0, 20.0)),
        site_most=pick((20.0, 90.0)),
        lane_idle=pick((3.0, 600.0)),
        poll=pick((2.0, 10.0, 30.0)),
        lease=pick((1, 3, 256)),
        unrouted=pick((1, 3, 1000)),
        unsettled=pick((1, 4, 2000)),
        crashes=pick((2, 3, 4)),
        drain=20.0,
    )
    return Setup(queue, NoticeSettings(expire=pick((60.0, 300.0))), pick((1, 2, 20)), pick((0.0, 0.0, 0.0, 0.3)))


class Outside(Protocol):
    """What a process needs of the world."""

    def wall(self) -> int: ...

    def new_id(self) -> int: ...

    def wrong(self, text: str) -> None: ...


class Process:
    """`crashed`: it died; `lossy`: it ended without getting its last outcomes to the disk."""

    def __init__(
        self, number: int, data: Path, setup: Setup, chance: Random, now: float, outside: Outside, hosts: Hosts
    ) -> None:
        self.number = number
        self.up = False
        self.crashed = False
        self.lossy = False
        self.loop = Loop(chance, now, setup.shuffle, outside.wrong)
        self.shard = Shard.open(data, 0, STORE, f"process {number}", thread=False)
        self.courier = Courier(hosts, self.loop, number, setup.hands, chance)
        self.queue = queue_.Queue(
            setup.queue,
            self.shard,
            self.courier,
            hostname="hatoba.example",
            new_id=outside.new_id,
            notice=setup.notice,
            clock=outside.wall,
            draw=chance.random,
        )

    def attach(self, disk: Disk) -> None:
        disk.attach(self.loop, self.shard)

    def run(self, work: Coroutine[Any, Any, Any], seconds: float) -> "Result":
        """Runs one coroutine to its end, for `seconds` at most; what came of it."""
        task = self.loop.create_task(work)
        done = self.loop.spin(self.loop.now + seconds, task.done)
        if not done:
            return Result(halted=self.loop.halted, late=not self.loop.halted)
        return Result(error=task.exception())

    def end(self) -> None:
        """After a drain: the rest is written, the lease of the shard goes back."""
        self.up = False
        self.loop.call_soon(self.shard.close)
        self.loop.spin(self.loop.now + 1.0)
        self.loop.end()

    def die(self) -> None:
        """Memory is gone; the disk is as the last commit left it."""
        self.up = False
        self.crashed = True
        self.loop.end()
        self.queue._close()
        link = self.shard.writer._link
        if link is not None:
            link.close()  # an open transaction ends as it does when the process dies: it never was
        lock, self.shard._lock = self.shard._lock, -1
        os.close(lock)


class Result(msgspec.Struct):
    """`late`: it did not end in time; `halted`: the process died in it."""

    error: BaseException | None = None
    halted: bool = False
    late: bool = False
