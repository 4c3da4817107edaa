"""Restore: a backup becomes the data folder of a node that has none.

Called by the command line, while it holds the node's lock.
Never writes over anything, and writes nothing before every file of the backup has proven to be what was written.
Fails with NoBackup, with NotEmpty when the data folder holds something, with StoreTrouble.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from hatoba.store import (
    backup,
    blobs,
    bundle,
    directory,
    exports,
    fill,
    refill,
    snapshot,
    sqlite,
    tables,
    targets,
    trouble,
)
from hatoba.store import rows as words
from hatoba.store.base import Base, Files
from hatoba.store.bundle import Manifest, NoBackup
from hatoba.store.mailboxes import tables as mail_tables
from hatoba.store.snapshot import Progress

_ASIDE = "restoring"
_REVISIONS = {"directory": tables.DIRECTORY_REVISION, "mail shard": mail_tables.MAIL_REVISION}
_HOLD = f"UPDATE recipient SET state = {words.HELD} WHERE state IN ({words.READY}, {words.ACTIVE})"  # noqa: S608


def check_empty(data: Path, without: Path | None = None) -> None:
    """NotEmpty unless the folder holds nothing but empty folders, locks and what an interrupted restore left.

    `without` is a folder in it that is looked at by itself.
    """
    for path in sorted(data.iterdir()) if data.exists() else ():
        if path.name in ("run", "node", "prepare.lock", _ASIDE) or path == without:
            continue
        if path.is_file() or any(one.is_file() for one in path.rglob("*")):
            raise targets.NotEmpty(
                f"{data} is not empty, it has {path.name}: move it away, a restore writes over nothing"
            )


def check_version(manifest: Manifest) -> None:
    """NoBackup when a newer program made it."""
    for part in manifest.parts:
        known = _REVISIONS.get(part.name.rstrip(" 0123456789"), tables.SHARD_REVISION)
        if part.revision > known:
            raise NoBackup(
                f"the backup's {part.name} is at revision {part.revision}, this program knows {known}: it was made by"
                f" hatoba {manifest.hatoba}, restore it with that or a newer one"
            )


def restore(home: Base, place: Path, hold: bool, progress: Progress, node: Path | None = None) -> Manifest:
    """Puts the backup into the empty data folder, and what a server held into the home that the settings name.

    With `hold` nothing of its queue is sent before it is released. `node` is the node's own folder, which gets Maildirs
    and keys, where the databases lie in another one.
    """
    data = home.data
    node = node or data
    manifest = bundle.read(place)
    if manifest.engine == "sqlite" and not isinstance(home, Files):
        raise NoBackup(
            f"{place} was made of files, the settings name a server: restore it without `database.url`, then use"
            " `hatoba export` and `hatoba import`"
        )
    check_version(manifest)
    check_empty(data, node)
    check_empty(node, data)
    _check_room(data, manifest)
    progress(f"checking {manifest.files} files, {manifest.octets >> 20} MiB")
    found = list(bundle.damage(place, manifest))
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise NoBackup(f"the backup is damaged: {found[0]}{more}")
    aside = data / _ASIDE
    asides = list(dict.fromkeys([node / _ASIDE, aside]))  # they may be on two disks
    _clear(asides)
    try:
        for one in asides:
            blobs.make_folder(one)
        progress("copying")
        _copy(place, manifest, aside, node / _ASIDE)
        if manifest.engine != "sqlite":
            mail = refill.archives(aside)
            refill.prepare(home, mail, progress)
            with exports.reading(aside / backup.EXPORT) as lines:
                fill.fill(home, lines, progress, hold)
            (aside / backup.EXPORT).unlink()
            refill.fill(home, mail, aside, progress)
            for path in mail.values():
                path.unlink()
        elif hold:
            _hold(aside)
    except BaseException:
        _clear(asides)
        raise
    for (
        one
    ) in asides:  # the databases last: from here on it is half a node if we stop, and upgrade.prepare refuses that
        _settle(one, one.parent)
    return manifest


def _check_room(data: Path, manifest: Manifest) -> None:
    blobs.make_folder(data)
    free = shutil.disk_usage(data).free
    if free < manifest.octets + snapshot.SPARE:
        raise trouble.StoreTrouble(
            f"the backup takes {manifest.octets >> 20} MiB and {snapshot.SPARE >> 20} to spare,"
            f" {data} has {free >> 20}",
            trouble.FULL,
        )


def _clear(asides: list[Path]) -> None:
    for aside in asides:
        shutil.rmtree(aside, ignore_errors=True)


def _copy(place: Path, manifest: Manifest, aside: Path, beside: Path) -> None:
    made = {aside, beside}
    written = []
    try:
        for entry in bundle.entries(place, manifest):
            top = beside if entry.path.split("/")[0] in backup.BESIDE else aside
            target = top / entry.path
            for folder in reversed(target.relative_to(top).parents):
                if top / folder not in made:
                    (top / folder).mkdir(mode=0o700)
                    made.add(top / folder)
            shutil.copy2(place / entry.path, target)
            target.chmod(0o600)
            written.append(target)
        os.sync()
        for target in written:
            bundle.sync(target)
    except OSError as error:
        raise trouble.of(error, f"restoring {place}") from error
    for folder in made:
        blobs.sync_folder(folder)


def _hold(aside: Path) -> None:
    for path in sorted((aside / "shards").glob("*.db")):
        connection = sqlite.connect(path)
        try:
            with sqlite.transaction(connection) as tx:
                tx.run(_HOLD)
        finally:
            connection.close()


def _settle(aside: Path, data: Path) -> None:
    """Moves everything into its place, the directory's database last: without it the folder is no node's."""
    names: Sequence[str] = sorted(path.name for path in aside.iterdir())
    try:
        for name in sorted(names, key=lambda name: name == directory.NAME):
            target = data / name
            if target.is_dir():
                shutil.rmtree(target)  # of empty folders, as check_empty has seen
            (aside / name).rename(target)
        aside.rmdir()
    except OSError as error:
        raise trouble.of(error, f"restoring to {data}") from error
    blobs.sync_folder(data)
