"""A worker: all doors, its own shard with its queue, its own connections; python -m hatoba.app.worker.

Started by crew with its orders on standard input; ends on SIGTERM or when the supervisor's end of that pipe closes.
Never reads the settings file and never binds a port: both were done before the privileges were dropped.
Dies with exit status 1 and a logged reason when it cannot start; the supervisor tries again.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, cast

import msgspec
import structlog

from hatoba.app import doorway, logs, publication, reporting, retention, verbs
from hatoba.app.crew import Orders
from hatoba.app.settings import Settings
from hatoba.app.wiring import Rooms
from hatoba.doors.control import serve
from hatoba.doors.smtp import door as smtp
from hatoba.net import listen
from hatoba.store import base

if TYPE_CHECKING:
    from hatoba.app.hearing import Hearing
    from hatoba.app.share import Share
    from hatoba.store.server import Server

SWITCH_INTERVAL = 0.0005  # seconds: the writer thread must not wait 5 ms for the loop's GIL
GC_THRESHOLD = (50_000, 20, 20)  # letters make many objects and no cycles: the default looks 70 times as often
LAST = 5.0  # seconds for what reports are doing just now
TICK = 1.0  # seconds between two looks at what other processes changed


class Worker:
    """One worker's life: start, serve, drain."""

    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        self.rooms = Rooms(orders)
        self.house = self.rooms.house
        self.doors: list[doorway.Door] = []
        self.retired: list[doorway.Door] = []  # closed to new connections, with sessions still open
        self.stopping = asyncio.Event()
        self._log = structlog.get_logger("worker")
        self._control: asyncio.Server | None = None
        self._ticking: asyncio.Task[None] | None = None
        self._share: Share | None = None
        self._sharing: asyncio.Task[None] | None = None
        self._hearing: Hearing | None = None
        self._publishing: asyncio.Task[None] | None = None
        self._retaining: asyncio.Task[None] | None = None
        self.office = reporting.office(self.rooms)
        self._reporting: asyncio.Task[None] | None = None

    @property
    def stops(self) -> bool:
        """It was told to end."""
        return self.stopping.is_set()

    async def start(self) -> None:
        """Recovers the queues, then takes mail."""
        rooms = self.rooms
        await rooms.upkeep.start(rooms.courier.tally)
        await rooms.mail.open()
        if isinstance(rooms.base, base.Files):
            for number in rooms.own_shards():
                await rooms.move_in(number)
        else:
            await self._join(cast("Server", rooms.base))
        path = rooms.places.control(self.orders.worker)
        self._control = await serve.serve(path, verbs.of(self))
        self.doors = await self._open()
        loop = asyncio.get_running_loop()
        self._ticking = loop.create_task(self._tick())
        self._reporting = loop.create_task(self.office.run())
        if self.orders.worker == 0:
            looks = publication.Publication(
                rooms.directory, rooms.resolver, self.house.clock, lambda: rooms.settings.dkim.look
            )
            self._publishing = loop.create_task(looks.run())
            kept = retention.run(rooms.register, self.house.clock, lambda: rooms.settings.audit.admin_retention)
            self._retaining = loop.create_task(kept)
        gc.collect()
        gc.freeze()  # what stands now stays: no collection walks it again
        gc.set_threshold(*GC_THRESHOLD)
        os.write(self.orders.ready, b"r")
        os.close(self.orders.ready)

    async def _join(self, server: Server) -> None:
        """Becomes a member of the nodes that share the server."""
        from hatoba.app import hearing, share  # psycopg is loaded only where a server is named

        rooms = self.rooms
        self._share = share.Share(rooms, server, rooms.owner, self.orders.settings.queue.drain, rooms.siblings)
        await self._share.start()
        self._sharing = asyncio.get_running_loop().create_task(self._share.run())
        self._hearing = hearing.Hearing(
            server,
            rooms.owner,
            lambda: rooms.homes,
            lambda: rooms.directory.refresh(self.house.clock()),
            rooms.mail.hub.hear,
        )
        rooms.mail.hub.reach(self._hearing.tell)

    async def _open(self) -> list[doorway.Door]:
        """Every listener, on a copy of its socket: the next generation of doors takes another copy."""
        return [
            await doorway.opened(self.rooms, listen.inherited(os.dup(given.fd)), given.listener)
            for given in self.orders.doors
        ]

    async def reload(self, settings: Settings) -> None:
        """New settings for new connections; those that stand end under the old ones. No connection is refused."""
        logs.configure(settings.log, worker=self.orders.worker)
        self.house = self.rooms.reload(settings)
        fresh = await self._open()
        for old in self.doors:
            old.retire()
        self.retired = [old for old in [*self.retired, *self.doors] if old.sessions]
        self.doors = fresh

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            now = self.house.clock()
            try:
                await asyncio.to_thread(self.rooms.directory.refresh, now)  # many aliases take a while to read
                self.house.tick()
                for old in self.retired:
                    if isinstance(old, smtp.Door):  # the others' sessions have no transaction
                        old.sweep()
            except Exception:  # noqa: BLE001  the next tick may do better; the mail goes on meanwhile
                self._log.exception("tick failed")

    async def drain(self) -> None:
        """Takes nothing new, ends what is in progress, gives the rest back to the store."""
        rooms, grace = self.rooms, self.orders.settings.drain
        for task in (self._ticking, self._publishing, self._retaining):
            if task:
                task.cancel()
        await self._close_office()
        await asyncio.gather(*(opened.drain(grace) for opened in [*self.doors, *self.retired]))
        if self._sharing:
            self._sharing.cancel()
        if self._control:
            self._control.close()
        if self._hearing:
            await self._hearing.stop(grace)
        await rooms.drain(grace)
        if self._hearing:
            await self._hearing.close()
        if self._share:
            await self._share.leave()

    async def _close_office(self) -> None:
        """Ends the reports first: they read the shards that are given back after."""
        if self._reporting:
            self._reporting.cancel()
            await asyncio.wait([self._reporting], timeout=LAST)
        try:
            await asyncio.wait_for(self.office.close(), LAST)
        except TimeoutError:
            self._log.warning("reports are left where they are: what is read of them now is read again")
        except Exception:  # noqa: BLE001  law 6: the letters' end must not hang on it
            self._log.exception("reports not closed")


async def serve_until_told(orders: Orders) -> None:
    loop = asyncio.get_running_loop()
    worker = Worker(orders)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stopping.set)
    loop.add_reader(sys.stdin.fileno(), worker.stopping.set)  # the pipe ends when the supervisor is gone
    await worker.start()
    await worker.stopping.wait()
    loop.remove_reader(sys.stdin.fileno())
    await worker.drain()


def run(main: Any, uvloop_wanted: bool) -> None:
    """Runs a coroutine on uvloop where it is wanted and installed, else on plain asyncio."""
    if uvloop_wanted:
        try:
            import uvloop
        except ImportError:
            pass
        else:
            uvloop.run(main)
            return
    asyncio.run(main)


def main() -> int:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # reloads come over the control socket, with the settings
    with open(0, "rb", buffering=0, closefd=False) as given:  # unbuffered: the rest of the pipe is only its end
        orders = msgspec.json.decode(given.readline(), type=Orders)
    logs.configure(orders.settings.log, worker=orders.worker)
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        run(serve_until_told(orders), orders.settings.uvloop)
    except Exception:  # noqa: BLE001  the last word before the supervisor starts the next one
        structlog.get_logger("worker").exception("worker failed")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
