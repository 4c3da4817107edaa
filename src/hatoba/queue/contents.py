"""Contents: the bodies of letters that wait in memory, under one budget, and the reading of those that did not fit.

Called by admission (keep), lanes (fetch before the attempt) and settlement (release).
Never reads on the event loop: one thread of its own with its own connection.
Fails per letter: a body that cannot be read is told to the caller, who quarantines or defers it.
"""

import asyncio
import copy
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from hatoba.model.envelope import Letter
from hatoba.store import blobs, spool, trouble
from hatoba.store import shard as shard_
from hatoba.store.sql import Reader

T = TypeVar("T")


class Reading:
    """One thread with one read-only connection; functions run in it in order."""

    def __init__(self, shard: shard_.Shard, name: str) -> None:
        self._shard = shard
        self._reader: Reader | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)

    def run(self, function: Callable[[Reader], T]) -> "asyncio.Future[T]":
        """The result of `function` with the reader, from the thread."""
        return asyncio.get_running_loop().run_in_executor(self._pool, self._call, function)

    def _call(self, function: Callable[[Reader], T]) -> T:
        if self._reader is None:
            self._reader = self._shard.reader()
        return function(self._reader)

    def close(self) -> None:
        """Waits for what runs, then closes the connection."""
        self._pool.shutdown(wait=True)
        if self._reader is not None:
            self._reader.close()
            self._reader = None


class Contents:
    """The budget counts bytes of content over all lanes of a worker (a worker with several queues divides it)."""

    __slots__ = ("_depot", "_held", "_jobs", "_limit", "_reading", "used")

    def __init__(self, limit: int, reading: Reading, depot: blobs.Depot) -> None:
        self._limit = limit
        self._reading = reading
        self._depot = depot
        self._held: dict[int, str] = {}  # id(letter) → its body, of which a local copy is held
        self._jobs: dict[int, int] = {}  # id(letter) → jobs that share it, where there is more than one
        self.used = 0

    def share(self, letter: Letter, jobs: int) -> list[Letter]:
        """The letter, just sealed, waits as `jobs` jobs: one Letter for each.

        Within the budget all are the same object and keep the content; above it each is its own, without content, so
        that what one job reads back later cannot be taken from it when another one ends.
        """
        if letter.content is not None:
            if self.used + letter.size <= self._limit:
                self.used += letter.size
                if jobs > 1:
                    self._jobs[id(letter)] = jobs
                return [letter] * jobs
            letter.content = None
        letters = [letter] if jobs == 1 else [copy.copy(letter) for _ in range(jobs)]
        if letter.blob:
            for each in letters:
                self.hold(each)
        return letters

    def split(self, letter: Letter, jobs: int) -> list[Letter]:
        """One job that waited with the letter became `jobs`: one Letter for each, as in `share`."""
        if jobs == 1:
            return [letter]
        if letter.content is None:
            letters = [letter, *(copy.copy(letter) for _ in range(jobs - 1))]
            if letter.blob:
                for each in letters:
                    self.hold(each)
            return letters
        self._jobs[id(letter)] = self._jobs.get(id(letter), 1) + jobs - 1
        return [letter] * jobs

    def fits(self, size: int) -> bool:
        """Whether the budget has room for `size` more bytes."""
        return self.used + size <= self._limit

    def release(self, letter: Letter) -> None:
        """A job of the letter needs it no more."""
        if letter.content is None:
            if letter.blob:
                self._depot.let_go(letter.blob, self._held.pop(id(letter), "") == letter.blob)
            return
        if self._jobs:
            left = self._jobs.get(id(letter), 1) - 1
            if left > 1:
                self._jobs[id(letter)] = left
                return
            self._jobs.pop(id(letter), None)
            if left == 1:
                return
        self.used -= letter.size
        letter.content = None
        if letter.blob:
            self.release(letter)

    def hold(self, letter: Letter) -> bool:
        """Its blob can be read at once, and that stays so until `release`; False: `fetch` it."""
        if self._held.get(id(letter)) == letter.blob:
            return True
        if not self._depot.hold(letter.blob):
            return False
        if "." in letter.blob:  # a copy that is counted; the files of a folder are there as long as their row
            self._held[id(letter)] = letter.blob
        return True

    async def fetch(self, letters: Sequence[Letter]) -> dict[int, trouble.StoreTrouble]:
        """Reads the content of each into it (counted, whatever the budget), brings the blobs of others here and holds
        them; the trouble of those that failed, by id."""
        rows = [letter for letter in letters if not letter.blob]
        bad = await self._read(rows) if rows else {}
        apart = [each for each in letters if each.content is None and each.blob and each.id not in bad]
        if apart:
            for letter, wrong in zip(apart, await asyncio.gather(*map(self._bring, apart)), strict=True):
                if wrong is not None:
                    bad[letter.id] = wrong
        return bad

    async def _bring(self, letter: Letter) -> trouble.StoreTrouble | None:
        """The blob of a letter to this machine."""
        if self.hold(letter):
            return None
        try:
            await asyncio.wrap_future(self._depot.bring(letter.blob, letter.apart))
        except blobs.Damaged as error:
            return trouble.BadRow(letter.id, str(error))
        except trouble.StoreTrouble as error:
            return error
        self._held[id(letter)] = letter.blob
        return None

    async def _read(self, letters: Sequence[Letter]) -> dict[int, trouble.StoreTrouble]:
        numbers = list({letter.id for letter in letters})
        try:
            found, troubles = await self._reading.run(lambda reader: spool.load_many(reader, numbers))
        except trouble.StoreTrouble as error:
            return dict.fromkeys(numbers, error)
        bad: dict[int, trouble.StoreTrouble] = {error.id: error for error in troubles}
        for letter in letters:
            read = found.get(letter.id)
            if read is None or letter.content is not None:
                continue
            letter.blob, letter.top = read.blob, read.top
            letter.content = read.content
            if read.content is not None:
                self.used += letter.size
        return bad
