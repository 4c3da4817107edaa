"""Upkeep: what the mail shards need behind the commits: the index filled, the trash emptied, old notes forgotten.

Started by app in every process that has mailboxes, or called step by step; each step is short, and two processes that
do the same do no harm.
Never holds up a commit for more than one step.
Fails quietly: what a step could not do is logged and tried again later.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import structlog

from hatoba.kit import ids
from hatoba.store import trouble
from hatoba.store.mailboxes import indexing, replies, trash, vanishing
from hatoba.store.mailboxes.shards import MailShard
from hatoba.store.mailboxes.stores import MailStore
from hatoba.store.sql import Reader, Tx

STEP = 200  # rows that go in one transaction
SPANS = 10_000  # of vanished UIDs that a box remembers
DELIVERIES = 30 * 86_400_000  # ms: no letter stays in the queue that long, so none can be delivered again
_PAUSE = 5.0  # seconds between two rounds that found nothing to do
_SELDOM = 3_600_000  # ms between two looks for boxes that remember too much
_DELIVERED = "SELECT letter, place FROM delivery WHERE letter < ? ORDER BY letter, place LIMIT ?"
_FORGET = "DELETE FROM delivery WHERE letter = ? AND place = ?"
_log = structlog.get_logger("hatoba.store")


class Upkeep:
    """One process's. `clock`: ms since 1970. `rounds` counts looks at all shards."""

    def __init__(self, store: MailStore, clock: Callable[[], int]) -> None:
        self.rounds = 0
        self._store = store
        self._clock = clock
        self._fillers: dict[int, indexing.Filler] = {}
        self._looked: dict[int, int] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._live, name="mail-upkeep", daemon=True)

    def start(self) -> None:
        """Works in a thread of its own until `close`."""
        self._thread.start()

    def close(self) -> None:
        """Ends the thread after the step it is in; before the store is closed. Blocks."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()

    def turn(self) -> bool:
        """One step for each shard; False when none had anything to do. StoreTrouble."""
        busy = [self._step(shard) for shard in self._store.shards() if not self._ended.is_set()]
        self.rounds += 1
        return any(busy)

    def _step(self, shard: MailShard) -> bool:
        now = self._clock()
        before = now - round(self._store.settings.recover * 1000)
        due = shard.look(lambda reader: trash.due(reader, before) or replies.due(reader, now) or _due(reader, now))
        if due:
            shard.wait(partial(_purge, before=before, now=now))
        if now - self._looked.get(shard.number, 0) > _SELDOM:
            self._looked[shard.number] = now
            if shard.look(lambda reader: vanishing.crowded(reader, SPANS)):
                shard.wait(lambda tx: vanishing.forget(tx, SPANS))
        filler = self._fillers.get(shard.number)
        if filler is None:
            filler = self._fillers[shard.number] = indexing.Filler(shard, self._clock)
        return filler.turn() or due

    def _live(self) -> None:
        while not self._ended.is_set():
            try:
                busy = self.turn()
            except trouble.StoreTrouble as error:
                _log.warning("store.mail_upkeep", error=str(error))
                busy = False
            except Exception:  # noqa: BLE001  # a bug must not end the thread for ever
                _log.exception("store.bug", shard="mail-upkeep")
                busy = False
            if not busy:
                self._ended.wait(_PAUSE)


def _purge(tx: Tx, before: int, now: int) -> None:
    trash.purge(tx, before, STEP)
    replies.purge(tx, now, STEP)
    for key in tx.rows(_DELIVERED, (_oldest(now), STEP)):
        tx.run(_FORGET, key)


def _oldest(now: int) -> int:
    """The first letter id of the time from which on deliveries are remembered."""
    return max(0, now - DELIVERIES - ids.EPOCH) << 22


def _due(reader: Reader, now: int) -> bool:
    return bool(reader.rows(_DELIVERED, (_oldest(now), 1)))
