"""Maildir: letters as files, written to tmp, synced, renamed into new, the directory synced.

Called by delivery.local from threads of its own, with the letters of many recipients at once.
Never overwrites another letter: a name holds the letter's id, so a second delivery after a crash replaces its twin.
Fails by returning OSError (ENOSPC, EDQUOT, EACCES …) or StoreTrouble (the content could not be read), for each letter
by itself; nothing of a failed one is left in tmp.
"""

import contextlib
import glob
import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from hatoba.store import trouble

_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789._+=-")
_DEPTH = 3  # names of a mailbox that must be on the disk: its own, its domain's, the root's
_SURE = 100_000
_sure: set[Path] = set()  # mailboxes whose names this process has synced
_LONGEST = 180  # octets of one path component, well below every file system's 255


class Item(NamedTuple):
    """One letter for one mailbox. `name` is unique in it and the same when the delivery is repeated."""

    mailbox: Path
    name: str
    pieces: Iterable[bytes]


def component(text: str) -> str:
    """`text` (a domain or local part) as one safe path component: lower case, other octets as %XX.

    Two different texts never share one, but for case; "..", "" and leading dots cannot come out.
    """
    octets = text.lower().encode("utf-8", "surrogatepass")
    safe = "".join(chr(o) if o in _PLAIN and not (i == 0 and o == 46) else f"%{o:02X}" for i, o in enumerate(octets))
    if not safe:
        return "%"
    if len(safe) > _LONGEST:
        return safe[:_LONGEST] + "%" + hashlib.sha256(octets).hexdigest()[:16]
    return safe


def mailbox(root: Path, domain: str, local: str) -> Path:
    """root/domain/local, each made safe."""
    return root / component(domain) / component(local)


def deliver(items: Sequence[Item]) -> list[OSError | trouble.StoreTrouble | None]:
    """Writes them all and answers for each, in order: None once it is durable in new, or what went wrong."""
    errors: list[OSError | trouble.StoreTrouble | None] = [None] * len(items)
    for i, item in enumerate(items):
        try:
            _write(item)
        except (OSError, trouble.StoreTrouble) as error:
            errors[i] = error
            _forget(item)
    renamed: dict[Path, list[int]] = {}
    for i, item in enumerate(items):
        if errors[i] is None:
            try:
                (item.mailbox / "tmp" / item.name).rename(item.mailbox / "new" / item.name)
                renamed.setdefault(item.mailbox / "new", []).append(i)
            except OSError as error:
                errors[i] = error
                _forget(item)
    for folder, members in renamed.items():
        try:
            sync_directory(folder)
        except OSError as error:
            for i in members:
                errors[i] = error
    return errors


def _write(item: Item) -> None:
    """tmp/name, whole and synced."""
    if item.mailbox not in _sure:
        create(item.mailbox)
        if len(_sure) >= _SURE:
            _sure.clear()
        _sure.add(item.mailbox)
    path = item.mailbox / "tmp" / item.name
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    try:
        fd = os.open(path, flags, 0o600)
    except FileNotFoundError:
        create(item.mailbox)
        fd = os.open(path, flags, 0o600)
    try:
        with open(fd, "wb", buffering=0, closefd=False) as file:  # a descriptor, not a path
            for piece in item.pieces:
                view = memoryview(piece)
                while view:
                    view = view[file.write(view) or 0 :]
        os.fsync(fd)
    finally:
        os.close(fd)


def _forget(item: Item) -> None:
    with contextlib.suppress(OSError):
        (item.mailbox / "tmp" / item.name).unlink()


def create(folder: Path) -> None:
    """A mailbox with tmp, new and cur; its name, its domain's and the root's are synced though they were there before.

    Who made them may have died before he synced them, or was told by fsync that it failed.
    """
    made = [folder / name for name in ("tmp", "new", "cur")]
    parents = [folder, *folder.parents]
    missing = [parent for parent in parents if not parent.is_dir()]
    for directory in [*reversed(missing), *made]:
        directory.mkdir(mode=0o700, exist_ok=True)
    for directory in {path.parent for path in (*missing, *made, *parents[:_DEPTH])}:
        sync_directory(directory)


def sync_directory(path: Path) -> None:
    """Makes names in a directory durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def found(folder: Path, name: str) -> Path | None:
    """Where the letter of that name lies in a mailbox, None when its owner has removed it.

    A reader may have moved it from new to cur and put flags behind its name.
    """
    path = folder / "new" / name
    if path.is_file():
        return path
    return next(iter(sorted((folder / "cur").glob(f"{glob.escape(name)}*"))), None)


def read(path: Path, most: int) -> bytes:
    """The letter's octets with lines as the wire had them; OSError, ValueError above `most` octets."""
    with path.open("rb") as file:
        octets = file.read(most + 1)
    if len(octets) > most:
        raise ValueError(f"it is larger than {most} octets")
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
