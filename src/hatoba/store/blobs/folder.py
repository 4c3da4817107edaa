"""Folder: large bodies as files of this machine, one each, written as the body arrives.

Drafts are made by who takes the body in and finished by writer before the commit that names them; depot reads.
Never leaves a name in the database without a synced file behind it; orphans (no row) go when the shard is opened.
Fails with StoreTrouble when the disk does.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from hatoba.kit import ids
from hatoba.store import trouble

PART = ".part"


class Draft:
    """A body being written. `size` is what was appended so far, `path` the file."""

    __slots__ = ("_descriptor", "_folder", "_lost", "number", "path", "size")

    def __init__(self, folder: Path, number: int) -> None:
        self.number = number
        self.size = 0
        self.path = folder / (name(number) + PART)
        self._folder = folder
        self._lost: trouble.StoreTrouble | None = None
        try:
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise trouble.of(error, f"starting the body of {name(number)}") from error

    @property
    def name(self) -> str:
        """What letter.blob will say; final once the last octet is appended."""
        return name(self.number)

    def append(self, data: bytes) -> None:
        """Writes to the page cache, no fsync (0.5 ms a MiB at best). StoreTrouble on a full disk: then discard()."""
        view = memoryview(data)
        while view:
            try:
                written = os.write(self._descriptor, view)
            except OSError as error:
                raise trouble.of(error, f"writing the body of {self.name}") from error
            self.size += written
            view = view[written:]

    def read(self) -> bytes:
        """All that was appended, from the page cache."""
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise trouble.of(error, f"reading the body of {self.name}") from error

    def pieces(self, size: int = 256 * 1024) -> Iterator[bytes]:
        """The same, `size` octets at a time; what is appended meanwhile comes, too."""
        try:
            with self.path.open("rb") as file:
                while piece := file.read(size):
                    yield piece
        except OSError as error:
            raise trouble.of(error, f"reading the body of {self.name}") from error

    def sync(self) -> None:
        """The bytes are on the disk, still under the draft's name. Nothing to do when published.

        The writer calls it; a door that does so first, in a thread, spares the letters behind it the wait. Once it has
        failed it fails for good: the kernel counts the lost pages as written, a second fsync would find nothing to do.
        """
        if self._lost is not None:
            raise self._lost
        if self._descriptor >= 0:
            try:
                os.fsync(self._descriptor)
            except OSError as error:
                self._lost = trouble.of(error, f"syncing the body of {self.name}")
                raise self._lost from error

    def publish(self) -> None:
        """Gives the synced file its final name; on disk after `folder.sync()`. Writer's thread, once or more."""
        if self._descriptor < 0:
            return
        target = self._folder / self.name
        try:
            self.path.rename(target)
        except OSError as error:
            raise trouble.of(error, f"naming the body of {self.name}") from error
        self._close()
        self.path = target

    def discard(self) -> None:
        """Removes the file, whatever it is called by now; harmless when it is gone. Not for a sealed letter's."""
        self._close()
        with contextlib.suppress(OSError):  # the sweep at the next opening finds it
            self.path.unlink()

    def __del__(self) -> None:
        """A draft forgotten with its session leaves neither a file nor a descriptor."""
        if getattr(self, "_descriptor", -1) >= 0:
            self.discard()

    def _close(self) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)


def make_folder(path: Path) -> None:
    """Makes a folder for us alone; its name is on the disk afterwards, as are those of parents made with it."""
    try:
        missing = [one for one in (path, *path.parents) if not one.exists()]
        for one in reversed(missing):
            one.mkdir(mode=0o700, exist_ok=True)
        path.mkdir(exist_ok=True)  # what stands there is no file
    except OSError as error:
        raise trouble.of(error, f"making {path}") from error
    for made in {*missing, path}:  # itself in any case: who made it may have died before this
        sync_folder(made.parent)


def sync_folder(path: Path) -> None:
    """The names in a folder are on the disk: without it a power cut may take a synced file's name away."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise trouble.of(error, f"syncing {path}") from error


def name(number: int) -> str:
    """The file's name, and letter.blob: the id as text."""
    return ids.text(number)


class Folder:
    """The large bodies of one shard, in DATA/blobs/NNNN or FOLDER/NNNN. Files are named by the letter's id as text."""

    def __init__(self, path: Path) -> None:
        self.path = path
        make_folder(path)

    def draft(self, number: int) -> Draft:
        """Starts the body of letter `number` (its id)."""
        return Draft(self.path, number)

    def numbers(self) -> set[int]:
        """The ids that have a published body."""
        return {number for number in map(_number, self._names()) if number is not None}

    def sweep(self) -> int:
        """Removes drafts that nobody finished; only while no draft is being written. How many."""
        parts = [name for name in self._names() if name.endswith(PART)]
        for name in parts:
            (self.path / name).unlink(missing_ok=True)
        return len(parts)

    def sync(self) -> None:
        """New names are on the disk."""
        sync_folder(self.path)

    def remove(self, number: int) -> None:
        """Removes a body whose row is gone; if that fails, the sweep at the next opening does it."""
        with contextlib.suppress(OSError):
            (self.path / name(number)).unlink()

    def chunks(self, name: str, size: int) -> Iterator[bytes]:
        """The bytes of a body, `size` at a time."""
        try:
            with (self.path / name).open("rb") as file:
                while piece := file.read(size):
                    yield piece
        except OSError as error:
            raise trouble.of(error, f"reading the body of {name}") from error

    def size(self, name: str) -> int:
        """Octets of a body; -1 if there is no such file."""
        try:
            return (self.path / name).stat().st_size
        except FileNotFoundError:
            return -1
        except OSError as error:
            raise trouble.of(error, f"reading the body of {name}") from error

    def _names(self) -> list[str]:
        try:
            return [path.name for path in self.path.iterdir()]
        except OSError as error:
            raise trouble.of(error, f"listing {self.path}") from error


def _number(name: str) -> int | None:
    try:
        return ids.number(name)
    except ValueError:
        return None
