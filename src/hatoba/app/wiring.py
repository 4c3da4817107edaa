"""Builds the rooms of one worker: which objects exist, and who knows whom.

Called by worker at its start. Never decides about mail; never reads the settings file.
Fails with what the rooms raise when they are made: StoreTrouble, ShardTaken, ValueError.
"""

import random
import secrets
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import msgspec
import structlog

from hatoba.app import certificate, offline
from hatoba.app.crew import Orders
from hatoba.app.places import Places
from hatoba.app.settings import Settings
from hatoba.delivery.courier import Courier
from hatoba.directory.directory import Directory
from hatoba.doors.smtp.counts import Counts
from hatoba.doors.smtp.house import House
from hatoba.intake.desk import Desk
from hatoba.kit import ids
from hatoba.model.envelope import Letter
from hatoba.net import dns, headroom, limits
from hatoba.net.tls import ServerTls
from hatoba.queue.queue import Queue
from hatoba.store import directory as register
from hatoba.store import journal, shard, spool


class Rooms:
    """Everything a worker holds. `queues` by shard number; letters come in through the first."""

    def __init__(self, orders: Orders) -> None:
        settings = orders.settings
        self.settings = settings
        self.places = Places(Path(settings.data))
        self.hostname = certificate.hostname(settings.hostname)
        self.log = structlog.get_logger("hatoba")
        self.counters = limits.SharedCounters.attach(orders.counters, orders.worker)
        self.register = register.attach(self.places.data, settings.store)
        self.directory = Directory(self.register, settings.directory, secrets.token_bytes(32))
        self.headroom = headroom.Headroom(self.places.data, settings.headroom)
        self.shards = [
            shard.Shard.open(self.places.data, number, settings.store, f"worker {orders.worker}", settings.blobs)
            for number in own_shards(self.places.data, orders.worker, orders.workers)
        ]
        self._by_part = {opened.number: opened for opened in self.shards}
        self.resolver = dns.Resolver(settings.dns)
        self.courier = Courier(
            settings.delivery,
            settings.route,
            self.resolver,
            self.directory,
            hostname=self.hostname,
            mail=self.places.mail,
            chunks=self._chunks,
            log=structlog.get_logger("delivery").bind(),
            counters=self.counters,
            chance=random.Random(),  # noqa: S311  the order of equal MX hosts is no secret
        )
        self.numbers = {opened.number: _numbers(opened) for opened in self.shards}
        self.queues = [self._queue(opened) for opened in self.shards]
        self.house = self._house(settings, Counts())

    def _house(self, settings: Settings, counts: Counts) -> House:
        """What the SMTP doors share. Letters come in through the worker's own shard, the first."""
        primary = self.shards[0]
        numbers = self.numbers[primary.number]

        def draw() -> tuple[int, int]:
            now = offline.now()
            return numbers.next(now), now

        return House(
            settings=settings.smtp,
            hostname=self.hostname,
            directory=self.directory,
            desk=Desk(settings.intake, self.directory, self.hostname, primary.blobs.draft, settings.queue.expire),
            enqueue=self.queues[0].enqueue,
            ids=draw,
            clock=offline.now,
            counters=self.counters,
            headroom=self.headroom,
            log=structlog.get_logger("smtp").bind(),
            tls=ServerTls(settings.tls.certificate, settings.tls.key, minimum=settings.tls.minimum),
            counts=counts,
        )

    def reload(self, settings: Settings) -> House:
        """A house of new settings; what counts goes on counting."""
        self.settings = settings
        self.house = self._house(settings, self.house.counts)
        return self.house

    def _queue(self, opened: shard.Shard) -> Queue:
        settings = self.settings
        share = len(self.shards)  # the queues of a worker share its memory
        own = msgspec.structs.replace(
            settings.queue,
            content_memory=settings.queue.content_memory // share,
            memory_jobs=max(1, settings.queue.memory_jobs // share),
        )
        return Queue(
            own,
            opened,
            self.courier,
            hostname=self.hostname,
            new_id=partial(_draw, self.numbers[opened.number]),
            journal=settings.journal,
            notice=settings.notice,
        )

    def _chunks(self, letter: Letter) -> Iterable[bytes]:
        """The content of a large letter, from the shard that drew its id."""
        return spool.chunks(self._by_part[ids.part(letter.id)].blobs, letter)

    def close(self) -> None:
        """Gives the shards back. Blocks: call it in a thread."""
        for opened in self.shards:
            opened.close()
        self.register.close()


def own_shards(data: Path, worker: int, workers: int) -> list[int]:
    """The worker's own shard first, then those left over from a time with more workers."""
    return [worker, *(number for number in shard.numbers(data) if number >= workers and number % workers == worker)]


def _numbers(opened: shard.Shard) -> ids.Numbers:
    reader = opened.reader()
    try:
        return ids.Numbers(opened.number, journal.highest(reader))
    finally:
        reader.close()


def _draw(numbers: ids.Numbers, clock: Callable[[], int] = offline.now) -> int:
    return numbers.next(clock())
