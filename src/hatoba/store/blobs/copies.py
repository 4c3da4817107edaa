"""Copies: local files of bodies that lie in an object store, for as long as a job in memory needs them.

Made by depot; bucket's drafts put theirs in, deliveries and notices read. Only a cache: nothing here is ever synced.
Never outlives an opening of the shard: what a crash left is removed at the next one. Fails with StoreTrouble.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from hatoba.store import trouble
from hatoba.store.blobs import folder


class Copies:
    """Files named as the bodies are; `held` counts by name the jobs that need one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.held: dict[str, int] = {}
        self._lock = threading.Lock()
        self._turn = itertools.count()
        folder.make_folder(path)

    def clear(self) -> None:
        """Removes what a former run left; only while the shard is not at work."""
        try:
            for left in self.path.iterdir():
                left.unlink()
        except OSError as error:
            raise trouble.of(error, f"clearing {self.path}") from error

    def fresh(self, name: str) -> Path:
        """A path of its own for a body that is being fetched."""
        return self.path / f"{name}.{next(self._turn)}{folder.PART}"

    def keep(self, name: str, fetched: Path) -> None:
        """A fetched file becomes the copy, held once."""
        with self._lock:
            try:
                fetched.rename(self.path / name)
            except OSError as error:
                raise trouble.of(error, f"keeping a copy of {name}") from error
            self.held[name] = self.held.get(name, 0) + 1

    def at_hand(self, name: str) -> bool:
        return (self.path / name).exists()

    def hold(self, name: str) -> bool:
        """Keeps the copy until `let_go`; False when there is none."""
        with self._lock:
            if not self.at_hand(name):
                return False
            self.held[name] = self.held.get(name, 0) + 1
            return True

    def let_go(self, name: str, held: bool) -> bool:
        """A job needs the copy no more (`held`: it did hold it); whether others do: if not, `drop` it."""
        with self._lock:
            left = self.held.get(name, 0) - held
            if left > 0:
                self.held[name] = left
                return True
            self.held.pop(name, None)
            return False

    def drop(self, name: str) -> None:
        """Removes a copy unless somebody took hold of it meanwhile. Reads the disk: in a thread."""
        with self._lock:
            if name not in self.held:
                with contextlib.suppress(OSError):
                    (self.path / name).unlink()

    def pieces(self, name: str, size: int) -> Iterator[bytes] | None:
        """The copy, `size` octets at a time; None when there is none."""
        try:
            return read((self.path / name).open("rb"), size)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise trouble.of(error, f"reading the copy of {name}") from error


def read(file: BinaryIO, size: int) -> Iterator[bytes]:
    """The file to its end, which closes it."""
    with file:
        try:
            while data := file.read(size):
                yield data
        except OSError as error:
            raise trouble.of(error, "reading the copy of a body") from error
