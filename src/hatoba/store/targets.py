"""Targets: where an import puts its rows: database files made aside, or one transaction on a server.

Made by fill. Whichever it is, nothing can be seen before `finish`, and nothing is left without it.
Never takes a place where something is: see check_empty.
Fails with NotEmpty, ShardTaken while another node works the server, StoreTrouble.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from hatoba import store
from hatoba.store import blobs, directory, shard, sql, sqlite, transfer, trouble
from hatoba.store.base import Base, Files
from hatoba.store.blobs import Draft
from hatoba.store.settings import Settings
from hatoba.store.snapshot import Progress
from hatoba.store.sql import Tx

if TYPE_CHECKING:
    from hatoba.store.server import Server

_ASIDE = "importing"
# Rows that a node without anything may have: where it looked for events, and that it was upgraded. An import's take
# their place.
_BY_THEMSELVES = frozenset({"cursor", "admin", "head"})


class NotEmpty(trouble.StoreTrouble):
    """The target holds rows already."""


class Target(Protocol):
    """Where the rows go; `part` opens the directory (None) or a shard, and ends the part before."""

    def part(self, number: int | None) -> Tx: ...
    def sequence(self, tx: Tx, seq: int) -> None:
        """No event of the shard will have a seq up to this one."""

    def draft(self, number: int, size: int) -> Draft | None:
        """A file for a body of `size` octets; None when it lives in its row."""

    def finish(self) -> None:
        """Everything is there: it may be seen."""


def check_empty(home: Base) -> None:
    """NotEmpty when a table of the home has a row; shards and a directory that are prepared and empty are fine."""
    for number in home.numbers():
        with home.reader(number) as reader:
            _check_tables(reader, transfer.SHARD, f"shard {number:04d}")
    try:
        register = home.register()
    except trouble.WrongVersion:
        return  # there is none yet; a real one of another revision stops `prepare`
    try:
        _check_tables(register.reader, transfer.DIRECTORY, "the directory")
    finally:
        register.close()


def _check_tables(reader: sql.Reader, names: dict[str, Any], where: str) -> None:
    for name in names:
        if name not in _BY_THEMSELVES and reader.rows(f"SELECT 1 FROM {name} LIMIT 1"):  # noqa: S608  ours
            raise NotEmpty(f"{where} is not empty, it has rows in {name}: an import needs a node that has nothing yet")


@contextlib.contextmanager
def opened(home: Base, count: int, progress: Progress) -> Iterator[Target]:
    """The target for a home, with at least `count` shards."""
    if isinstance(home, Files):
        with _into_files(home, count, progress) as files:
            yield files
        return
    from hatoba.store import server

    assert isinstance(home, server.Server)  # noqa: S101  # there are two kinds of home
    with _into_server(home, count, progress) as served:
        yield served


class _IntoFiles:
    """Databases in a folder aside, which take the places of the empty ones at the end."""

    def __init__(self, home: Files, aside: Path, settings: Settings) -> None:
        self._home, self._aside, self._settings = home, aside, settings
        self._open = contextlib.ExitStack()
        self._folder: blobs.Folder | None = None
        self._folders: list[blobs.Folder] = []

    def part(self, number: int | None) -> Tx:
        self._open.close()
        path = self._aside / directory.NAME if number is None else shard.database(self._aside, number)
        if number is not None:
            self._folder = blobs.Folder(self._aside / "blobs" / f"{number:04d}")
            self._folders.append(self._folder)
        connection = self._open.enter_context(contextlib.closing(sqlite.connect(path)))
        return self._open.enter_context(sqlite.transaction(connection))

    def sequence(self, tx: Tx, seq: int) -> None:
        tx.run("INSERT INTO sqlite_sequence (name, seq) VALUES ('event', ?)", (seq,))

    def draft(self, number: int, size: int) -> Draft | None:
        return self._folder.draft(number) if size > self._settings.inline and self._folder is not None else None

    def close(self) -> None:
        self._open.close()

    def finish(self) -> None:
        self.close()
        for folder in self._folders:
            folder.sync()
        data = self._home.data
        try:
            for part in ("shards", "blobs"):
                blobs.make_folder(data / part)
                for path in sorted((self._aside / part).iterdir()):
                    if path.suffix in ("", ".db"):
                        _replace(path, data / part / path.name)
                blobs.sync_folder(data / part)
            _replace(self._aside / directory.NAME, data / directory.NAME)
        except OSError as error:
            raise trouble.of(error, f"importing into {data}") from error
        blobs.sync_folder(data)


def _replace(path: Path, target: Path) -> None:
    """The empty database (or folder) that may stand there goes."""
    for beside in ("-wal", "-shm"):
        target.with_name(target.name + beside).unlink(missing_ok=True)
    if target.is_dir():
        shutil.rmtree(target)
    path.rename(target)


@contextlib.contextmanager
def _into_files(home: Files, count: int, progress: Progress) -> Iterator[_IntoFiles]:
    aside = home.data / _ASIDE
    shutil.rmtree(aside, ignore_errors=True)
    try:
        store.prepare(aside, count, home.settings, progress)
        target = _IntoFiles(home, aside, home.settings)
        try:
            yield target
        finally:
            target.close()
    finally:
        shutil.rmtree(aside, ignore_errors=True)


class _IntoServer:
    """One transaction over all schemas."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx

    def part(self, number: int | None) -> Tx:
        from hatoba.store import server

        self._tx.run(f"SET LOCAL search_path = {server.DIRECTORY if number is None else server.schema(number)}")
        for name in ("admin", "head") if number is None else ():
            self._tx.run(f"DELETE FROM {name}")  # noqa: S608  ours
        return self._tx

    def sequence(self, tx: Tx, seq: int) -> None:
        tx.rows("SELECT setval(pg_get_serial_sequence('event', 'seq'), ?, ?)", (max(seq, 1), seq > 0))

    def draft(self, number: int, size: int) -> Draft | None:
        return None  # every body lives in its row: no other node sees this one's disk

    def finish(self) -> None:
        self.part(None).run("UPDATE change SET n = n + 1")


@contextlib.contextmanager
def _into_server(home: Server, count: int, progress: Progress) -> Iterator[_IntoServer]:
    """Nodes that start meanwhile wait until it is done: they prepare the server first, and that takes turns."""
    from hatoba.store import postgres, server, server_upgrade

    if len(home.urls) > 1:  # no transaction spans servers: half of an import could be seen
        raise trouble.StoreTrouble(
            "an import writes one server: leave database.spool out, import, then move the schemas (docs/scaling.md)"
        )
    server_upgrade.prepare(home, max(home.database.shards, count), progress)
    with server_upgrade.alone(home):
        for holding in home.holdings():
            if 0 <= holding.age < home.database.lease:
                raise trouble.ShardTaken(holding.number, 0, holding.owner)
        check_empty(home)
        with contextlib.closing(home.connect(server.DIRECTORY)) as connection, postgres.transaction(connection) as tx:
            tx.run(postgres.PATIENT)
            yield _IntoServer(tx)
