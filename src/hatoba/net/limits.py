"""Limits: counters that all workers see without asking each other, and a token bucket.

Called by doors.smtp (connections, rates, bad passwords) and delivery; the supervisor makes the memory.
Never locks: each worker writes its own column only and reads the sum, so a count may pass its limit by workers - 1.
Fails never in use; a key may be counted too high (count-min: two hashes, the lower wins), practically never too low.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import secrets
import struct
from typing import Self

WIDTH = 4096  # cells of a row
ROWS = 2
BANKS = 4  # of windows: windows of different length seldom share cells
SLIDES = {60: 0, 3600: 1, 86400: 2}  # sliding windows (seconds) and their banks: so no two lengths share cells
BROAD = 32768  # cells of a row of theirs: many senders in a day
_HEADER = 64
_SEED = 16
_FIXED = (1 + BANKS) * ROWS * WIDTH  # cells: what is held, then the windows
_SLIDING = 2 * ROWS * BROAD  # cells of a bank: windows with an even number, then those with an odd one
_COLUMN = _FIXED + len(SLIDES) * _SLIDING
_CELL = 8


class SharedCounters:
    """`take`/`give`/`count`: things held at the moment. `hit`/`hits`: things that happened in the current window.

    A cell of a window is (window number << 32 | count): a cell with another number counts 0, so nothing is cleared.
    `slide`/`slid`: things that happened in the last minute, hour or day, to the moment: the current window and as
    much of the one before as still lies within, taken as spread evenly. Pages of memory that nobody uses cost nothing.
    """

    def __init__(self, fd: int, worker: int, workers: int, memory: mmap.mmap) -> None:
        self.fd = fd
        self._memory = memory
        self._cells = memoryview(memory)[_HEADER:].cast("Q")
        self._seed = bytes(memory[8 : 8 + _SEED])
        self._bases = [worker * _COLUMN for worker in range(workers)]
        self._own = worker * _COLUMN
        self._keys: dict[str, tuple[int, int]] = {}
        self._broad: dict[str, tuple[int, int]] = {}

    @classmethod
    def create(cls, workers: int) -> Self:
        """The memory for so many workers; `fd` is handed down to them. The maker writes as worker 0."""
        size = _HEADER + workers * _COLUMN * _CELL
        fd = os.memfd_create("hatoba-limits", os.MFD_CLOEXEC)
        os.ftruncate(fd, size)
        memory = mmap.mmap(fd, size)
        memory[: 8 + _SEED] = struct.pack("<Q", workers) + secrets.token_bytes(_SEED)
        return cls(fd, 0, workers, memory)

    @classmethod
    def attach(cls, fd: int, worker: int) -> Self:
        """The memory handed down as `fd`, written as `worker` (0 ≤ worker < workers). ValueError if it is not that."""
        size = os.fstat(fd).st_size
        memory = mmap.mmap(fd, size)
        (workers,) = struct.unpack_from("<Q", memory)
        if size != _HEADER + workers * _COLUMN * _CELL or not 0 <= worker < workers:
            raise ValueError(f"descriptor {fd} holds no counters with a column {worker}")
        return cls(fd, worker, workers, memory)

    def close(self) -> None:
        """Lets the memory go; the descriptor stays the owner's."""
        self._cells.release()
        self._memory.close()

    def clear_column(self, worker: int) -> None:
        """Forgets what a dead worker held and counted."""
        start = _HEADER + worker * _COLUMN * _CELL
        self._memory[start : start + _COLUMN * _CELL] = bytes(_COLUMN * _CELL)

    def clear_held(self, worker: int) -> None:
        """Forgets what a worker that ended held; what it counted in windows stays."""
        start = _HEADER + worker * _COLUMN * _CELL
        self._memory[start : start + ROWS * WIDTH * _CELL] = bytes(ROWS * WIDTH * _CELL)

    @classmethod
    def carried(cls, fd: int, workers: int) -> Self:
        """What a former crew counted in its windows, for so many workers; nothing is held. ValueError: no counters."""
        old = cls.attach(fd, 0)
        former = len(old._bases)
        if former == workers:
            for worker in range(workers):
                old.clear_held(worker)
            return old
        new = cls.create(workers)
        new._memory[8 : 8 + _SEED] = bytes(old._memory[8 : 8 + _SEED])
        new._seed = old._seed
        for worker in range(former):
            source, target = worker * _COLUMN, worker % workers * _COLUMN
            for place in range(ROWS * WIDTH, _COLUMN):
                if old._cells[source + place]:
                    new._cells[target + place] = _merged(new._cells[target + place], old._cells[source + place])
        old.close()
        os.close(fd)
        return new

    # ---- held

    def take(self, key: str, limit: int) -> bool:
        """One more of `key`, unless all workers together hold `limit` already."""
        first, second = self._keys.get(key) or self._places(key)
        cells, own = self._cells, self._own
        if self._held(first) >= limit and self._held(second) >= limit:
            return False
        cells[own + first] += 1
        cells[own + second] += 1
        return True

    def give(self, key: str) -> None:
        """One less; each `take` that was True is given back once, by the worker that took it."""
        cells, own = self._cells, self._own
        for place in self._keys.get(key) or self._places(key):
            if cells[own + place]:
                cells[own + place] -= 1

    def count(self, key: str) -> int:
        """How many are held, by all workers."""
        first, second = self._keys.get(key) or self._places(key)
        return min(self._held(first), self._held(second))

    def _held(self, place: int) -> int:
        cells = self._cells
        return sum([cells[base + place] for base in self._bases])

    # ---- happened

    def hit(self, key: str, window: float, now: int, times: int = 1) -> int:
        """`key` happened at `now` (ms); how often it did in this window of `window` seconds, by all workers."""
        places, mark = self._window(key, window, now)
        cells, own = self._cells, self._own
        for place in places:
            cell = cells[own + place]
            cells[own + place] = mark | min(
                (cell & 0xFFFFFFFF) + times if cell >> 32 == mark >> 32 else times, 0xFFFFFFFF
            )
        return self._happened(places, mark)

    def hits(self, key: str, window: float, now: int) -> int:
        """How often `key` happened in the window, without one more."""
        places, mark = self._window(key, window, now)
        return self._happened(places, mark)

    # ---- happened lately

    def slide(self, key: str, window: int, now: int, times: int = 1) -> None:
        """`key` happened at `now` (ms); `window` is one of SLIDES."""
        number = now // (window * 1000)
        mark = (number & 0xFFFFFFFF) << 32
        cells, own = self._cells, self._own
        for place in self._slides(key, window, number):
            cell = cells[own + place]
            cells[own + place] = mark | min(
                (cell & 0xFFFFFFFF) + times if cell >> 32 == mark >> 32 else times, 0xFFFFFFFF
            )

    def slid(self, key: str, window: int, now: int) -> tuple[int, int, float]:
        """(in the current window, in the one before, how much of that one still counts: 0 to 1), by all workers."""
        number, into = divmod(now, window * 1000)
        current, former = [
            self._happened(self._slides(key, window, one), (one & 0xFFFFFFFF) << 32) for one in (number, number - 1)
        ]
        return current, former, 1 - into / (window * 1000)

    def _slides(self, key: str, window: int, number: int) -> tuple[int, int]:
        first, second = self._broad.get(key) or self._broad_places(key)
        bank = _FIXED + SLIDES[window] * _SLIDING + (number & 1) * ROWS * BROAD
        return bank + first, bank + second

    def _window(self, key: str, window: float, now: int) -> tuple[tuple[int, int], int]:
        first, second = self._keys.get(key) or self._places(key)
        bank = (1 + int(window).bit_length() % BANKS) * ROWS * WIDTH
        return (bank + first, bank + second), (now // max(1, int(window * 1000)) & 0xFFFFFFFF) << 32

    def _happened(self, places: tuple[int, int], mark: int) -> int:
        cells, number = self._cells, mark >> 32
        sums = []
        for place in places:
            found = [cells[base + place] for base in self._bases]
            sums.append(sum([cell & 0xFFFFFFFF for cell in found if cell >> 32 == number]))
        return min(sums)

    def _broad_places(self, key: str) -> tuple[int, int]:
        first, second = self._hashed(key)
        found = (first % BROAD, BROAD + second % BROAD)
        if len(self._broad) >= WIDTH:
            self._broad.clear()
        self._broad[key] = found
        return found

    def _hashed(self, key: str) -> tuple[int, int]:
        """With a secret, so that nobody can aim at a neighbour's cells."""
        digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8, key=self._seed).digest()
        first, second = struct.unpack("<II", digest)
        return first, second

    def _places(self, key: str) -> tuple[int, int]:
        """The two cells of a key."""
        first, second = self._hashed(key)
        found = (first % WIDTH, WIDTH + second % WIDTH)
        if len(self._keys) >= WIDTH:
            self._keys.clear()
        self._keys[key] = found
        return found


def _merged(one: int, other: int) -> int:
    """Two cells of a window as one: the sum within one window, else the later window's."""
    if one >> 32 != other >> 32:
        return max(one, other)
    return one & ~0xFFFFFFFF | min((one & 0xFFFFFFFF) + (other & 0xFFFFFFFF), 0xFFFFFFFF)


class TokenBucket:
    """`burst` at once, then one each `1 / rate` seconds (GCRA: one number of state, times are ms)."""

    __slots__ = ("_gap", "_slack", "_tat")

    def __init__(self, rate: float, burst: int = 1) -> None:
        """`rate` per second, above 0."""
        self._gap = 1000.0 / rate
        self._slack = self._gap * (burst - 1)
        self._tat = 0.0

    def take(self, now: int) -> float:
        """0.0 when one may go now (it is taken); else the ms to wait (nothing is taken)."""
        early = self._tat - self._slack - now
        if early > 0:
            return early
        self._tat = max(self._tat, float(now)) + self._gap
        return 0.0
