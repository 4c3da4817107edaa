"""Signing: letters of ours get their DKIM signatures before they are queued, RSA in threads, the rest on the spot.

Made by app, one for each worker; called by the doors (`letter`) and by the queue for its notices (`notice`).
Never holds a letter back: what cannot be signed goes unsigned, with the reason in its journal, a count and a warning.
Fails in nothing: a bug in here is logged whole, and the letter goes unsigned.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, Protocol

import structlog

from hatoba.directory.directory import Directory
from hatoba.directory.dkim.ring import Hand, Ring
from hatoba.intake import signature
from hatoba.model.envelope import Letter
from hatoba.store.blobs import Draft

_WARN = 3_600_000  # ms between two warnings about one domain
_DOMAINS = 1000  # warned of and remembered
_INLINE = 64 * 1024  # octets up to which a letter without RSA is signed on the spot


class Counts(Protocol):
    """Where it is counted."""

    signed: int
    unsigned: int


class _Job(NamedTuple):
    letter: Letter
    hand: Hand
    draft: Draft | None
    done: "asyncio.Future[None]"


class Signing:
    """`ring` may be changed for another while letters are under way (new settings).

    `threads` below 0: small letters are signed on the spot, whatever the key.
    """

    def __init__(
        self, ring: Ring, directory: Directory, counts: Counts, clock: Callable[[], int], threads: int
    ) -> None:
        self.ring = ring
        self.counts = counts
        self._directory = directory
        self._clock = clock
        self._threads = max(1, threads)
        self._on_the_spot = threads < 0
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="signing")
        self._jobs: deque[_Job] = deque()
        self._ended: deque[tuple[_Job, BaseException | None]] = deque()
        self._working = 0  # threads that look for jobs
        self._told = False  # the loop is about to look at `_ended`
        self._warned: dict[str, int] = {}
        self._log = structlog.get_logger("signing")

    def letter(self, letter: Letter, draft: Draft | None) -> "asyncio.Future[None] | None":
        """Signs it where it is ours and can be signed; None: there is nothing to wait for. The future never fails.

        `draft` holds a large body, complete. Until the future is done the letter belongs to this room. Hot.
        """
        ring = self.ring
        if not ring.settings.sign:
            return None
        now = self._clock()
        try:
            hand = signature.choose(letter, ring, self._directory, now)
        except Exception:  # noqa: BLE001  a bug is contained: logged whole, the letter goes unsigned
            self._fault(letter, None)
            return None
        if not hand.signers:
            if hand.why:
                self._unsigned(letter, hand, now)
            return None
        quick = self._on_the_spot or not hand.slow
        if quick and letter.content is not None and letter.size <= _INLINE:
            self._sign(letter, hand, (), now)
            return None
        loop = asyncio.get_running_loop()
        job = _Job(letter, hand, draft, loop.create_future())
        self._jobs.append(job)
        if self._working < self._threads:
            self._working += 1
            self._pool.submit(self._work, loop)
        return job.done

    def notice(self, letter: Letter) -> "asyncio.Future[None] | None":
        """The same for a notice of ours."""
        return self.letter(letter, None)

    def close(self) -> None:
        """Ends the threads, once nobody waits any more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _sign(self, letter: Letter, hand: Hand, pieces: Iterable[bytes], now: int) -> None:
        try:
            signature.sign(letter, hand, pieces, now)
        except Exception as error:  # noqa: BLE001  as above
            self._fault(letter, error)
        else:
            self.counts.signed += 1

    # in a thread

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        """Signs what waits, one after the other; the loop is told once for all that ended meanwhile."""
        while True:
            try:
                job = self._jobs.popleft()
            except IndexError:
                break
            error: BaseException | None = None
            try:
                signature.sign(job.letter, job.hand, job.draft.pieces() if job.draft is not None else (), self._clock())
            except BaseException as raised:  # noqa: BLE001  told to the loop
                error = raised
            self._ended.append((job, error))
            if not self._told:
                self._told = True
                self._tell(loop, self._end)
        self._tell(loop, self._idle, loop)

    @staticmethod
    def _tell(loop: asyncio.AbstractEventLoop, what: Callable[..., object], *arguments: object) -> None:
        try:
            loop.call_soon_threadsafe(what, *arguments)
        except RuntimeError:  # the loop is closed: nobody waits
            return

    # in the loop again

    def _idle(self, loop: asyncio.AbstractEventLoop) -> None:
        """A thread found nothing more; what came in just then gets it back."""
        if self._jobs:
            self._pool.submit(self._work, loop)
        else:
            self._working -= 1

    def _end(self) -> None:
        self._told = False
        while self._ended:
            job, error = self._ended.popleft()
            if error is None:
                self.counts.signed += 1
            else:
                self._fault(job.letter, error)
            if not job.done.done():  # else whoever waited has given up
                job.done.set_result(None)

    def _unsigned(self, letter: Letter, hand: Hand, now: int) -> None:
        """A letter of ours has no signature: noted in it; counted and warned of where a key should be there."""
        letter.unsigned = hand.why
        if not hand.ours:
            return
        self.counts.unsigned += 1
        if now - self._warned.get(hand.domain, -_WARN) >= _WARN:
            if len(self._warned) >= _DOMAINS:
                self._warned.clear()
            self._warned[hand.domain] = now
            self._log.warning("letters go out unsigned", domain=hand.domain, why=hand.why)

    def _fault(self, letter: Letter, error: BaseException | None) -> None:
        letter.unsigned = "an error of ours, see the log"
        self.counts.unsigned += 1
        self._log.error("letter not signed", letter=letter.id, exc_info=error or True)


def threads(configured: int, workers: int) -> int:
    """How many threads a worker signs with: those of the settings, else its share of the processors."""
    return configured or max(1, len(os.sched_getaffinity(0)) // max(1, workers))
