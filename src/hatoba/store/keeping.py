"""Keeping: the large bodies that one state of a shard names, kept for its reader although the worker goes on.

Called by backup and export around everything they read of a shard.
Never takes a body from the worker: a hard link keeps the octets when the worker removes the name.
Fails with StoreTrouble. What a killed process left behind is removed by the next one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from hatoba.store import trouble
from hatoba.store.sql import Reader

_NAMED = "SELECT blob FROM letter WHERE blob <> ''"
_PREFIX = "kept-"


class Kept:
    """Inside `bodies`: `names` are those there are, `missing` those that rows name and no file has (damage)."""

    def __init__(self, folder: Path, names: set[str], missing: list[str]) -> None:
        self.folder = folder
        self.names = names
        self.missing = missing

    def path(self, name: str) -> Path:
        return self.folder / name


@contextlib.contextmanager
def bodies(folder: Path, reader: Reader) -> Iterator[Kept]:
    """The reader is inside one snapshot, and every body its rows name has a link of ours.

    `folder` is the shard's. A body lives from before its row to after it, so linking all there are before the snapshot
    and again behind it misses only one that came and went in between; then all is done again. What is missing twice
    was missing before: its row is in the second snapshot although nobody had removed it.
    """
    kept = folder.parent / f"{_PREFIX}{folder.name}-{os.getpid()}"
    before: set[str] | None = None
    _sweep(folder.parent)
    try:
        while True:
            _link(folder, kept)
            with reader.snapshot():
                reader.rows("SELECT 1 FROM letter LIMIT 1")  # the snapshot begins with the first thing read
                have = _link(folder, kept)
                named = {str(name) for (name,) in reader.rows(_NAMED)}
                missing = named - have
                if not missing or missing == before:
                    yield Kept(kept, named - missing, sorted(missing))
                    return
                before = missing
    finally:
        shutil.rmtree(kept, ignore_errors=True)


def _link(folder: Path, kept: Path) -> set[str]:
    """Links every finished body that has no link yet; all that have one."""
    try:
        have = set(os.listdir(kept)) if kept.exists() else set()  # noqa: PTH208  # names are all that is wanted
        for name in os.listdir(folder) if folder.exists() else ():  # noqa: PTH208
            if name not in have and not name.endswith(".part"):
                kept.mkdir(mode=0o700, exist_ok=True)
                with contextlib.suppress(FileNotFoundError):  # removed since it was listed
                    _keep(folder / name, kept / name)
                    have.add(name)
    except OSError as error:
        raise trouble.of(error, f"keeping the bodies of {folder}") from error
    return have


def _keep(source: Path, target: Path) -> None:
    """A link; a copy where the file system has none, or the file is not ours to link."""
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(source, target)


def _sweep(parent: Path) -> None:
    """Removes what processes that are no more have kept."""
    for path in parent.glob(_PREFIX + "*") if parent.exists() else ():
        pid = path.name.rpartition("-")[2]
        if pid.isdigit() and not Path("/proc", pid).exists():
            shutil.rmtree(path, ignore_errors=True)
