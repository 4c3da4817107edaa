"""Builds the rooms of one worker: which objects exist, and who knows whom.

Called by worker at its start. Never decides about mail; never reads the settings file.
Fails with what the rooms raise when they are made: StoreTrouble, ShardTaken, ValueError.
"""

import asyncio
import contextlib
import random
import secrets
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec
import structlog

from hatoba.app import answers, certificate, explaining, keyring, offline, tls_upkeep
from hatoba.app.crew import Orders
from hatoba.app.filtering import Filtering
from hatoba.app.mailroom import Houses, Mailroom
from hatoba.app.places import Places
from hatoba.app.settings import Settings
from hatoba.delivery.courier import Courier
from hatoba.directory import returns
from hatoba.directory.directory import Directory
from hatoba.doors.login.login import Login
from hatoba.doors.smtp.counts import Counts
from hatoba.doors.smtp.house import House
from hatoba.intake.desk import Desk
from hatoba.intake.tally import Tally
from hatoba.journal import contents
from hatoba.kit import ids
from hatoba.model.address import Address
from hatoba.model.envelope import Letter
from hatoba.model.event import Event
from hatoba.model.status import Refusal, Status
from hatoba.net import asking, dns, headroom, limits
from hatoba.net.tls import ServerTls
from hatoba.queue import signing
from hatoba.queue.queue import Queue
from hatoba.store import base, journal, master_key, shard, spool, trouble
from hatoba.store.blobs import Draft
from hatoba.store.contents import Keep
from hatoba.store.trouble import StoreTrouble

_NO_SHARD = Status("4.3.2", "This server is between two shards, try again")


class Home(NamedTuple):
    """A shard that is this worker's, and what works on it."""

    shard: shard.Shard
    numbers: ids.Numbers
    queue: Queue

    @property
    def sound(self) -> bool:
        """Its server answered last time, as far as we know."""
        failed = self.shard.writer.trouble
        return failed is None or failed.kind not in (trouble.LOST, trouble.TAKEN)


class Rooms:
    """Everything a worker holds. Its `homes` stand by shard number.

    Letters come in through one shard on each server in turn, so that few commits carry many of them and the servers
    share the writing; a shard whose server is away is passed over.
    """

    def __init__(self, orders: Orders) -> None:
        settings = orders.settings
        self.settings = settings
        self.orders = orders
        self.places = Places(Path(settings.data))
        self.hostname = certificate.hostname(settings.hostname)
        self.log = structlog.get_logger("hatoba")
        self.counters = limits.SharedCounters.attach(orders.counters, orders.worker)
        self.base = base.of(self.places.data, settings.store, settings.database, settings.blobs)
        self.register = self.base.register()
        self.directory = Directory(self.register, settings.directory, secrets.token_bytes(32))
        returns.ensure(self.directory, secrets.token_bytes(32), offline.now())
        self.headroom = headroom.Headroom(self.places.data, settings.headroom)
        self.resolver = dns.Resolver(settings.dns)
        self.upkeep = tls_upkeep.Upkeep(
            settings.delivery,
            self.base,
            self.resolver,
            structlog.get_logger("delivery").bind(),
            worker=orders.worker,
            workers=orders.workers,
        )
        self.mail = Mailroom(settings, self.base, self.places, self.directory, orders.worker, offline.now)
        self.courier = Courier(
            settings.delivery,
            settings.route,
            self.resolver,
            self.directory,
            hostname=self.hostname,
            keep=self.mail.keep(self.hostname, self._chunks, answers.Outlet(self.draw, self.take, self._forwarded)),
            chunks=self._chunks,
            log=structlog.get_logger("delivery").bind(),
            counters=self.counters,
            rules=settings.tls_policy,
            cache=self.upkeep.cache,
            chance=random.Random(),  # noqa: S311  the order of equal MX hosts is no secret
        )
        self.homes: dict[int, Home] = {}
        self._entries: list[Home] = []  # the first home on each server
        self._silent: dict[int, float] = {}  # when a shard's lease, not renewed, makes its server suspect (monotonic)
        self._drawn = 0
        self.filtering = Filtering(settings, self.hostname, self.counters, self.base.register)
        self.services = self.filtering.programs
        self.tally = Tally()
        counts = Counts()
        threads = signing.threads(settings.dkim.threads, orders.workers)
        self.signing = signing.Signing(
            keyring.ring(settings, self.directory), self.directory, counts, offline.now, threads
        )
        self.login = Login(settings.login, self.directory, self.counters, offline.now)
        self.house = self._house(settings, counts)
        self.reading = self._reading(settings)

    @property
    def queues(self) -> list[Queue]:
        return [home.queue for home in self.homes.values()]

    @property
    def shards(self) -> list[shard.Shard]:
        return [home.shard for home in self.homes.values()]

    @property
    def owner(self) -> str:
        """Our name in a lease."""
        return f"{self.orders.node}/{self.orders.worker}"

    @property
    def siblings(self) -> list[str]:
        """The owners that the workers of this node are."""
        return [f"{self.orders.node}/{worker}" for worker in range(self.orders.workers)]

    def _house(self, settings: Settings, counts: Counts) -> House:
        """What the SMTP doors share."""
        log = structlog.get_logger("smtp").bind()
        filters = self.filtering.filters(settings)
        return House(
            settings=settings.smtp,
            hostname=self.hostname,
            directory=self.directory,
            desk=Desk(
                settings.intake,
                self.directory,
                self.hostname,
                self._draft,
                settings.queue.expire,
                filters=filters,
                rewrite=settings.rewrite,
                tally=self.tally,
            ),
            enqueue=self._enqueue,
            ids=self._draw,
            clock=offline.now,
            counters=self.counters,
            headroom=self.headroom,
            login=self.login,
            log=log,
            asker=asking.Asker(self.resolver, self.filtering.services(), log=log, patience=settings.filter.patience),
            record=self._record,
            tls=ServerTls(settings.tls.certificate, settings.tls.key, minimum=settings.tls.minimum),
            counts=counts,
            sign=self.signing.letter,
        )

    def _reading(self, settings: Settings) -> Houses:
        """What the doors to the mailboxes share."""
        return self.mail.houses(settings, self.hostname, self.login, self.counters, self.headroom, self.house.tls)

    def _draw(self) -> tuple[int, int]:
        """A new letter's id and the time. Hot."""
        now = offline.now()
        entries = self._entries
        if not entries:
            raise Refusal(_NO_SHARD)
        self._drawn += 1
        chosen = entries[self._drawn % len(entries)]
        if not self._well(chosen):
            others = (*entries, *self.homes.values())
            chosen = next((home for home in others if self._well(home)), chosen)
        return chosen.numbers.next(now), now

    def draw(self) -> tuple[int, int]:
        """A new letter's id and the time, for letters of our own. Refusal when there is no shard."""
        return self._draw()

    async def take(self, letter: Letter) -> None:
        """Signs a letter of our own and puts it into the queue; done when it is on disk. StoreTrouble."""
        letter = self._readdress(letter)  # no door has asked whom its recipients stand for
        signed = self.signing.letter(letter, None)
        if signed is not None:
            await signed
        await self._enqueue(letter)

    def _forwarded(self, sender: Address, here: str, now: int) -> Address:
        """The reverse-path of a letter that a rule sends on."""
        return self.house.desk.forwarded(sender, here, now)

    def _well(self, home: Home) -> bool:
        """A letter can be written there, as far as we know."""
        suspect = self._silent.get(home.shard.number)
        return home.sound and (suspect is None or time.monotonic() < suspect)

    def _enter(self) -> None:
        """Which homes letters come in through."""
        first: dict[int, Home] = {}
        for home in self.homes.values():
            first.setdefault(home.shard.place, home)
        self._entries = list(first.values())

    def _home(self, number: int) -> Home:
        """Of a letter, by its id; the shard may have moved to another worker meanwhile."""
        found = self.homes.get(ids.part(number))
        if found is None:
            raise StoreTrouble(f"the shard of letter {ids.text(number)} is not here any more", trouble.TAKEN)
        return found

    def _enqueue(self, letter: Letter, draft: Draft | None = None) -> "asyncio.Future[None]":
        return self._home(letter.id).queue.enqueue(letter, draft)

    def _record(self, happened: Event) -> None:
        """An event of a letter that was not taken: with the next commit of its shard, if that comes to be."""
        with contextlib.suppress(StoreTrouble):
            self._home(happened.letter).queue.record(happened)

    def _draft(self, number: int) -> Draft:
        return self._home(number).shard.blobs.draft(number)

    async def move_in(self, number: int) -> None:
        """Opens a shard, recovers its queue and works it. ShardTaken, StoreTrouble."""
        asked = time.monotonic()
        opened = await asyncio.to_thread(self.base.shard, number, self.owner)
        try:
            numbers = await asyncio.to_thread(_numbers, opened)
            queue = self._queue(opened, numbers)
            if self.settings.database.server:
                queue.lease(asked + self.settings.database.lease)
            found = await queue.start()
        except trouble.StoreTrouble:  # its server went away meanwhile: the next turn opens it anew
            await asyncio.to_thread(opened.close)
            raise
        if found.ready or found.quarantined:
            self.log.warning("recovered", shard=number, ready=found.ready, quarantined=len(found.quarantined))
        self.homes[number] = Home(opened, numbers, queue)
        if self.settings.database.server:
            self._suspect(number, asked + self.settings.database.lease)
        self._enter()

    def leased(self, number: int, expires: float) -> None:
        """See Queue.lease."""
        if number in self.homes:
            self.homes[number].queue.lease(expires)
            self._suspect(number, expires)

    def _suspect(self, number: int, expires: float) -> None:
        """A lease is renewed in the first quarter of its time: one half gone tells of a server that hangs."""
        self._silent[number] = expires - self.settings.database.lease / 2

    async def move_out(self, number: int, grace: float) -> None:
        """Takes nothing new into the shard, ends what is in progress within `grace` seconds, gives it back."""
        home = self.homes.pop(number)
        self._silent.pop(number, None)
        self._enter()
        await home.queue.drain(grace)
        await asyncio.to_thread(home.shard.close)

    def reload(self, settings: Settings) -> House:
        """A house of new settings; what counts goes on counting."""
        self.settings = settings
        self.signing.ring = keyring.ring(settings, self.directory)
        self.login.settings = settings.login
        self.house = self._house(settings, self.house.counts)
        self.reading = self._reading(settings)
        return self.house

    def explained(self) -> explaining.House:
        """A house for `hatoba explain`: the checks and services in force, but nothing is counted or remembered."""
        settings = self.settings
        return explaining.House(
            settings.intake,
            settings.rewrite,
            self.directory,
            self.hostname,
            self.filtering.filters(settings, counting=False),
            asking.Asker(
                self.resolver,
                self.filtering.services(counting=False),
                log=self.house.log,
                patience=settings.filter.patience,
            ),
            offline.now,
        )

    def _queue(self, opened: shard.Shard, numbers: ids.Numbers) -> Queue:
        settings = self.settings
        share = self._share()  # the queues of a worker share its memory
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
            new_id=partial(_draw, numbers),
            journal=settings.journal,
            audit=settings.audit,
            keep=self._keep(),
            notice=settings.notice,
            readdress=self._readdress,
            sign=self.signing.notice,
        )

    def _keep(self) -> Keep | None:
        """What the audit keeps of letters. Nothing where it shall be encrypted and cannot be: the mail goes on."""
        settings = self.settings
        try:
            key = None
            if settings.audit.encrypt:
                key = master_key.read(self.places.data, given=settings.master_key, named=settings.master_key_file)
            return contents.keeping(settings.audit, key, secrets.token_bytes)
        except (contents.BadContent, StoreTrouble) as error:
            self.log.error("no content is kept for the audit", why=str(error))
            return None

    def _readdress(self, letter: Letter) -> Letter:
        """A notice of ours to those that its recipient stands for."""
        return self.house.desk.readdress(letter, offline.now())

    def _share(self) -> int:
        """How many queues this worker will have, about."""
        if self.settings.database.server:
            return max(1, -(-self.settings.database.shards // self.orders.workers))
        return len(self.own_shards())

    def _chunks(self, letter: Letter) -> Iterable[bytes]:
        """The content of a large letter, from the shard that drew its id."""
        return spool.chunks(self._home(letter.id).shard.blobs, letter)

    def own_shards(self) -> list[int]:
        """Of a node with files: the worker's own shard first, then those left over from a time with more workers."""
        worker, workers = self.orders.worker, self.orders.workers
        left = [number for number in self.base.numbers() if number >= workers and number % workers == worker]
        return [worker, *left]

    async def drain(self, grace: float) -> None:
        """Gives every shard back."""
        await asyncio.gather(*(self.move_out(number, grace) for number in list(self.homes)))
        await self.upkeep.stop()
        await self.filtering.close()
        self.signing.close()
        self.login.close()
        await self.mail.close()
        await asyncio.to_thread(self.register.close)


def _numbers(opened: shard.Shard) -> ids.Numbers:
    reader = opened.reader()
    try:
        return ids.Numbers(opened.number, journal.highest(reader))
    finally:
        reader.close()


def _draw(numbers: ids.Numbers, clock: Callable[[], int] = offline.now) -> int:
    return numbers.next(clock())
