"""Chores: what the journal needs behind the letters: index, hash chain, retention; a little at a time, in idle moments.

Begun by the runner once in each polled turn, as a task of its own; reading is done in a thread, writing by the writer
in slices.
Never holds up a letter: while much is being written chores wait, but for what is too far behind (journal.lag).
Fails quietly: what the store says is logged, and the next turn goes on where this one stood.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from hatoba.journal import purge, search
from hatoba.journal import settings as settings_
from hatoba.queue.contents import Reading
from hatoba.queue.means import Means
from hatoba.store import chain, contents, journal
from hatoba.store.sql import Reader
from hatoba.store.trouble import StoreTrouble

SLICE = 2000  # postings in one commit of the writer
PURGE, TRIM = 3_600_000, 60_000  # ms between two rounds of the purge, and of that of contents, which have a bound
RESTS = 10_000  # ms between two links of the chain while little happens
LEAST = 64  # events that make a link at once
STEPS = 20  # of the purge in one turn

Step = Callable[[int], Awaitable[bool]]


class Chores:
    """One per queue. `calm`: few letters are on their way; `busy`: so many that nothing else should be written."""

    def __init__(
        self,
        means: Means,
        journal_settings: settings_.Settings,
        audit: settings_.Audit,
        calm: Callable[[], bool],
        busy: Callable[[], bool],
    ) -> None:
        self._means = means
        self._journal = journal_settings
        self._audit = audit
        self._calm = calm
        self._busy = busy
        self._reading = Reading(means.shard, "journal-read")
        self._linked = 0
        self._purges: list[tuple[Step, int]] = [(self._events, PURGE), (self._words, PURGE), (self._contents, TRIM)]
        self._purged = [0 for _ in self._purges]
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    async def begin(self, now: int) -> None:
        """One turn, beside whatever else goes on; none while the one before it lasts."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._turn(now))

    async def settled(self) -> None:
        """Waits for the turn under way."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def stop(self) -> None:
        """Ends after the step under way."""
        self._stopping = True
        await self.settled()

    def close(self) -> None:
        """Waits for what is being read."""
        self._reading.close()

    async def _turn(self, now: int) -> None:
        try:
            if self._journal.index:
                await self._index()
            if self._audit.chain:
                await self._chain(now)
            for which in range(len(self._purges)):
                await self._purge(which, now)
        except StoreTrouble as error:
            self._means.log.warning("the journal's chores wait", reason=str(error))
        except Exception:
            self._means.log.exception("the journal's chores failed", error_id=self._means.error_id())

    def _allowed(self, lag: int) -> bool:
        if self._stopping or self._means.gate.stalled:
            return False
        return (self._calm() and not self._busy()) or lag > self._journal.lag

    async def _index(self) -> None:
        batch = self._journal.batch
        lag = await self._reading.run(search.lag)
        while lag > 0 and self._allowed(lag):
            made = await self._reading.run(lambda reader: search.read(reader, batch))
            if made is None:
                return
            for start in range(0, max(1, len(made.postings)), SLICE):
                part = slice(start, start + SLICE)
                await self._means.writer.do(partial(search.write, batch=made, part=part))
            lag -= made.count
            if made.count < batch:
                return

    async def _chain(self, now: int) -> None:
        """Up to what is on the disk for certain: read by another connection than the one that writes."""
        batch = self._journal.batch
        lag = await self._reading.run(_unlinked)
        if lag < LEAST and 0 <= now - self._linked < RESTS:
            return
        while lag > 0 and self._allowed(lag):
            links = await self._reading.run(lambda reader: chain.read(reader, now, batch))
            if not links or not await self._means.writer.do(partial(chain.write, links=links)):
                return
            self._linked = now
            lag -= sum(link.count for link in links)

    async def _purge(self, which: int, now: int) -> None:
        """What is too old goes, in steps, each of which waits for its moment; then nobody looks for a while."""
        step, rests = self._purges[which]
        if 0 <= now - self._purged[which] < rests:
            return
        for _ in range(STEPS):
            if self._busy() or self._stopping:
                return
            if await step(now):
                self._purged[which] = now
                return

    async def _events(self, now: int) -> bool:
        if not self._journal.retention:
            return True
        before, batch = now - int(self._journal.retention * 1000), self._journal.batch
        return (await self._means.writer.do(lambda tx: purge.purge(tx, before, batch, now))).done

    async def _words(self, now: int) -> bool:
        kept = self._journal.index_retention
        before, batch = now - int(kept * 1000) if kept else 0, self._journal.batch
        return await self._means.writer.do(lambda tx: purge.forget(tx, before, batch))

    async def _contents(self, now: int) -> bool:
        kept, most = self._audit.content_retention, self._audit.content_total
        before, batch = now - int(kept * 1000) if kept else 0, min(self._journal.batch, 500)
        excess = await self._reading.run(contents.total) - most if most else 0  # walks an index: not for the writer
        return await self._means.writer.do(lambda tx: contents.discard(tx, before, excess, batch))


def _unlinked(reader: Reader) -> int:
    """Events that no link covers yet, about."""
    newest = chain.last(reader)
    return journal.last(reader) - (newest.seq if newest is not None else 0)
