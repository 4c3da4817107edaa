"""Bundle: the folder of a backup: files, a list of them with their hashes, and the manifest that makes it a backup.

Written by backup under another name beside its place; read and proven by restore and by `hatoba verify --backup`.
Never takes its name before everything in it is on the disk; a folder without its manifest is no backup.
Fails with NoBackup when what is read is none or is damaged, with StoreTrouble when the disk fails.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from hatoba.store import blobs, trouble

FORMAT, VERSION = "hatoba-backup", 1
MANIFEST, LIST = "manifest.json", "files.jsonl"
PIECE = 1024 * 1024  # octets read at once


class NoBackup(trouble.StoreTrouble):
    """The folder is no backup, or not one that this program can read, or it is damaged; the text names the file."""


class Entry(msgspec.Struct, frozen=True):
    """One file: a line of files.jsonl. `path` is relative, with slashes."""

    path: str
    size: int
    sha256: str


class Part(msgspec.Struct):
    """One database as it stood at `taken` (ms): rows by table, large bodies, and the bodies nobody could find."""

    name: str  # "directory", "shard 0003"
    revision: str
    taken: int
    counts: dict[str, int] = {}
    bodies: int = 0
    missing: list[str] = []


class Manifest(msgspec.Struct):
    """manifest.json, written last. `files` and `octets` count all files but the list and this one; times in ms."""

    hatoba: str
    engine: str  # "sqlite": database files; "postgresql": one export file
    started: int
    finished: int
    parts: list[Part]
    files: int
    octets: int
    list_sha256: str
    format: str = FORMAT
    version: int = VERSION


_line = msgspec.json.Decoder(Entry).decode


class Writing:
    """A bundle on its way: `place` is the folder it will be, `at` the one it is until `finish`."""

    def __init__(self, place: Path, version: str) -> None:
        self.place = place
        self.version = version  # the program's
        check_free(place)
        self.at = place.with_name(f"{place.name}.partial-{os.getpid()}")
        self.files = self.octets = 0
        blobs.make_folder(place.parent)
        try:
            shutil.rmtree(self.at, ignore_errors=True)
            self.at.mkdir(mode=0o700)
            self._list = (self.at / LIST).open("wb")
            (self.at / LIST).chmod(0o600)
        except OSError as error:
            raise trouble.of(error, f"making {self.at}") from error
        self._folders = {self.at}

    def path(self, relative: str) -> Path:
        """Where a file of the bundle is to be written; its folders are made."""
        for above in _above(relative):
            folder = self.at / above
            if folder not in self._folders:
                folder.mkdir(mode=0o700)
                self._folders.add(folder)
        return self.at / relative

    def write(self, relative: str, pieces: Iterable[bytes]) -> Entry:
        """Writes a file; StoreTrouble when the disk does not take it. What reading raises passes through."""
        digest, size = hashlib.sha256(), 0
        try:
            descriptor = os.open(self.path(relative), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise trouble.of(error, f"writing {relative}") from error
        with os.fdopen(descriptor, "wb") as file:
            for piece in pieces:
                digest.update(piece)
                size += len(piece)
                try:
                    file.write(piece)
                except OSError as error:
                    raise trouble.of(error, f"writing {relative}") from error
        return self._note(Entry(relative, size, digest.hexdigest()))

    def copy(self, source: Path, relative: str) -> Entry | None:
        """Copies a file; None when it is gone (a person deleted a letter of theirs)."""
        try:
            file = source.open("rb")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise trouble.of(error, f"reading {source}") from error
        with file:
            entry = self.write(relative, _pieces(file.fileno(), source))
            times = os.fstat(file.fileno())
        os.utime(self.at / relative, ns=(times.st_atime_ns, times.st_mtime_ns))  # a letter's is when it arrived
        return entry

    def add(self, relative: str) -> Entry:
        """Takes in a file that somebody wrote at `path(relative)`."""
        size, digest = measure(self.at / relative)
        return self._note(Entry(relative, size, digest))

    def finish(self, manifest: Manifest) -> None:
        """Everything to the disk, the manifest last, then the name."""
        try:
            self._list.close()
            os.sync()  # all at once is quick; what the fsyncs below add is that errors are told
            for path in _walk(self.at):
                sync(path)
            for folder in sorted(self._folders, key=lambda path: -len(path.parts)):
                blobs.sync_folder(folder)
            manifest.files, manifest.octets = self.files, self.octets
            manifest.list_sha256 = measure(self.at / LIST)[1]
            path = self.at / MANIFEST
            path.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
            path.chmod(0o600)
            sync(path)
            blobs.sync_folder(self.at)
            self.at.rename(self.place)  # over an empty folder, too
        except OSError as error:
            raise trouble.of(error, f"finishing {self.place}") from error
        blobs.sync_folder(self.place.parent)

    def discard(self) -> None:
        """Removes what was written: after a failure."""
        with contextlib.suppress(OSError):
            self._list.close()
        shutil.rmtree(self.at, ignore_errors=True)

    def _note(self, entry: Entry) -> Entry:
        try:
            self._list.write(msgspec.json.encode(entry) + b"\n")
        except OSError as error:
            raise trouble.of(error, f"writing {LIST}") from error
        self.files += 1
        self.octets += entry.size
        return entry


def check_free(place: Path) -> None:
    """NoBackup unless `place` is not there yet or an empty folder."""
    try:
        if place.exists() and (not place.is_dir() or any(place.iterdir())):
            raise NoBackup(f"{place} is not empty: a backup needs a folder of its own")
    except OSError as error:
        raise trouble.of(error, f"looking at {place}") from error


def read(place: Path) -> Manifest:
    """The manifest. NoBackup when there is none, or when a newer program wrote it."""
    try:
        raw = (place / MANIFEST).read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NoBackup(f"{place} has no {MANIFEST}: it is no backup, or one that was never finished") from error
    except OSError as error:
        raise trouble.of(error, f"reading {place / MANIFEST}") from error
    try:
        known = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        version = msgspec.json.decode(known["version"], type=int)
        if msgspec.json.decode(known["format"]) != FORMAT or version > VERSION:
            raise NoBackup(f"{place / MANIFEST} is of version {version}: this program reads up to {VERSION}")
        return msgspec.json.decode(raw, type=Manifest)
    except (msgspec.DecodeError, KeyError) as error:
        raise NoBackup(f"{place / MANIFEST} cannot be read: {error}") from error


def entries(place: Path, manifest: Manifest) -> Iterator[Entry]:
    """Every file of the bundle, as the list names it. NoBackup when the list is not the one the manifest knows."""
    path = place / LIST
    if not path.is_file() or measure(path)[1] != manifest.list_sha256:
        raise NoBackup(f"{path} is damaged: its hash is not the manifest's")
    with path.open("rb") as lines:
        for line in lines:
            entry = _line(line)
            if entry.path.startswith("/") or ".." in entry.path.split("/"):
                raise NoBackup(f"{path} names {entry.path}, which is outside of the backup")
            yield entry


def damage(place: Path, manifest: Manifest) -> Iterator[str]:
    """What is wrong with the files of a bundle, one sentence each; reads all of them."""
    for entry in entries(place, manifest):
        try:
            size, digest = measure(place / entry.path)
        except trouble.StoreTrouble as error:
            yield str(error)
            continue
        if size != entry.size:
            yield f"{entry.path} has {size} octets instead of {entry.size}"
        elif digest != entry.sha256:
            yield f"{entry.path} is not what was written: its hash differs"


def measure(path: Path) -> tuple[int, str]:
    """(octets, SHA-256 in hex) of a file."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return file.tell(), digest
    except OSError as error:
        raise trouble.of(error, f"reading {path}") from error


def _pieces(descriptor: int, source: Path) -> Iterator[bytes]:
    while True:
        try:
            piece = os.read(descriptor, PIECE)
        except OSError as error:
            raise trouble.of(error, f"reading {source}") from error
        if not piece:
            return
        yield piece


def _above(relative: str) -> list[str]:
    parts = relative.split("/")[:-1]
    return ["/".join(parts[: n + 1]) for n in range(len(parts))]


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path


def sync(path: Path) -> None:
    """The file's octets are on the disk. OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
