"""Upgrade: brings every database of a data folder to this program's revision, each after a snapshot.

Called through `store.prepare` by the supervisor, before any worker starts; imports Alembic, so nobody else may.
Never touches a database that is up to date, nor one whose snapshot failed, nor a newer program's.
Fails with ShardTaken when a shard is in use, WrongVersion for a newer database, StoreTrouble otherwise.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import alembic.command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from hatoba.store import blobs, directory, shard, snapshot, sqlite, tables, trouble
from hatoba.store.mailboxes import places
from hatoba.store.mailboxes import settings as mail_settings
from hatoba.store.mailboxes import tables as mail_tables
from hatoba.store.settings import Settings
from hatoba.store.snapshot import Progress

UNFINISHED = ("restoring", "importing")  # folders in which restore and targets make a node, and take it from
HISTORIES = Path(__file__).parent / "migrations"


def prepare(data: Path, shards: int, settings: Settings, progress: Progress, mail: int | None = None) -> None:
    """The directory and shards 0 … `shards`-1 (and any other that exists) are there and at this revision.

    So are the mail shards, `mail` of them (None: as many as there are, or the default); with `shards` 0 none is made.
    """
    if sqlite3.sqlite_version_info < sqlite.OLDEST:
        raise trouble.StoreTrouble(f"SQLite is {sqlite3.sqlite_version}, hatoba needs {sqlite.OLDEST_TEXT} or newer")
    for name in UNFINISHED:
        if (data / name).exists():
            raise trouble.StoreTrouble(
                f"{data / name} is what an interrupted restore or import left, so that {data} may hold half a node:"
                " empty it, and do that again"
            )
    for folder in (data / "shards", data / "blobs"):
        blobs.make_folder(folder)
    into = data / "snapshots"
    with _alone(data / "prepare.lock"):
        bring(data / directory.NAME, "directory", tables.DIRECTORY_REVISION, into, settings, progress)
        for number in sorted({*range(shards), *shard.numbers(data)}):
            path = shard.database(data, number)
            if _at(path) == tables.SHARD_REVISION:
                continue
            with shard.taken(path, number):
                bring(path, "shard", tables.SHARD_REVISION, into, settings, progress)
        _mail(data, mail, bool(shards), settings, progress)


def _mail(data: Path, wanted: int | None, make: bool, settings: Settings, progress: Progress) -> None:
    """The mail shards. A new one is made beside its place: what is there knows which one it is."""
    there = places.numbers(data)
    known = 0
    for number in there:
        path = places.database(data, number)
        bring(path, "mail", mail_tables.MAIL_REVISION, data / "snapshots" / places.FOLDER, settings, progress)
        with sqlite.reader(path) as opened:
            known = places.count(opened)
        if wanted is not None:
            places.refuse(known, wanted)
    if not (there or make):
        return
    many = known or wanted or mail_settings.Settings().shards
    missing = sorted({*range(many)} - {*there})
    if missing:
        make_mail(data, missing, many)


def make_mail(data: Path, missing: list[int], many: int) -> None:
    """New mail shards, migrated once and copied; each gets its name when it knows which one it is."""
    blobs.make_folder(data / places.FOLDER)
    seed, fresh = data / places.FOLDER / "seed.new", data / places.FOLDER / "shard.new"
    seed.unlink(missing_ok=True)
    upgrade(seed, "mail", mail_tables.MAIL_REVISION)
    for number in missing:
        fresh.unlink(missing_ok=True)
        fresh.touch(mode=0o600)
        with fresh.open("r+b") as copied:
            copied.write(seed.read_bytes())
            copied.flush()
            os.fsync(copied.fileno())  # before it gets its name: half a database must never have one
        with contextlib.closing(sqlite.connect(fresh)) as connection, sqlite.transaction(connection) as tx:
            places.record(tx, number, many, time.time_ns() // 1_000_000)
        fresh.rename(places.database(data, number))  # closed, it has no log
    seed.unlink()
    blobs.sync_folder(seed.parent)


def bring(path: Path, history: str, wanted: str, into: Path, settings: Settings, progress: Progress) -> None:
    found = _at(path)
    if found == wanted:
        return
    if found:
        check_known(found, history, str(path))
        progress(f"{path.name}: snapshot before the step from {found} to {wanted}")
        snapshot.take(path, found, into, settings.snapshots, progress)
        progress(f"{path.name}: upgrading from {found} to {wanted}")
    upgrade(path, history, wanted)


def upgrade(path: Path, history: str, revision: str) -> None:
    """Runs the history ("shard" or "directory") on one file up to `revision`, each step in a transaction."""
    path.touch(mode=0o600)  # letters and passwords: for us alone; the log and its index inherit it
    with contextlib.closing(sqlite.connect(path)) as connection:
        engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
        # The driver itself never begins: DDL is then part of the transaction, and a step is there wholly or not at all.
        event.listen(engine, "begin", lambda opened: opened.exec_driver_sql("BEGIN IMMEDIATE"))
        migrate(engine, history, revision, path.name)


def migrate(engine: Engine, history: str, revision: str, name: str) -> None:
    """Runs the history up to `revision` on a connection of the engine; disposes of it."""
    config = _config(history)
    try:
        with engine.connect() as opened:
            config.attributes["connection"] = opened
            alembic.command.upgrade(config, revision)
    except DBAPIError as error:
        cause = error.orig
        raise trouble.of(cause if cause is not None else error, f"upgrading {name}") from error
    except CommandError as error:
        raise trouble.WrongVersion(f"upgrading {name}: {error}") from error
    finally:
        engine.dispose()


def head(history: str) -> str | None:
    """The newest revision of a history."""
    return ScriptDirectory.from_config(_config(history)).get_current_head()


def check_known(found: str, history: str, name: str) -> None:
    """WrongVersion when a newer program has been here."""
    if found not in _known(history):
        raise trouble.WrongVersion(f"{name} is at revision {found}, which this program does not know: it is newer")


def _known(history: str) -> set[str]:
    return {step.revision for step in ScriptDirectory.from_config(_config(history)).walk_revisions()}


def _config(history: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(HISTORIES / history).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _at(path: Path) -> str:
    if not path.exists() or not path.stat().st_size:
        return ""
    with sqlite.reader(path) as opened:
        return sqlite.revision(opened)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Two commands started together take turns."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise trouble.of(error, f"opening {path}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
