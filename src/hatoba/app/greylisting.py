"""Greylisting: the "greylist" service: what the rule of intake remembers, in the directory database, for all nodes.

Made by wiring, one a worker; consulted by the greylist check. Questions that come while the database works wait and are
answered together: one transaction for all of them, in a thread.
Never decides: intake.filters.greylist.ruled does. Never asks the database again about whom it knows.
Fails never: while the database is in trouble everybody is let in, and the log says so.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import structlog

from hatoba.intake.asking import At, Consult
from hatoba.intake.filter_tables import Greylist
from hatoba.intake.filters import greylist
from hatoba.model.outcome import Verdict
from hatoba.store import base
from hatoba.store import greylist as rows
from hatoba.store.greylist import GreyRow
from hatoba.store.sql import Reader, Tx
from hatoba.store.trouble import StoreTrouble

_TOGETHER = 64  # questions of one transaction
_KEPT = 50_000  # keys remembered in this process
_KNOWN = 3600_000  # ms for which a known key is not asked about again
_PURGE = 600.0  # seconds between two purges
_ROUNDS = 50  # of one purge
_PARTING = 5.0  # seconds that what is under way may take at the end
_COMPLAIN = 60.0  # seconds between two lines in the log about the same trouble


class _Asked(NamedTuple):
    keys: greylist.Keys
    now: int  # ms
    answer: "asyncio.Future[greylist.Told]"


class Greylisting:
    """`opened` opens the directory database; it is called in a thread, at the first question."""

    def __init__(self, settings: Greylist, opened: Callable[[], base.Register]) -> None:
        self.settings = settings
        self._opened = opened
        self._register: base.Register | None = None
        self._waiting: list[_Asked] = []
        self._turn: asyncio.Task[None] | None = None
        self._in: dict[str, int] = {}  # keys let in → until when that needs no look (ms)
        self._out: dict[str, int] = {}  # triples that wait → from when they may come again (ms)
        self._purged = time.monotonic()
        self._complained = 0.0
        self._log = structlog.get_logger("greylist")

    async def __call__(self, consult: Consult) -> Sequence[Verdict]:
        """What the rule says of a letter; what it says is remembered."""
        asked = self._asked(consult.subject)
        if asked is None:
            return ()
        told = self._remembered(asked.keys, asked.now)
        if told is None:
            self._waiting.append(asked)
            if self._turn is None:
                self._turn = asyncio.get_running_loop().create_task(self._work())
            told = await asked.answer
        return (greylist.verdict(told),) if told.wait or told.rows else ()

    async def look(self, consult: Consult) -> Sequence[Verdict]:
        """What the rule would say; nothing is remembered."""
        asked = self._asked(consult.subject)
        if asked is None:
            return ()
        try:
            told = await asyncio.to_thread(lambda: _told(self.settings, [asked], self._opener().reader)[0])
        except StoreTrouble as error:
            told = greylist.Told(0, f"cannot be asked: {error}")
        return (greylist.verdict(told),)

    async def close(self) -> None:
        """Ends what is under way."""
        if self._turn is not None:
            await asyncio.wait([self._turn], timeout=_PARTING)
            if self._turn is not None:
                self._turn.cancel()
        if self._register is not None:
            await asyncio.to_thread(self._register.close)

    def _asked(self, subject: Any) -> _Asked | None:
        if not isinstance(subject, At) or subject.recipient is None:
            return None
        case, recipient = subject.case, subject.recipient
        which = greylist.keys(self.settings, case.source.ip, case.mail.sender, recipient.address)
        if which is None:
            return None
        return _Asked(which, case.now, asyncio.get_running_loop().create_future())

    def _remembered(self, which: greylist.Keys, now: int) -> greylist.Told | None:
        if max(self._in.get(which.triple, 0), self._in.get(which.network, 0)) > now:
            return greylist.Told(0, "known")
        again = self._out.get(which.triple, 0)
        return greylist.Told(-(-(again - now) // 1000), "too early") if again > now else None

    async def _work(self) -> None:
        """Answers all that wait, and what comes meanwhile."""
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:_TOGETHER], self._waiting[_TOGETHER:]
                try:
                    answers = await asyncio.to_thread(self._answers, batch)
                except StoreTrouble as error:
                    self._complain(error)
                    answers = [greylist.Told(0, "the greylist cannot be asked") for _ in batch]
                except BaseException as error:
                    for asked in batch:
                        if not asked.answer.done():
                            asked.answer.set_exception(
                                error if isinstance(error, Exception) else RuntimeError("closed")
                            )
                    raise
                else:
                    self._remember(batch, answers)
                for asked, told in zip(batch, answers, strict=True):
                    if not asked.answer.done():
                        asked.answer.set_result(told)
        finally:
            self._turn = None

    def _complain(self, error: StoreTrouble) -> None:
        now = time.monotonic()
        if now - self._complained > _COMPLAIN or not self._complained:
            self._complained = now
            self._log.warning("greylist cannot be asked: everybody is let in", error=str(error))

    def _remember(self, batch: Sequence[_Asked], answers: Sequence[greylist.Told]) -> None:
        if len(self._in) + len(self._out) > _KEPT:
            self._in.clear()
            self._out.clear()
        for asked, told in zip(batch, answers, strict=True):
            if told.wait:
                self._out[asked.keys.triple] = asked.now + told.wait * 1000
            else:
                self._in[asked.keys.triple] = asked.now + _KNOWN

    # ---- in a thread

    def _opener(self) -> base.Register:
        if self._register is None:
            self._register = self._opened()
        return self._register

    def _answers(self, batch: Sequence[_Asked]) -> list[greylist.Told]:
        register = self._opener()
        answers = _told(self.settings, batch, register.reader)
        if any(told.rows for told in answers):
            answers = register.note(lambda tx: _written(self.settings, batch, tx))
        if time.monotonic() - self._purged > _PURGE:
            self._purged = time.monotonic()
            self.purge(batch[-1].now)
        return answers

    def purge(self, now: int) -> int:
        """Forgets who did not come back in time; how many rows went. In a thread."""
        window, expiry = (round(seconds * 1000) for seconds in (self.settings.window, self.settings.expiry))
        gone = 0
        for _ in range(_ROUNDS):
            some = self._opener().note(lambda tx: rows.purge(tx, now - window, now - expiry))
            gone += some
            if not some:
                break
        return gone


def _told(settings: Greylist, batch: Sequence[_Asked], reader: Reader) -> list[greylist.Told]:
    """What the rule says to each, one after the other: the second of two alike finds what the first left."""
    known: dict[str, GreyRow] = rows.get(reader, list(dict.fromkeys(_all_keys(batch))))
    answers = []
    for asked in batch:
        told = greylist.ruled(
            settings, asked.keys, known.get(asked.keys.network), known.get(asked.keys.triple), asked.now
        )
        known |= {row.key: row for row in told.rows}
        answers.append(told)
    return answers


def _written(settings: Greylist, batch: Sequence[_Asked], tx: Tx) -> list[greylist.Told]:
    """The same within a transaction, and written down."""
    answers = _told(settings, batch, tx)
    last = {row.key: row for told in answers for row in told.rows}
    rows.put(tx, [last[name] for name in sorted(last)])  # in one order: two nodes that write the same never lock
    return answers


def _all_keys(batch: Iterable[_Asked]) -> Iterable[str]:
    for asked in batch:
        yield asked.keys.network
        yield asked.keys.triple
