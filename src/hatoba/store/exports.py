"""Exports as files: plain or gzip, whole or not there.

Called by the command line, backup and restore around `export` and `fill`.
Never writes over a file and never leaves half of one under its name.
Fails with StoreTrouble.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol

from hatoba.store import blobs, transfer, trouble

_MAGIC = b"\x1f\x8b"  # of gzip
_LEVEL = 1  # mail packs well at once; more costs ten times the time


class Sink(Protocol):
    """What an export is written to."""

    def write(self, data: bytes, /) -> int: ...


@contextlib.contextmanager
def writing(path: Path) -> Iterator[Sink]:
    """A file to write the export to, packed where the name ends in .gz; it has its name and is synced afterwards."""
    if path.exists():
        raise trouble.StoreTrouble(f"{path} is there already: an export writes over nothing")
    part = path.with_name(f"{path.name}.partial-{os.getpid()}")
    try:
        with _opened(part, path.suffix == ".gz") as file:
            yield file
        part.rename(path)
    except OSError as error:
        raise trouble.of(error, f"writing {path}") from error
    finally:
        part.unlink(missing_ok=True)
    blobs.sync_folder(path.parent)


@contextlib.contextmanager
def _opened(path: Path, packed: bool) -> Iterator[Sink]:
    """Passwords' hashes and letters: for us alone."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        if packed:
            with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=_LEVEL) as pressed:
                yield pressed
        else:
            yield file
        file.flush()
        os.fsync(descriptor)


def lines(file: IO[bytes]) -> Iterator[bytes]:
    """The lines of an export, packed or not; the file must be buffered. BadExport where it cannot be unpacked."""
    peek = getattr(file, "peek", None)
    packed = peek is not None and peek(2)[:2] == _MAGIC
    opened: IO[bytes] = gzip.GzipFile(fileobj=file) if packed else file  # type: ignore[assignment]  # reads alike
    try:
        while line := opened.readline(transfer.LONGEST):
            yield line
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise transfer.BadExport(f"the export was cut off or is damaged: {error}") from error
    except OSError as error:
        raise trouble.of(error, "reading the export") from error


@contextlib.contextmanager
def reading(path: Path) -> Iterator[Iterator[bytes]]:
    """The lines of the file."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise trouble.of(error, f"opening {path}") from error
    with file:
        yield lines(file)
