"""Upkeep of what a worker knows about TLS of others: MTA-STS policies loaded and renewed, counts taken to the store.

Made by wiring, started and stopped by worker. One task, mostly asleep.
Never holds up a letter: it writes in threads, beside what goes on.
Fails never: a store that is away is tried again, with the counts kept until then.
"""

import asyncio
import zlib
from collections.abc import Callable

from hatoba.app import offline
from hatoba.delivery import settings as delivery_
from hatoba.delivery import sts
from hatoba.delivery.tally import Tally
from hatoba.net import dns
from hatoba.net.session import Log
from hatoba.store import base, tallies
from hatoba.store.rows import TallyRow
from hatoba.store.trouble import StoreTrouble

LOAD = 60.0  # seconds between two looks at what other workers have fetched
SWEEP = 3600.0  # seconds between two searches for policies that are getting old
_MOST = 50_000  # rows kept while the store is away


class Upkeep:
    """`cache` is for the courier. `worker` of `workers`: each renews its share of the policies."""

    def __init__(
        self,
        settings: delivery_.Settings,
        home: base.Base,
        resolver: dns.Resolver,
        log: Log,
        *,
        worker: int = 0,
        workers: int = 1,
        clock: Callable[[], int] = offline.now,
    ) -> None:
        self._settings = settings
        self._register = home.register()
        self._log = log
        self.cache = sts.Cache(
            settings.mta_sts, resolver, self._register, clock=clock, log=log,
            mine=lambda domain: _share(domain, workers) == worker,
        )  # fmt: skip
        self._rows: dict[tuple[int, str, str], TallyRow] = {}
        self._tally: Tally | None = None
        self._task: asyncio.Task[None] | None = None
        self._flushing = asyncio.Lock()  # reports ask for it, too

    async def start(self, tally: Tally) -> None:
        """Knows what was known before; goes on by itself from here."""
        self._tally = tally
        await self.cache.load()
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """The last counts are written."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.cache.close()
        await self.flush()
        await asyncio.to_thread(self._register.close)

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        loaded = flushed = swept = clock()
        while True:
            await asyncio.sleep(min(LOAD, self._settings.tally))
            now = clock()
            try:
                if now - flushed >= self._settings.tally:
                    flushed = now
                    await self.flush()
                if now - loaded >= LOAD:
                    loaded = now
                    await self.cache.load()
                if now - swept >= SWEEP:
                    swept = now
                    await self.cache.sweep()
            except Exception as bug:  # noqa: BLE001  law 6: the next round may do better, letters go on meanwhile
                self._log.error("fault", exc_info=bug)

    async def flush(self) -> None:
        """Takes the counts to the store; those that cannot be written now are kept."""
        async with self._flushing:
            await self._flush()

    async def _flush(self) -> None:
        for row in self._tally.take() if self._tally is not None else ():
            key = (row.day, row.domain, row.key)
            known = self._rows.get(key)
            if known is not None:
                known.count += row.count
            elif len(self._rows) < _MOST:
                self._rows[key] = row
        if not self._rows:
            return
        rows, self._rows = self._rows, {}
        try:
            await asyncio.to_thread(self._register.note, lambda tx: tallies.add(tx, rows.values()))
        except Exception as error:  # a cancellation is none: the thread goes on writing then
            self._rows = rows  # nothing else takes counts meanwhile
            if not isinstance(error, StoreTrouble):
                raise
            self._log.warning("counts for TLS reports cannot be written", reason=str(error))


def _share(domain: str, workers: int) -> int:
    """Which worker renews a domain's policy."""
    return zlib.crc32(domain.encode()) % workers
