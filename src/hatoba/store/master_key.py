"""The master key: 32 random octets that seal the secrets of the databases, in a file of its own beside them.

Called by app for workers (read) and for the verbs that seal something (read, or make it at first use).
Never puts the key into a database, a backup, an export or a log.
Fails with BadKey, whose text names the file and the next step; StoreTrouble when the disk fails.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from hatoba.kit import sealing
from hatoba.store import blobs, trouble

NAME = "master.key"
_NOTE = "# The master key of hatoba's secrets (DKIM keys). Keep a copy of it apart from the backups.\n"
_OTHERS = 0o077  # permissions that nobody else may have


class BadKey(trouble.StoreTrouble):
    """There is a master key, and it cannot be used."""


def path(data: Path, named: str = "") -> Path:
    """Where the file is: `named` by the settings, else in the data folder."""
    return Path(named) if named else data / NAME


def read(data: Path, *, given: str = "", named: str = "") -> sealing.Master | None:
    """The master key: `given` itself (settings, HATOBA_MASTER_KEY), else of the file; None where there is none yet."""
    if given:
        return _master(given, "master_key")
    place = path(data, named)
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        if named:
            raise BadKey(f"{place} is not there; master_key_file names it") from None
        return None
    except OSError as error:
        raise trouble.of(error, f"reading {place}") from error
    with os.fdopen(descriptor, encoding="ascii", errors="replace") as file:
        if os.fstat(descriptor).st_mode & _OTHERS:
            raise BadKey(f"{place} can be read by others: chmod 600 {place}")
        return _master(file.read(4096), str(place))


def make(data: Path, *, given: str = "", named: str = "") -> sealing.Master:
    """The same, drawn and written (mode 0600, synced) where there is none. A file that is named must be there."""
    found = read(data, given=given, named=named)
    return make_at(path(data)) if found is None else found


def make_at(place: Path) -> sealing.Master:
    """The master key in this file, drawn and written if it is not there."""
    own = place.with_name(f"{place.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        if not place.exists():
            descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(_NOTE + sealing.written(secrets.token_bytes(sealing.OCTETS)) + "\n")
                file.flush()
                os.fsync(descriptor)
                _give(descriptor, place.parent)
            with contextlib.suppress(FileExistsError):  # two that draw at once agree on one
                place.hardlink_to(own)
            own.unlink()
            blobs.sync_folder(place.parent)
    except OSError as error:
        raise trouble.of(error, f"writing {place}") from error
    made = read(place.parent, named=str(place))
    assert made is not None  # noqa: S101  it is there
    return made


def exchange(place: Path, fresh: Path, old: Path) -> None:
    """`fresh` becomes `place`, which stays as `old`; a reader finds one or the other at any time."""
    try:
        if place.resolve() == fresh.resolve():
            return
        if not old.exists():
            old.hardlink_to(place)
        own = place.with_name(f"{place.name}.{os.getpid()}-{secrets.token_hex(4)}")
        descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(fresh.read_bytes())
            file.flush()
            os.fsync(descriptor)
            _give(descriptor, place.parent)
        own.replace(place)
        blobs.sync_folder(place.parent)
    except OSError as error:
        raise trouble.of(error, f"exchanging {place}") from error


def _give(descriptor: int, data: Path) -> None:
    """To the owner of the data folder: root may make the key for workers that run as another user."""
    owner = data.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _master(text: str, place: str) -> sealing.Master:
    try:
        return sealing.Master(sealing.read(text))
    except sealing.BadSeal as error:
        raise BadKey(f"{place}: {error}") from None
