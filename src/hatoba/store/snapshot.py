"""Snapshots: a whole copy of a database beside it, taken before a migration may change it.

Called by upgrade; backup copies by the same means.
Never touches the database it copies; never starts what the disk has no room for.
Fails with StoreTrouble: kind "full" when there is not enough room, before anything was written.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from hatoba.store import blobs, trouble

SPARE = 64 * 1024 * 1024  # octets that must stay free beside the copy
_PAGES = 2048  # copied between two calls of progress

Progress = Callable[[str], None]


def take(path: Path, revision: str, into: Path, keep: int, progress: Progress) -> Path:
    """Copies the database to INTO/<name>-<revision>-<UTC time>.db, synced, and keeps the last `keep` of that name."""
    octets = path.stat().st_size + size(path.with_name(path.name + "-wal"))
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    target = into / f"{path.stem}-{revision or 'none'}-{stamp}.db"
    try:
        blobs.make_folder(into)
        free = shutil.disk_usage(into).free
        if free < octets + SPARE:
            raise trouble.StoreTrouble(
                f"a snapshot of {path.name} takes {octets >> 20} MiB and {SPARE >> 20} to spare,"
                f" {into} has {free >> 20}",
                trouble.FULL,
            )
        _copy(path, target, progress)
        blobs.sync_folder(into)
        for old in of(into, path.stem)[:-keep]:
            old.unlink()
    except (sqlite3.Error, OSError) as error:
        with contextlib.suppress(OSError):
            target.unlink()
        raise trouble.of(error, f"taking a snapshot of {path.name}") from error
    return target


def of(into: Path, stem: str) -> list[Path]:
    """The snapshots of one database, oldest first."""
    return sorted(into.glob(f"{stem}-*-*.db"), key=lambda path: path.stem.rsplit("-", 1)[1])


def _copy(path: Path, target: Path, progress: Progress) -> None:
    with contextlib.closing(sqlite3.connect(path)) as source:
        copy(source, target, f"snapshot of {path.name}", progress)


def copy(source: sqlite3.Connection, target: Path, name: str, progress: Progress) -> None:
    """SQLite's own backup, synced: right beside a running writer, log included. Raises sqlite3.Error and OSError.

    Where `source` stands in a transaction, it is the state that the transaction sees, however long it takes; else a
    commit by another process makes it begin anew.
    """

    def report(_: int, left: int, total: int) -> None:
        if total > _PAGES:
            progress(f"{name}: {100 * (total - left) // total} %")

    with contextlib.closing(sqlite3.connect(target)) as made:
        target.chmod(0o600)
        source.backup(made, pages=_PAGES, progress=report)
    descriptor = os.open(target, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def size(path: Path) -> int:
    """Octets of a file, 0 where there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
