"""Refill: archives of mail shards, which a backup of a server has, become mail shards of either engine.

Called by restore. Imports Alembic, so nobody else may.
Never fills a mail shard that has an account.
Fails with archive.BadArchive, StoreTrouble.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from hatoba.store import sqlite, upgrade
from hatoba.store.base import Base, Files
from hatoba.store.mailboxes import archive, places
from hatoba.store.snapshot import Progress

Archives = dict[int, Path]


def archives(folder: Path) -> Archives:
    """The archives of a backup, by the number of their shard."""
    return {int(path.stem): path for path in sorted((folder / places.FOLDER).glob("[0-9][0-9][0-9][0-9].rows"))}


def prepare(home: Base, known: Archives, progress: Progress) -> None:
    """A server gets as many mail shards as there are archives, before anything else makes another number of them."""
    if known and not isinstance(home, Files):
        from hatoba.store import server, server_upgrade

        assert isinstance(home, server.Server)  # noqa: S101  # there are two kinds of home
        server_upgrade.prepare(home, home.database.shards, progress, len(known))


def fill(home: Base, known: Archives, aside: Path, progress: Progress) -> None:
    """Fills the mail shards of a server, each in one transaction; or makes files in `aside`."""
    if not known:
        return
    if isinstance(home, Files):
        upgrade.make_mail(aside, sorted(known), len(known))
    for number, path in known.items():
        progress(f"mail shard {number:04d}")
        if isinstance(home, Files):
            _file(places.database(aside, number), path, number, len(known))
        else:
            _schema(home, number, path)


def _file(database: Path, path: Path, number: int, many: int) -> None:
    connection = sqlite.connect(database)
    with contextlib.closing(connection), sqlite.transaction(connection) as tx:
        archive.fill(tx, path)
        places.record(tx, number, many, time.time_ns() // 1_000_000)


def _schema(home: Base, number: int, path: Path) -> None:
    from hatoba.store import postgres, server

    assert isinstance(home, server.Server)  # noqa: S101  # there are two kinds of home
    connection = home.connect(places.schema(number), 0)
    with contextlib.closing(connection), postgres.transaction(connection) as tx:
        tx.run(postgres.PATIENT)
        archive.fill(tx, path)
