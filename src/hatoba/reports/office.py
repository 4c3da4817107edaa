"""Office: the two works of a worker's reports: reading its shards' journals, and, on one worker of all, sending.

Made by app, once a worker; `run` goes on until it is cancelled.
Never stands in a letter's way: it reads behind the commits, and what it sends goes through the queue.
Fails quietly: a turn that could not be done is logged and made again.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from hatoba.reports import gather, identity, inbox
from hatoba.reports.clerk import Clerk
from hatoba.reports.leader import Leader, Tally
from hatoba.reports.means import Means
from hatoba.reports.sending import Lost
from hatoba.store.sql import Reader
from hatoba.store.trouble import StoreTrouble

FIRST, LONGEST = 15.0, 300.0  # seconds between two looks; each that finds nothing makes the pause longer
IDLE = 3_600_000  # ms between two turns where nothing is sent or read: what others counted is forgotten all the same
_log = structlog.get_logger("reports")


class Office:
    """One worker's."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._clerk = Clerk("reports-read", means.base.register)
        self._leader = Leader(means)
        self._tidied = 0
        self._ends = False

    @property
    def active(self) -> bool:
        """There is something to do: reports to be sent, or an address that takes them."""
        settings = self._means.settings()
        return settings.dmarc or settings.tls or bool(self._addresses())

    async def run(self) -> None:
        """Reads and sends until it is cancelled."""
        await asyncio.gather(self._repeat(self.gather), self._repeat(self.turn))

    async def _repeat(self, work: Callable[[], Awaitable[int]]) -> None:
        pause = FIRST
        while True:
            await asyncio.sleep(pause)
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
        found = 0
        if not self.active:
            return found
        for number, shard in dict(self._means.shards()).items():
            found += await self._clerk.do(self._read, number, shard.reader)
        return found

    def _read(self, number: int, opener: Callable[[], Reader]) -> int:
        """In the thread: one shard, in steps."""
        means, register = self._means, self._clerk.register
        settings = means.settings()
        box = inbox.Inbox(settings, means.directory, self._addresses, lambda: register.reader, means.lies)
        gatherer = gather.Gatherer(settings, register, box, self._own)
        told = 0
        with opener() as reader:
            while True:
                try:
                    step = gatherer.step(reader, number, means.clock())
                except gather.Moved:  # the shard went to another worker, who reads on
                    return told
                told += step.counted + step.kept
                if step.seen < gather.BATCH or self._ends:
                    return told

    async def turn(self) -> int:
        """Sends what is due, if this worker is the one that does, and forgets what is old; how much was done."""
        now = self._means.clock()
        if not self.active and 0 <= now - self._tidied < IDLE:
            return 0
        self._tidied = now
        done = sum((await self._leader.turn()).values())
        return done + await self._leader.purge(now - round(self._means.settings().keep * 1000))

    async def send(self, day: int) -> Tally:
        """Sends at once what was counted on that day, today's so far too. ValueError says why it cannot."""
        settings = self._means.settings()
        if not (settings.dmarc or settings.tls):
            raise ValueError("no reports are sent here: set reports.dmarc or reports.tls")
        await self.gather()
        try:
            return await self._leader.now(day)
        except Lost:
            raise ValueError("another worker sends reports just now; try again in two minutes") from None

    def _addresses(self) -> frozenset[str]:
        return inbox.keys(self._means.settings().inbox) | self._means.directory.report_addresses()

    def _own(self) -> str:
        try:
            return str(identity.who(self._means.settings(), self._means.directory, self._means.hostname).address)
        except identity.Nobody:
            return ""

    async def close(self) -> None:
        """Ends what was begun, gives back the lease and the connections. A report being read may take a minute."""
        self._ends = True
        await self._leader.close()
        await self._clerk.close()
