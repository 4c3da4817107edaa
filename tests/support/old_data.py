"""Data folders as earlier programs left them, built from tests/upgrade.

Used by the tests of upgrades and of the way back.
Never edits what those programs wrote.
"""

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

from hatoba.store import directory, shard

FOLDER = Path(__file__).parents[1] / "upgrade"
KINDS = sorted(path.name for path in FOLDER.glob("shard_[0-9]*"))
DIRECTORIES = sorted(path.name for path in FOLDER.glob("directory_[0-9]*"))


def build(kind: str, data: Path) -> None:
    """The data folder of that kind at `data`."""
    source = FOLDER / kind
    (data / "shards").mkdir(parents=True)
    (data / "blobs" / "0000").mkdir(parents=True)
    for name, path in (("shard.sql", shard.database(data, 0)), ("directory.sql", data / directory.NAME)):
        if (source / name).exists():
            _fill(path, source / name)
    for body in (source / "bodies").iterdir():
        (data / "blobs" / "0000" / body.name).write_bytes(body.read_bytes())


def people(kind: str, data: Path) -> None:
    """The directory of that kind at `data`, with the master key of its secrets."""
    data.mkdir()
    _fill(data / directory.NAME, FOLDER / kind / "directory.sql")
    key = data / "master.key"
    key.write_bytes((FOLDER / kind / "master.key").read_bytes())
    key.chmod(0o600)


def _fill(path: Path, source: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.executescript(source.read_text(encoding="utf-8"))
        database.execute("PRAGMA journal_mode=WAL")


def tables(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of a database, by table."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        names = database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            " AND name <> 'alembic_version'"
        )
        return {
            name: sorted(database.execute(f"SELECT * FROM {name}"), key=repr)  # noqa: S608  # the schema's own names
            for (name,) in names.fetchall()
        }
