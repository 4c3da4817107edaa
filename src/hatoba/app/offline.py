"""What the command line opens by itself, without a running hatoba: the directory and readers of the shards.

Called by the verbs. Never starts a worker, never migrates behind a running one.
Fails with Unprepared where there is no data yet, naming the command that makes it.
"""

import contextlib
import secrets
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

import msgspec
import structlog

from hatoba import store
from hatoba.app import certificate
from hatoba.app.places import Places, default_data
from hatoba.app.settings import Settings
from hatoba.directory import access
from hatoba.directory.directory import Directory
from hatoba.intake.rewriting import own
from hatoba.kit import ids
from hatoba.mailboxes.hub import Hub
from hatoba.mailboxes.post import Post
from hatoba.model.envelope import Letter
from hatoba.queue import admin
from hatoba.store import base, journal
from hatoba.store import queue as rows
from hatoba.store import shard as shard_
from hatoba.store.mailboxes import accounts, leaving
from hatoba.store.mailboxes.accounts import Quota
from hatoba.store.mailboxes.stores import MailStore
from hatoba.store.sql import Reader, Tx


def now() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def places(settings: Settings) -> Places:
    return Places(Path(settings.data).resolve() if settings.data else default_data())


def home(settings: Settings) -> base.Base:
    """Where the letters and the directory are."""
    return base.of(places(settings).data, settings.store, settings.database, settings.blobs)


def forget_mail(settings: Settings, account: str) -> None:
    """Deletes the mailboxes of an account that is no more, and takes it off others' lists of rights."""
    kept = MailStore(home(settings), settings.mailboxes)

    def leave(tx: Tx) -> None:
        number = accounts.find(tx, account)
        if number is not None:
            leaving.leave(tx, number, now())

    try:
        if kept.made:
            kept.shard(account).wait(leave)
            for shard in kept.shards():
                shard.wait(lambda tx: leaving.unlist(tx, account))
    finally:
        kept.close()


@contextmanager
def mailboxes(settings: Settings, opened: Directory) -> Iterator[Post]:
    """The mailboxes of all accounts of `opened`, running or not. Workers find what changes by their poll.

    Their shards are made (and migrated) where they are not there yet, as `directory` does.
    """
    where = places(settings)
    store.prepare(where.data, 1, settings=settings.store, database=settings.database, mailboxes=settings.mailboxes)
    kept = MailStore(home(settings), settings.mailboxes)

    def quota(key: str) -> Quota:
        account = opened.snapshot().accounts.get(key)
        most = opened.quota(account) if account is not None else access.Quota()
        return Quota(most.octets, most.letters)

    try:
        alone = Hub(None, "", None, poll=settings.reading.poll, log=structlog.get_logger("mailboxes"))
        yield Post(settings.reading, kept, alone, now, quota=quota, known=lambda key: key in opened.snapshot().accounts)
    finally:
        kept.close()


@contextmanager
def directory(settings: Settings) -> Iterator[Directory]:
    """The directory, made (and migrated) where it is not there yet: accounts can be added before the first start."""
    where = places(settings)
    where.prepare()
    store.prepare(where.data, 0, settings=settings.store, database=settings.database, mailboxes=settings.mailboxes)
    opened = home(settings).register()
    try:
        yield Directory(opened, settings.directory, secrets.token_bytes(32))
    finally:
        opened.close()


def _numbers(where: base.Base) -> list[int]:
    """The shards that can be read; which servers cannot be asked is said on standard error."""
    if isinstance(where, base.Files):
        return where.numbers()
    from hatoba.store.server import Server

    if not isinstance(where, Server):
        return where.numbers()
    holdings, away = where.survey()
    for place, error in away.items():
        listed = ", ".join(map(str, where.listed(place)))
        sys.stderr.write(f"Server {place} is away, its shards ({listed}) are left out: {error}\n")
    return sorted(one.number for one in holdings)


@contextmanager
def readers(settings: Settings) -> Iterator[dict[int, Reader]]:
    """A read-only connection to every shard, running or not."""
    where = home(settings)
    opened: dict[int, Reader] = {}
    for number in _numbers(where):
        opened[number] = where.reader(number)
    try:
        yield opened
    finally:
        for reader in opened.values():
            reader.close()


@asynccontextmanager
async def admins(settings: Settings) -> AsyncIterator[list[admin.Admin]]:
    """An Admin of every shard, each taken from nobody: ShardTaken when a worker has it after all."""
    where = home(settings)
    async with contextlib.AsyncExitStack() as stack:
        yield [
            stack.enter_context(at_rest(settings, where, number, "the command line"))[1] for number in _numbers(where)
        ]


@contextmanager
def at_rest(
    settings: Settings, where: base.Base, number: int, owner: str
) -> Iterator[tuple[shard_.Shard, admin.Admin]]:
    """A shard that nobody works, and its Admin; given back at the end. ShardTaken, StoreTrouble."""
    with where.shard(number, owner) as opened:
        with opened.reader() as reader:
            drawn = ids.Numbers(number, journal.highest(reader))
        made = admin.offline(
            settings.queue,
            opened,
            hostname=certificate.hostname(settings.hostname),
            new_id=partial(_draw, drawn),
            clock=now,
            notice=settings.notice,
            readdress=partial(_readdressed, settings),
        )
        try:
            yield opened, made
        finally:
            made.close()


def _readdressed(settings: Settings, letter: Letter) -> Letter:
    """A notice to those that its recipient stands for."""
    with directory(settings) as known:
        return own.readdressed(known, settings.rewrite.srs, letter, now())


def _draw(drawn: ids.Numbers) -> int:
    return drawn.next(now())


class Member(msgspec.Struct, frozen=True):
    """A worker of some node; `silent` seconds since its last beat."""

    name: str
    silent: float
    shards: list[int]


class Held(msgspec.Struct, frozen=True):
    """A shard: `state` is worked, expired (its worker is silent), free, or unknown: its server is away.

    `server` is the index of its server: 0 is database.url, then [[database.spool]] in their order.
    """

    shard: int
    owner: str
    state: str
    silent: float
    epoch: int
    letters: int
    server: int = 0


class Cluster(msgspec.Struct, frozen=True):
    """What the servers say of the nodes that share them; `away`: of each server that did not answer, why."""

    members: list[Member]
    shards: list[Held]
    away: dict[str, str] = {}


def cluster(settings: Settings) -> Cluster:
    """Members and shards. StoreTrouble; ValueError where no server is named."""
    from hatoba.store.server import Server

    where = home(settings)
    if not isinstance(where, Server):
        raise ValueError("no server is named: database.url is empty")
    shards = []
    holdings, away = where.survey()
    for one in holdings:
        with where.reader(one.number) as reader:
            letters = sum(count.count for count in rows.counts(reader))
        state = "free" if one.age < 0 else "worked" if one.age <= settings.database.lease else "expired"
        shards.append(
            Held(
                one.number,
                one.owner if one.age >= 0 else "",
                state,
                one.age,
                one.epoch,
                letters,
                where.place(one.number),
            )
        )
    for place in away:
        shards += [Held(number, "", "unknown", -1.0, 0, 0, place) for number in where.listed(place)]
    shards.sort(key=lambda held: held.shard)
    owners = {name: [held.shard for held in shards if held.owner == name] for name in {h.owner for h in shards}}
    members = [Member(name, age, owners.get(name, [])) for name, age in where.members().items()]
    return Cluster(members, shards, {str(place): str(error) for place, error in away.items()})
