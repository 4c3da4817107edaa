"""What every earlier program wrote is the same after the step to this one, is delivered, and the step can be undone."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect
from sqlalchemy.pool import StaticPool
from tests.support import old_data, post, stock
from tests.support.node import Node
from tests.support.town import Town
from tests.support.wait import until

from hatoba import store
from hatoba.app import verification
from hatoba.app.settings import Settings
from hatoba.journal import search
from hatoba.store import (
    blobs,
    chain,
    directory,
    journal,
    shard,
    snapshot,
    spool,
    sqlite,
    tables,
    trouble,
    upgrade,
    wayback,
)
from hatoba.store import settings as words
from hatoba.store.shard import Shard

SIZES = {"shard_0001": [25, 27, 48, 5568], "shard_0002": [204, 229, 230, 5715]}  # octets of the contents


def quiet(text: str) -> None:
    """No progress."""


@pytest.fixture(params=old_data.KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def old(kind: str, tmp_path: Path) -> Path:
    old_data.build(kind, tmp_path / "old")
    return tmp_path / "old"


def test_every_schema_that_was_released_is_here() -> None:
    """A step without data of the schema before it would be a step nobody has tried."""
    steps = {path.stem.rsplit("_", 1)[1] for path in (upgrade.HISTORIES / "shard" / "versions").glob("*.py")}
    assert {name.rsplit("_", 1)[1] for name in old_data.KINDS} == steps - {tables.SHARD_REVISION}
    made = {path.stem.rsplit("_", 1)[1] for path in (upgrade.HISTORIES / "directory" / "versions").glob("*.py")}
    kept = {"0001"} | {name.rsplit("_", 1)[1] for name in old_data.DIRECTORIES}  # 0001: shard_0002/directory.sql
    assert kept == made - {tables.DIRECTORY_REVISION}


def test_the_content_is_equal(old: Path, kind: str) -> None:
    path = shard.database(old, 0)
    before = old_data.tables(path)
    people = old_data.tables(old / directory.NAME) if (old / directory.NAME).exists() else {}
    store.prepare(old, 1)
    after = old_data.tables(path)
    index = before.pop("term", [])  # of 0002: the one that took its place fills itself
    assert bool(index) == (kind == "shard_0002")
    assert {name: after[name] for name in before} == before
    assert all(after[name] == [] for name in after.keys() - before.keys())
    if people:
        now = old_data.tables(old / directory.NAME)
        assert {name: now[name] for name in people} == people
        assert all(now[name] == [] for name in now.keys() - people.keys() - {"change"})
        assert [row[0] for row in people["account"]] == ["alice@home.example"]
    reports = list(verification.reports(Settings(data=str(old)), quiet))
    assert {report.name: report.findings for report in reports if report.findings} == {}
    with shard.reader(old, 0, words.Settings()) as reader:
        numbers = [row[0] for row in before["letter"]]
        letters, troubles = spool.load_many(reader, numbers)
        folder = blobs.Depot(old, 0)
        sizes = sorted(len(spool.content(folder, one)) for one in letters.values())
    assert troubles == []
    assert sizes == SIZES[kind]
    assert all(one.envelope.recipients[0].address.domain == "away.example" for one in letters.values())


def test_a_queue_started_on_it_delivers(kind: str, tmp_path: Path) -> None:
    def move_in(node: Node) -> None:
        old_data.build(kind, node.data)
        (node.data / "snapshots").mkdir()

    bodies = {path.name: path.read_bytes() for path in (old_data.FOLDER / kind / "bodies").iterdir()}
    town = Town(tmp_path, move_in=move_in)
    with town.peer("away.example") as peer, town:  # first the peer: what is due goes at once
        town.node.cli("queue", "retry", "--all")
        held = 1
        count = {"shard_0001": 4, "shard_0002": 5}[kind]
        until(lambda: sum(len(one.recipients) for one in peer.letters) == count - held, "what was due", every=0.1)
        assert [row["state"] for row in town.node.json("queue", "ls")] == ["held"]
        town.node.cli("queue", "release", "--all")
        until(lambda: town.node.json("queue", "ls") == [], "an empty queue", every=0.2)
        came = [one.content for one in peer.letters]
        assert sum(len(one.recipients) for one in peer.letters) == count
        assert all(any(body in content for content in came) for body in bodies.values())
        assert town.node.json("verify")["ok"]
        town.node.end()
        assert town.node.audit().faults == []


def upgraded_with_more(old: Path) -> tuple[dict[str, list[tuple[object, ...]]], int]:
    """The step, and then a letter taken in and one that was delivered; what is there in the end."""
    store.prepare(old, 2)  # a second shard that the older program never had
    settings = words.Settings(inline=4096)
    with Shard.open(old, 0, settings) as opened:
        stock.put(opened, [stock.seal(stock.number(0, 1 << 30)), stock.seal(stock.number(0, 1 << 31), b"x" * 9000)])
        with opened.reader() as reader:
            gone = int(reader.rows("SELECT min(id) FROM letter")[0][0])
        opened.write(lambda tx: tx.run("DELETE FROM letter WHERE id = ?", (gone,)))
        opened.write(lambda tx: tx.run("DELETE FROM recipient WHERE letter = ?", (gone,)))
    with Shard.open(old, 1, settings) as opened:
        stock.put(opened, [stock.seal(stock.number(1, 1 << 30))])
    return old_data.tables(shard.database(old, 0)), gone


def test_the_way_back(tmp_path: Path) -> None:
    """Back at 0001 with what came since, without what ended since; and forth again."""
    old = tmp_path / "old"
    old_data.build("shard_0001", old)
    first = old_data.tables(shard.database(old, 0))
    after, gone = upgraded_with_more(old)
    steps = wayback.back(old, quiet)
    assert [(step.name, step.was, step.now) for step in steps] == [
        ("0000.db", "0003", "0001"), ("0001.db", "0003", "0001"),
    ]  # fmt: skip
    assert steps[0].left == ["content", "cursor", "event", "link", "word"]
    assert steps[0].carried["letter"] == len(first["letter"]) + 1  # two came, one ended
    found = old_data.tables(shard.database(old, 0))
    assert found == {name: after[name] for name in first}
    assert gone not in {row[0] for row in found["letter"]}
    kept = old_data.tables(Path(steps[0].kept))
    assert kept == after  # nothing is thrown away
    assert len(old_data.tables(shard.database(old, 1))["letter"]) == 1
    assert schema(shard.database(old, 0)) == schema_of_a_new_one(tmp_path)
    assert not list((old / "shards").glob("*.back*"))
    store.prepare(old, 2)  # this program, once more
    again = old_data.tables(shard.database(old, 0))
    assert again["letter"] == after["letter"]
    with Shard.open(old, 0, words.Settings()) as opened, opened.reader() as reader:
        assert journal.last(reader) == 0


def test_the_way_back_from_the_index_and_the_chain(tmp_path: Path) -> None:
    """0002 finds its own index as it left it, with the events that came since; forth again both begin anew."""
    old = tmp_path / "old"
    old_data.build("shard_0002", old)
    path = shard.database(old, 0)
    first = old_data.tables(path)
    store.prepare(old, 1)
    with Shard.open(old, 0, words.Settings(inline=4096)) as opened:
        stock.put(opened, [stock.seal(stock.number(0, 1 << 30))])
        keep_up(opened)
    wayback.back(old, quiet)
    back = old_data.tables(path)
    assert back["term"] == first["term"]
    assert len(back["event"]) == len(first["event"]) + 1
    assert dict(back["cursor"])["search"] == dict(first["cursor"])["search"] < max(row[0] for row in back["event"])
    store.prepare(old, 1)
    assert not any(report.findings for report in verification.reports(Settings(data=str(old)), quiet))
    with Shard.open(old, 0, words.Settings(inline=4096)) as opened:
        with opened.reader() as reader:
            assert (chain.last(reader), search.lag(reader)) == (None, len(back["event"]))
        keep_up(opened)
        with opened.reader() as reader:
            assert search.find(reader, "bob@c.example", 9) == [stock.number(0, 1 << 30)]
    assert not any(report.findings for report in verification.reports(Settings(data=str(old)), quiet))


def keep_up(opened: Shard) -> None:
    opened.write(lambda tx: search.catch_up(tx, 1000))
    assert opened.write(lambda tx: chain.write(tx, chain.read(tx, stock.NOW, 1000)))


def schema(path: Path) -> dict[str, list[str]]:
    with contextlib.closing(sqlite3.connect(path)) as database:
        engine = create_engine("sqlite://", creator=lambda: database, poolclass=StaticPool)
        found = inspect(engine)
        return {name: [str(one["name"]) for one in found.get_columns(name)] for name in found.get_table_names()}


def schema_of_a_new_one(folder: Path) -> dict[str, list[str]]:
    upgrade.upgrade(folder / "new.db", "shard", "0001")
    return schema(folder / "new.db")


def test_no_way_back_without_an_upgrade(tmp_path: Path) -> None:
    store.prepare(tmp_path / "data", 1)
    with pytest.raises(wayback.NoWay, match="no snapshot of an older revision"):
        wayback.back(tmp_path / "data", quiet)


def test_no_way_back_where_letters_would_be_lost(tmp_path: Path) -> None:
    """An older schema whose letters look otherwise: nothing is changed."""
    old = tmp_path / "old"
    old_data.build("shard_0001", old)
    store.prepare(old, 1)
    (copy,) = snapshot.of(old / "snapshots", "0000")
    with contextlib.closing(sqlite3.connect(copy)) as database, database:
        database.execute("ALTER TABLE letter ADD COLUMN colour TEXT")
    before = old_data.tables(shard.database(old, 0))
    with pytest.raises(wayback.NoWay, match="rows of letter are not the same"):
        wayback.back(old, quiet)
    assert old_data.tables(shard.database(old, 0)) == before
    assert not list((old / "shards").glob("*.back*"))


def test_no_way_back_under_a_worker(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old_data.build("shard_0001", old)
    store.prepare(old, 1)
    with shard.taken(shard.database(old, 0), 0), pytest.raises(trouble.ShardTaken):
        wayback.back(old, quiet)
    with sqlite.reader(shard.database(old, 0)) as reader:
        assert sqlite.revision(reader) == "0003"


def test_the_verbs(tmp_path: Path) -> None:
    node = Node(tmp_path, "")
    old_data.build("shard_0001", node.data)
    assert node.cli("upgrade").startswith("At this program's revision: hatoba.db 0003, 0000.db 0003")
    assert "0000.db is at 0001 again" in node.cli("upgrade", "--back")
    assert node.json("upgrade")["0000.db"] == "0003"
    post.settle_in(node, local=["home.example"])
    with node:
        assert node.cli("upgrade", check=False) == ""
        assert node.cli("upgrade", "--back", check=False) == ""
