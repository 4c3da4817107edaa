"""Keeping: the large bodies that one state of a shard names, kept for its reader although the worker goes on.

Called by backup and export around everything they read of a shard.
Never takes a body from the worker: a hard link keeps the octets when the worker removes the name.
Fails with StoreTrouble. What a killed process left behind is removed by the next one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from hatoba.store import blobs, trouble
from hatoba.store.sql import Reader

PIECE = 256 * 1024  # octets read at once
_NAMED = "SELECT blob FROM letter WHERE blob <> ''"
_ALIVE = "SELECT 1 FROM letter WHERE id = ?"
_PREFIX = "kept-"


class Ended(Exception):
    """The letter has ended since the snapshot, and its object with it: it is no letter of this copy."""


class Kept:
    """`missing`: bodies that rows name and nobody has (damage); grows as objects are asked for in vain."""

    def __init__(self, paths: dict[str, Path], missing: list[str], objects: _Objects) -> None:
        self._paths = paths
        self.missing = missing
        self._objects = objects

    def pieces(self, number: int, name: str, octets: int) -> Iterator[bytes] | None:
        """The body of letter `number`; None when it is lost. Ended, StoreTrouble before the first piece."""
        if "." not in name:
            path = self._paths.get(name)
            return None if path is None else _read(path)
        try:
            return self._objects.read(name, octets)
        except blobs.Damaged:
            if not self._objects.alive(number):
                raise Ended from None
            self.missing.append(name)
            return None


class _Objects:
    """Bodies in an object store, brought into a folder of our own: the worker's copies are the worker's."""

    def __init__(self, scratch: Path, number: int, large: blobs.Settings, opener: Callable[[], Reader]) -> None:
        self._make = partial(blobs.Depot, scratch, number, large, "a reader")
        self._opener = opener
        self._depot: blobs.Depot | None = None

    def read(self, name: str, octets: int) -> Iterator[bytes]:
        if self._depot is None:
            self._depot = self._make()
        return self._depot.read(name, octets, PIECE)

    def alive(self, number: int) -> bool:
        with self._opener() as reader:
            return bool(reader.rows(_ALIVE, (number,)))

    def close(self) -> None:
        if self._depot is not None:
            self._depot.close()


@contextlib.contextmanager
def bodies(
    data: Path, number: int, large: blobs.Settings, opener: Callable[[], Reader]
) -> Iterator[tuple[Reader, Kept]]:
    """A reader inside one snapshot of shard `number`, and every body its rows name. `opener` gives readers.

    A file lives from before its row to after it, so linking all there are before the snapshot and again behind it
    misses only one that came and went in between; then all is done again. What is missing twice was missing before:
    its row is in the second snapshot although nobody had removed it.
    """
    folders = blobs.local(data, number, large)
    kept = {folder: folder.parent / f"{_PREFIX}{folder.name}-{os.getpid()}" for folder in folders}
    for folder in folders:
        _sweep(folder.parent)
    objects = _Objects(next(iter(kept.values())) / "objects", number, large, opener)
    before: set[str] | None = None
    try:
        with opener() as reader:
            while True:
                _link_all(kept)
                with reader.snapshot():
                    reader.rows("SELECT 1 FROM letter LIMIT 1")  # the snapshot begins with the first thing read
                    have = _link_all(kept)
                    missing = {str(name) for (name,) in reader.rows(_NAMED) if "." not in name} - have.keys()
                    if not missing or missing == before:
                        yield reader, Kept(have, sorted(missing), objects)
                        return
                    before = missing
    finally:
        objects.close()
        for folder in kept.values():
            shutil.rmtree(folder, ignore_errors=True)


def _link_all(kept: dict[Path, Path]) -> dict[str, Path]:
    have: dict[str, Path] = {}
    for source, target in kept.items():
        have |= {name: target / name for name in _link(source, target)}
    return have


def _link(folder: Path, kept: Path) -> set[str]:
    """Links every finished body that has no link yet; all that have one."""
    try:
        have = set(_names(kept))
        for name in _names(folder):
            if name not in have and not name.endswith(".part"):
                kept.mkdir(mode=0o700, exist_ok=True)
                with contextlib.suppress(FileNotFoundError):  # removed since it was listed
                    _keep(folder / name, kept / name)
                    have.add(name)
    except OSError as error:
        raise trouble.of(error, f"keeping the bodies of {folder}") from error
    return have


def _names(folder: Path) -> Sequence[str]:
    return [path.name for path in folder.iterdir() if path.is_file()] if folder.exists() else []


def _keep(source: Path, target: Path) -> None:
    """A link; a copy where the file system has none, or the file is not ours to link."""
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(source, target)


def _read(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece
    except OSError as error:
        raise trouble.of(error, f"reading {path}") from error


def _sweep(parent: Path) -> None:
    """Removes what processes that are no more have kept."""
    for path in parent.glob(_PREFIX + "*") if parent.exists() else ():
        pid = path.name.rpartition("-")[2]
        if pid.isdigit() and not Path("/proc", pid).exists():
            shutil.rmtree(path, ignore_errors=True)
