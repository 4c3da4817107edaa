"""Backup: a whole node into one folder while it works: its databases, large bodies, Maildirs and keys.

Called by the command line; reads beside the workers and asks them for nothing.
Never mixes two states of a database: each is copied from one snapshot, with the bodies that its rows name.
Fails with StoreTrouble (NoBackup when the folder is not empty); what was written by then is removed.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from hatoba.store import (
    blobs,
    bundle,
    directory,
    export,
    exports,
    keeping,
    shard,
    snapshot,
    spool,
    sql,
    sqlite,
    tables,
    trouble,
)
from hatoba.store.base import Base, Files
from hatoba.store.bundle import Manifest, Part, Writing
from hatoba.store.mailboxes import archive, places
from hatoba.store.mailboxes import tables as mail_tables
from hatoba.store.snapshot import Progress

EXPORT = "node.jsonl.gz"  # what a server holds
BESIDE = ("mail", "tls")  # folders of the data folder that are copied as they are
_TURNS = 10  # at most
_LARGE = "SELECT id, blob, size, meta FROM letter WHERE blob <> '' ORDER BY id"
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"


def take(home: Base, place: Path, version: str, progress: Progress, node: Path | None = None) -> Manifest:
    """Backs a node up to `place`, which may be there if it is empty; `version` is the program's.

    `node` is the node's own folder, where the databases lie in another one.

    The order matters: a letter that goes from its shard into a mailbox meanwhile is in both rather than in neither
    (delivered again, it replaces its twin), and an account made meanwhile is there for the letters it has.
    """
    started, data = _now(), home.data
    engine = "sqlite" if isinstance(home, Files) else "postgresql"
    if engine == "sqlite" and not (data / directory.NAME).exists() and not shard.numbers(data):
        raise trouble.StoreTrouble(f"{data} holds no hatoba: there is nothing to back up")
    writing = Writing(place, version)
    try:
        parts = _files(home, writing, progress) if engine == "sqlite" else _server(home, writing, progress)
        for folder in BESIDE:
            progress(f"{folder}: {_beside(writing, node or data, folder, progress)} files")
        progress("writing everything to the disk")
        manifest = Manifest(version, engine, started, _now(), parts, 0, 0, "")
        writing.finish(manifest)
    except BaseException:
        writing.discard()
        raise
    return manifest


def _files(home: Base, writing: Writing, progress: Progress) -> list[Part]:
    data = home.data
    _check_room(home, writing.at)
    parts = [_shard(home, number, writing, progress) for number in shard.numbers(data)]
    parts += [_mail(data, number, writing, progress) for number in places.numbers(data)]
    if (data / directory.NAME).exists():
        parts.append(_directory(data, writing, progress))
    return parts


def _server(home: Base, writing: Writing, progress: Progress) -> list[Part]:
    """What the server holds, of all nodes: one export, and an archive of each mail shard."""
    taken = _now()
    with exports.writing(writing.path(EXPORT)) as file:
        written = export.write(home, file.write, writing.version, progress)
    writing.add(EXPORT)
    parts = [Part("server", tables.SHARD_REVISION, taken, written.counts, 0, written.missing)]
    for number in archive.numbers(home):
        taken, relative = _now(), archive.name(number)
        counts = archive.write(home, number, partial(writing.write, relative))
        parts.append(Part(f"mail shard {number:04d}", mail_tables.MAIL_REVISION, taken, counts))
        progress(f"mail shard {number:04d}: {counts['message']} messages, {counts['account']} accounts")
    return parts


def _shard(home: Base, number: int, writing: Writing, progress: Progress) -> Part:
    """The copy stands alone: bodies of an object store become files of it, and are named so in it."""
    path, name = shard.database(home.data, number), f"shard {number:04d}"
    relative = f"shards/{path.name}"
    moved: list[int] = []
    ended: list[int] = []
    with keeping.bodies(home.data, number, home.large, partial(sqlite.reader, path)) as (reader, kept):
        part = _database(reader, path, relative, name, writing, progress)
        for letter, blob, size, meta in reader.rows(_LARGE):
            try:
                pieces = kept.pieces(letter, blob, spool.apart(size, meta))
            except keeping.Ended:
                ended.append(letter)
                continue
            if pieces is not None:
                writing.write(f"blobs/{number:04d}/{blobs.name(letter)}", pieces)
                part.bodies += 1
                if "." in blob:
                    moved.append(letter)
        part.missing = kept.missing
    if moved or ended:
        _mend(writing.path(relative), moved, ended)
        part.counts["letter"] -= len(ended)
    writing.add(relative)
    progress(f"{name}: {part.counts.get('letter', 0)} letters, {part.bodies} large bodies")
    return part


def _mend(copy: Path, moved: list[int], ended: list[int]) -> None:
    """In the copy: bodies that were objects are files now, and letters that ended meanwhile are gone."""
    connection = sqlite.connect(copy)
    try:
        with sqlite.transaction(connection) as tx:
            for letter in moved:
                tx.run("UPDATE letter SET blob = ? WHERE id = ?", (blobs.name(letter), letter))
            for letter in ended:
                tx.run("DELETE FROM recipient WHERE letter = ?", (letter,))
                tx.run("DELETE FROM letter WHERE id = ?", (letter,))
    finally:
        connection.close()  # the last one: its log goes with it


def _mail(data: Path, number: int, writing: Writing, progress: Progress) -> Part:
    """A mail shard; all that its letters are is in it."""
    path, name = places.database(data, number), f"mail shard {number:04d}"
    relative = f"{places.FOLDER}/{path.name}"
    with sqlite.reader(path) as reader, reader.snapshot():
        part = _database(reader, path, relative, name, writing, progress)
        writing.add(relative)
    progress(f"{name}: {part.counts.get('message', 0)} messages, {part.counts.get('account', 0)} accounts")
    return part


def _directory(data: Path, writing: Writing, progress: Progress) -> Part:
    path = data / directory.NAME
    with sqlite.reader(path) as reader, reader.snapshot():
        part = _database(reader, path, path.name, "directory", writing, progress)
        writing.add(path.name)
    progress(f"directory: {part.counts.get('domain', 0)} domains, {part.counts.get('account', 0)} accounts")
    return part


def _database(reader: sql.Reader, path: Path, relative: str, name: str, writing: Writing, progress: Progress) -> Part:
    """Copies the state that the reader's snapshot sees."""
    assert isinstance(reader, sqlite.Reader)  # noqa: S101  # it was opened as one
    found = sqlite.revision(reader)
    counts = {
        table: int(reader.rows(f'SELECT count(*) FROM "{table}"')[0][0])  # noqa: S608  the schema's own names
        for (table,) in reader.rows(_TABLES)
        if table != "alembic_version"
    }
    part = Part(name, found, _now(), counts)
    try:
        snapshot.copy(reader.connection, writing.path(relative), name, progress)
    except (sqlite3.Error, OSError) as error:
        raise trouble.of(error, f"copying {path.name}") from error
    return part


def _beside(writing: Writing, data: Path, folder: str, progress: Progress) -> int:
    """Copies a folder of the data folder; how many files.

    Whoever reads a Maildir moves letters from new to cur and renames them as flags change, so a letter that was there
    all the time may be missed under both names. What is there under a name that is new to us is looked for again.
    """
    seen: set[str] = set()
    count = 0
    for turn in range(_TURNS):
        before = count
        for path in walk(data / folder, progress if turn == 0 else lambda text: None):
            if (turn == 0 or _letter(path) not in seen) and _copied(writing, data, path):
                seen.add(_letter(path))
                count += 1
        if turn and count == before:
            break
    return count


def _letter(path: Path) -> str:
    """What stays of a file's name when its reader moves it: its Maildir and the name without flags."""
    folder = path.parent.parent if path.parent.name in ("new", "cur") else path.parent
    return f"{folder}/{path.name.partition(':')[0]}"


def walk(folder: Path, progress: Progress) -> Iterator[Path]:
    """Every regular file below a folder, but for letters half delivered (tmp of a Maildir). StoreTrouble."""

    def unreadable(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):  # there is no such folder, or it was removed meanwhile
            raise trouble.of(error, f"reading {error.filename}") from error

    for at, folders, files in os.walk(folder, onerror=unreadable):
        if "new" in folders:
            folders[:] = [name for name in folders if name != "tmp"]
        folders.sort()  # cur before new: what moves from one to the other is in both rather than in neither
        for name in sorted((*files, *(name for name in folders if Path(at, name).is_symlink()))):
            path = Path(at, name)
            if path.is_symlink():
                progress(f"{path} is a link and not in the backup")
            elif path.is_file():
                yield path


def _copied(writing: Writing, data: Path, path: Path) -> bool:
    relative = path.relative_to(data).as_posix()
    try:
        relative.encode()
    except UnicodeEncodeError as error:
        raise trouble.StoreTrouble(f"{os.fsencode(path)!r}: a name that is not UTF-8 cannot be backed up") from error
    return writing.copy(path, relative) is not None


def _check_room(home: Base, into: Path) -> None:
    """Before anything is copied; Maildirs are not walked twice for it, and objects not asked for."""
    data = home.data
    databases = [data / directory.NAME, *(shard.database(data, number) for number in shard.numbers(data))]
    databases += [places.database(data, number) for number in places.numbers(data)]
    needed = sum(snapshot.size(path) + snapshot.size(path.with_name(f"{path.name}-wal")) for path in databases)
    for number in shard.numbers(data):
        for folder in blobs.local(data, number, home.large):
            needed += sum(snapshot.size(path) for path in folder.glob("*"))
    free = shutil.disk_usage(into).free
    if free < needed + snapshot.SPARE:
        raise trouble.StoreTrouble(
            f"the backup takes {needed >> 20} MiB and {snapshot.SPARE >> 20} to spare, {into.parent} has {free >> 20}",
            trouble.FULL,
        )


def _now() -> int:
    return time.time_ns() // 1_000_000


def check(place: Path, progress: Progress) -> tuple[Manifest, list[str]]:
    """The manifest of a backup and what is wrong with its files, a sentence each."""
    manifest = bundle.read(place)
    progress(f"checking {manifest.files} files, {manifest.octets >> 20} MiB")
    return manifest, list(bundle.damage(place, manifest))
