"""Reel: how far a migration is and how fast, said on standard error while it runs.

Made by the verb, told by the pulls from their threads.
Never prints anything to standard output, which is the report's; on a terminal one line is written over and over.
Fails never: who cannot be told is not.
"""

import contextlib
import sys
import threading
import time
from collections.abc import Callable
from typing import TextIO

_MEGABYTE = 1_000_000


class Meter:
    """Letters and octets of all accounts together. `every` so many seconds it says how far it is."""

    def __init__(
        self, out: TextIO | None = None, every: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._out = sys.stderr if out is None else out
        self._every = every if self._out.isatty() else max(every, 5.0)
        self._clock, self._turn = clock, threading.Lock()
        self._started = self._last = clock()
        self._letters = self._octets = self._of = self._weight = 0
        self._open = False

    def found(self, letters: int, octets: int) -> None:
        """So much more is to be pulled."""
        with self._turn:
            self._of += letters
            self._weight += octets

    def pulled(self, letters: int, octets: int) -> None:
        """So much more has been."""
        with self._turn:
            self._letters += letters
            self._octets += octets
            now = self._clock()
            if now - self._last >= self._every:
                self._last = now
                self._write(self.line(), over=True)

    def say(self, text: str) -> None:
        """A line that stays."""
        with self._turn:
            self._write(f"hatoba: {text}", over=False)

    def line(self) -> str:
        """Where it is now."""
        spent = max(self._clock() - self._started, 0.001)
        share = self._octets / self._weight if self._weight else 1.0
        rate = self._letters / spent
        left = spent / share - spent if share > 0 else 0.0
        of = f" of {self._of:,}" if self._of else ""
        return (
            f"hatoba: {self._letters:,}{of} letters, {self._octets / _MEGABYTE:,.1f} MB, {rate:,.0f}/s,"
            f" {share:.0%}, {left:,.0f} s left"
        )

    def end(self) -> None:
        """The line that was written over is finished."""
        with self._turn:
            if self._open:
                self._put("\n")
                self._open = False

    def _write(self, text: str, *, over: bool) -> None:
        if self._out.isatty():
            self._put(f"\r\x1b[K{text}" + ("" if over else "\n"))
            self._open = over
        else:
            self._put(f"{text}\n")

    def _put(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._out.write(text)
            self._out.flush()
