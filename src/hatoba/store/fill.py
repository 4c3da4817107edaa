"""Fill: an export becomes the databases of a node that has none, on either engine.

Called by the command line and by restore, while the node's lock is held.
Never changes a database that holds anything, and leaves nothing behind when the export turns out to be damaged.
Fails with BadExport, with NotEmpty, ShardTaken while another node works the server, StoreTrouble.
"""

from __future__ import annotations

import binascii
import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from hatoba import store
from hatoba.store import blobs, directory, shard, sql, sqlite, transfer, trouble
from hatoba.store.base import Base, Files
from hatoba.store.blobs import Draft
from hatoba.store.settings import Settings
from hatoba.store.snapshot import Progress
from hatoba.store.sql import Tx
from hatoba.store.transfer import BadExport, Reading

if TYPE_CHECKING:
    from hatoba.store.server import Server

_ASIDE = "importing"
_INSERTS = {name: sql.added(table) for name, table in transfer.ALL.items()}
_SIZE, _BLOB, _BODY = (transfer.columns(transfer.SHARD["letter"]).index(name) for name in ("size", "blob", "body"))
_ROWS = 512  # that may wait
_OCTETS = 8 * 1024 * 1024  # of bodies that may wait for their statement


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
        if name != "cursor" and reader.rows(f"SELECT 1 FROM {name} LIMIT 1"):  # noqa: S608  ours
            raise NotEmpty(f"{where} is not empty, it has rows in {name}: an import needs a node that has nothing yet")


def fill(home: Base, lines: Iterator[bytes], progress: Progress) -> dict[str, int]:
    """Reads an export into an empty home; rows by table. The lines' hash is proven before anything can be seen."""
    reading = Reading(lines)
    check_empty(home)
    count = max(reading.header.shards, default=-1) + 1
    with _target(home, count, progress) as target:
        counts = _Filling(target, reading, progress).run()
        target.finish()
    return counts


@contextlib.contextmanager
def _target(home: Base, count: int, progress: Progress) -> Iterator[Target]:
    if isinstance(home, Files):
        with _into_files(home, count, progress) as files:
            yield files
        return
    from hatoba.store import server

    assert isinstance(home, server.Server)  # noqa: S101  # there are two kinds of home
    with _into_server(home, count, progress) as served:
        yield served


class _Filling:
    """The state of one run: which part is open, the rows that wait for their statement, the body under way."""

    def __init__(self, target: Target, reading: Reading, progress: Progress) -> None:
        self._target = target
        self._reading = reading
        self._progress = progress
        self._tx: Tx | None = None
        self._shard: int | None = None
        self._waiting: list[list[Any]] = []
        self._table = ""
        self._octets = 0
        self._letter: list[Any] | None = None  # whose body comes in pieces
        self._pieces: list[bytes] = []
        self._draft: Draft | None = None
        self.counts = dict.fromkeys(transfer.ALL, 0)

    def run(self) -> dict[str, int]:
        for word, values in self._reading.rows():
            if word == "body":
                self._piece(*values)
                continue
            self._end_letter(lost=word == "missing")
            if word == "shard":
                self._open(*values)
            elif word in transfer.ALL:
                self._row(word, values)
            elif word != "missing":
                raise BadExport(f"an export has no {word!r}")
        self._end_letter(lost=False)
        self._flush()
        return self.counts

    def _open(self, number: int, seq: int) -> None:
        self._flush()
        if number not in self._reading.header.shards:
            raise BadExport(f"shard {number} is not among those of the first line")
        self._shard = number
        self._tx = self._target.part(number)
        self._target.sequence(self._tx, seq)
        self._progress(f"shard {number:04d}")

    def _row(self, word: str, values: list[Any]) -> None:
        if word in transfer.DIRECTORY and (self._tx is None or self._shard is not None):
            self._flush()
            self._shard, self._tx = None, self._target.part(None)
        elif word in transfer.SHARD and self._shard is None:
            raise BadExport(f"a row of {word} stands before its shard")
        if word == "letter" and (values[_BODY] is None or len(values[_BODY]) > transfer.INLINE):
            self._letter = values
            self._pieces = [] if values[_BODY] is None else [values[_BODY]]
            return
        if word == "letter" and (draft := self._target.draft(values[0], len(values[_BODY]))) is not None:
            self._letter, self._draft = values, draft
            draft.append(values[_BODY])
            return
        self._put(word, values)

    def _put(self, word: str, values: list[Any]) -> None:
        if word != self._table:
            self._flush()
            self._table = word
        self._waiting.append(values)
        self.counts[word] += 1
        self._octets += len(values[_BODY] or b"") if word == "letter" else 0
        if len(self._waiting) >= _ROWS or self._octets > _OCTETS:
            self._flush()

    def _flush(self) -> None:
        waiting, self._waiting, self._octets = self._waiting, [], 0
        if waiting and self._tx is not None:
            for text, parameters in self._tx.parts(_INSERTS[self._table], waiting):
                self._tx.run(text, parameters)

    def _piece(self, number: int, text: str) -> None:
        letter = self._letter
        if letter is None or letter[0] != number:
            raise BadExport(f"a piece of a body of {number} stands apart from its letter")
        try:
            piece = binascii.a2b_base64(text, strict_mode=True)
        except ValueError as error:
            raise BadExport(f"a piece of the body of {number} cannot be read: {error}") from error
        if self._draft is None and not self._pieces:
            self._draft = self._target.draft(number, letter[_SIZE])
        if self._draft is not None:
            self._draft.append(piece)
        else:
            self._pieces.append(piece)

    def _end_letter(self, lost: bool) -> None:
        """The letter whose body came in pieces is whole now (or its body was missing where it came from)."""
        letter, self._letter = self._letter, None
        if letter is None:
            return
        draft, self._draft = self._draft, None
        pieces, self._pieces = self._pieces, []
        if draft is not None:
            draft.sync()
            draft.publish()
            letter[_BLOB], letter[_BODY] = draft.name, None
        elif not lost:
            letter[_BLOB], letter[_BODY] = "", b"".join(pieces) if pieces else None
        self._put("letter", letter)


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

    database = msgspec.structs.replace(home.database, shards=max(home.database.shards, count))
    store.prepare(home.data, count, home.settings, progress, database)
    with server_upgrade.alone(home):
        for holding in home.holdings():
            if 0 <= holding.age < home.database.lease:
                raise trouble.ShardTaken(holding.number, 0, holding.owner)
        check_empty(home)
        with contextlib.closing(home.connect(server.DIRECTORY)) as connection, postgres.transaction(connection) as tx:
            yield _IntoServer(tx)
