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
KINDS = sorted(path.name for path in FOLDER.glob("*_[0-9]*"))


def build(kind: str, data: Path) -> None:
    """The data folder of that kind at `data`."""
    source = FOLDER / kind
    (data / "shards").mkdir(parents=True)
    (data / "blobs" / "0000").mkdir(parents=True)
    for name, path in (("shard.sql", shard.database(data, 0)), ("directory.sql", data / directory.NAME)):
        if (source / name).exists():
            with contextlib.closing(sqlite3.connect(path)) as database:
                database.executescript((source / name).read_text(encoding="utf-8"))
                database.execute("PRAGMA journal_mode=WAL")
    for body in (source / "bodies").iterdir():
        (data / "blobs" / "0000" / body.name).write_bytes(body.read_bytes())


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
