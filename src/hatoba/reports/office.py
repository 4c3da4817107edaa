"""Office: the two works of a worker's reports: reading its shards' journals, and, on one worker of all, sending.

Made by app, once a worker; `run` goes on until it is cancelled.
Never stands in a letter's way: it reads behind the commits, and what it sends goes through the queue.
Fails quietly: a turn that could not be done is logged and made again.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from hatoba.reports import gather, identity, inbox, kinds
from hatoba.reports.means import Means
from hatoba.reports.round import Round, Tally
from hatoba.store import base, reports
from hatoba.store.sql import Reader
from hatoba.store.trouble import StoreTrouble

FIRST, LONGEST = 15.0, 300.0  # seconds between two looks; each that finds nothing makes the pause longer
_PURGE = 1000  # reports removed in one transaction
_log = structlog.get_logger("reports")


class Office:
    """One worker's. Its own connection to the directory is opened when it is first needed."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._register: base.Register | None = None
        self._readers: dict[int, Reader] = {}
        self._reading = asyncio.Lock()
        self._round = Round(means, self._opened)

    @property
    def active(self) -> bool:
        """There is something to do: reports to be sent, or an address that takes them."""
        settings = self._means.settings()
        return settings.dmarc or settings.tls or bool(self._addresses())

    async def run(self) -> None:
        """Reads and sends until it is cancelled."""
        await asyncio.gather(self._repeat(self.gather), self._repeat(self._turn))

    async def _repeat(self, work: Callable[[], Awaitable[int]]) -> None:
        pause = FIRST
        while True:
            await asyncio.sleep(pause)
            if not self.active:
                continue
            done = 0
            try:
                done = await work()
            except StoreTrouble as error:
                _log.warning("reports wait for the store", error=str(error))
            except Exception:  # noqa: BLE001  the next turn may do better; the mail goes on meanwhile
                _log.exception("reports failed")
            pause = FIRST if done else min(LONGEST, pause * 2)

    async def gather(self) -> int:
        """Reads the journals of this worker's shards to their ends; how many events told of something."""
        async with self._reading:
            found = 0
            shards = self._means.shards()
            for number in self._readers.keys() - shards.keys():
                self._readers.pop(number).close()
            for number, shard in shards.items():
                try:
                    found += await asyncio.to_thread(self._read, number, shard.reader)
                except gather.Moved:
                    continue  # the shard went to another worker, who reads on
            return found

    def _read(self, number: int, opener: Callable[[], Reader]) -> int:
        """In a thread: one shard, in steps."""
        means = self._means
        settings = means.settings()
        register = self._opened()
        if number not in self._readers:
            self._readers[number] = opener()
        box = inbox.Inbox(
            settings, means.directory, self._addresses, lambda: register.reader, means.mail, means.hostname
        )
        gatherer = gather.Gatherer(settings, register, box, self._own)
        told = 0
        while True:
            step = gatherer.step(self._readers[number], number, means.clock())
            told += step.counted + step.kept
            if step.seen < gather.BATCH:
                return told

    async def _turn(self) -> int:
        return sum((await self._round.turn()).values()) + await asyncio.to_thread(self._purge)

    async def send(self, day: int) -> Tally:
        """Sends at once what was counted on that day, today's so far too. identity.Nobody, round.Lost."""
        await self.gather()
        return await self._round.now(day)

    def _purge(self) -> int:
        """In a thread: removes what is older than it is kept."""
        before = self._means.clock() - round(self._means.settings().keep * 1000)
        register = self._opened()
        old = (*kinds.RECEIVED, *kinds.SENT.values())
        if not reports.any_before(register.reader, old, before):
            return 0
        return register.note(lambda tx: reports.purge(tx, old, before, _PURGE))

    def _addresses(self) -> frozenset[str]:
        return inbox.keys(self._means.settings().inbox) | self._means.directory.report_addresses()

    def _own(self) -> str:
        try:
            return str(identity.who(self._means.settings(), self._means.directory, self._means.hostname).address)
        except identity.Nobody:
            return ""

    def _opened(self) -> base.Register:
        if self._register is None:
            self._register = self._means.base.register()
        return self._register

    async def close(self) -> None:
        """Gives back the lease and the connections."""
        await self._round.close()
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()
        if self._register is not None:
            await asyncio.to_thread(self._register.close)
            self._register = None
