"""Preparing a data folder: both histories, snapshots before a change, and what is refused."""

import shutil
import sqlite3
import subprocess
import sys
from collections import namedtuple
from contextlib import closing
from pathlib import Path

import alembic.autogenerate
import alembic.migration
import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from hatoba import store
from hatoba.store import directory, shard, snapshot, sqlite, tables, trouble, upgrade
from hatoba.store.settings import Settings
from hatoba.store.shard import Shard

OLD = "0001"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A data folder whose one shard stands at the first revision and holds a lane."""
    data = tmp_path / "old"
    (data / "shards").mkdir(parents=True)
    path = shard.database(data, 0)
    upgrade.upgrade(path, "shard", OLD)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO lane VALUES ('s', 0, 'kept', 1, x'7b7d')")
    return data


def test_a_new_folder(tmp_path: Path, settings: Settings) -> None:
    lines: list[str] = []
    store.prepare(tmp_path / "data", 3, progress=lines.append)
    assert lines == []  # nothing to save, nothing to say
    assert shard.numbers(tmp_path / "data") == [0, 1, 2]
    assert not (tmp_path / "data" / "snapshots").exists()
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "data", *(tmp_path / "data").rglob("*"))} == {0}
    for number in range(3):
        Shard.open(tmp_path / "data", number, settings).close()
    directory.attach(tmp_path / "data", settings).close()


def test_twice_is_once(data: Path) -> None:
    before = shard.database(data, 0).read_bytes()
    store.prepare(data, 1)
    assert shard.database(data, 0).read_bytes() == before


@pytest.mark.parametrize("history", ["shard", "directory"])
def test_the_histories_end_where_the_tables_are(data: Path, history: str) -> None:
    path = shard.database(data, 0) if history == "shard" else data / directory.NAME
    wanted = tables.SHARD_REVISION if history == "shard" else tables.DIRECTORY_REVISION
    assert upgrade.head(history) == wanted
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.connect() as connection:
        context = alembic.migration.MigrationContext.configure(connection)
        metadata = tables.shard_tables if history == "shard" else tables.directory_tables
        assert alembic.autogenerate.compare_metadata(context, metadata) == []
    with closing(sqlite3.connect(path)) as found, closing(sqlite3.connect(":memory:")) as made:
        memory = create_engine("sqlite://", creator=lambda: made)
        metadata.create_all(memory)
        ask = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE '%alembic%' ORDER BY 1, 2"
        assert [_words(row) for row in found.execute(ask)] == [_words(row) for row in made.execute(ask)]
        memory.dispose()


def _words(row: tuple[str, str, str | None]) -> tuple[str, str, str]:
    return row[0], row[1], " ".join((row[2] or "").split())


def test_a_snapshot_comes_first(old: Path, settings: Settings) -> None:
    lines: list[str] = []
    store.prepare(old, 1, progress=lines.append)
    assert lines == ["0000.db: snapshot before the step from 0001 to 0003", "0000.db: upgrading from 0001 to 0003"]
    (copy,) = snapshot.of(old / "snapshots", "0000")
    assert copy.name.startswith("0000-0001-2")
    with sqlite.reader(copy) as reader:
        assert sqlite.revision(reader) == OLD
        assert reader.rows("SELECT site, reason FROM lane") == [("s", "kept")]
    with Shard.open(old, 0, settings) as opened, opened.reader() as reader:
        assert reader.rows("SELECT site, reason FROM lane") == [("s", "kept")]


def test_only_the_last_snapshots_are_kept(old: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    into = old / "snapshots"
    for second in range(5):
        monkeypatch.setattr("time.gmtime", lambda second=second: (2024, 1, 1, 0, 0, second, 0, 1, 0))
        snapshot.take(shard.database(old, 0), OLD, into, 3, print)
    assert [path.stem[-2:] for path in snapshot.of(into, "0000")] == ["02", "03", "04"]


def test_no_room_no_step(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")  # the standard library's own shape
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1, 1, 1000))
    with pytest.raises(trouble.StoreTrouble, match="to spare") as caught:
        store.prepare(old, 1)
    assert caught.value.kind == trouble.FULL
    with sqlite.reader(shard.database(old, 0)) as reader:
        assert sqlite.revision(reader) == OLD
    assert list((old / "snapshots").iterdir()) == []


def test_progress_of_a_large_copy(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with closing(sqlite.connect(path)) as connection:
        connection.execute("CREATE TABLE t (b BLOB)")
        connection.executemany("INSERT INTO t VALUES (zeroblob(1000000))", [()] * 40)
    lines: list[str] = []
    snapshot.take(path, "1", tmp_path / "into", 1, lines.append)
    assert lines[-1] == "snapshot of x.db: 100 %"


def test_a_newer_database_is_left_alone(old: Path, settings: Settings) -> None:
    with closing(sqlite3.connect(shard.database(old, 0))) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(trouble.WrongVersion, match="newer"):
        store.prepare(old, 1)
    with pytest.raises(trouble.WrongVersion, match="9999"):
        Shard.open(old, 0, settings)
    with pytest.raises(trouble.WrongVersion, match="9999"):
        shard.reader(old, 0, settings)


def test_a_step_that_fails_leaves_the_revision_before(old: Path) -> None:
    path = shard.database(old, 0)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE term (x)")  # the step makes event, then cannot make term
    with pytest.raises(trouble.StoreTrouble, match="term"):
        store.prepare(old, 1)
    with sqlite.reader(path) as reader:
        assert sqlite.revision(reader) == OLD
        assert reader.rows("SELECT 1 FROM sqlite_master WHERE name = 'event'") == []


def test_a_shard_in_use_is_not_migrated(old: Path) -> None:
    with shard.taken(shard.database(old, 0), 0), pytest.raises(trouble.ShardTaken):
        store.prepare(old, 1)


def test_an_old_sqlite_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    with pytest.raises(trouble.StoreTrouble, match=r"needs 3\.35\.0"):
        store.prepare(tmp_path, 1)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(trouble.StoreTrouble):
        store.prepare(tmp_path / "file", 1)


def test_a_worker_never_imports_alembic() -> None:
    code = "import hatoba.store.shard, hatoba.store.directory, sys; sys.exit('alembic' in sys.modules)"
    path = str(Path(store.__file__).parents[2])
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": path})
