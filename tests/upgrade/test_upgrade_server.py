"""On a server, too, what an earlier program wrote is the same after the step to this one; the step can be undone."""

# ruff: noqa: S608  # names of our own tables

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool
from tests.support import old_data, pg, stock
from tests.support.node import Node
from tests.support.town import Town
from tests.support.wait import until

from hatoba import store
from hatoba.store import journal, postgres, server, server_upgrade, server_wayback, shard, trouble, upgrade, wayback
from hatoba.store.server import Server
from hatoba.store.settings import Database, Settings, Spool
from hatoba.store.sql import Tx

Tables = dict[str, list[tuple[Any, ...]]]
NUMBER = (1 << 22, 1 << 24)  # counts of ids that the old data has not


def quiet(text: str) -> None:
    """No progress."""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Server]:
    name = pg.database()
    yield Server(tmp_path / "node", Settings(), Database(url=pg.url(name), shards=1, lease=2))
    pg.drop(name)


@pytest.fixture
def old(home: Server, tmp_path: Path) -> Tables:
    """What the program of shard 0001 wrote, at that revision on the server; its rows."""
    old_data.build("shard_0001", tmp_path / "files")
    found = old_data.tables(shard.database(tmp_path / "files", 0))
    for schema, history in ((server.DIRECTORY, "directory"), ("shard_0000", "shard")):
        with contextlib.closing(home.connect(schema)) as connection:
            connection.execute(f"CREATE SCHEMA {schema}".encode())
            connection.autocommit = False
            engine = create_engine("postgresql+psycopg://", creator=lambda c=connection: c, poolclass=StaticPool)
            upgrade.migrate(engine, history, "0001", schema)
    with contextlib.closing(home.connect("shard_0000")) as connection, connection.cursor() as cursor:
        for table, rows in found.items():
            for row in rows:
                marks = ", ".join(["%s"] * len(row))
                cursor.execute(f"INSERT INTO {table} VALUES ({marks})".encode(), row)
        for number, blob in cursor.execute("SELECT id, blob FROM letter WHERE blob <> ''").fetchall():
            body = (tmp_path / "files" / "blobs" / "0000" / blob).read_bytes()  # on a server it is in its row
            cursor.execute("UPDATE letter SET blob = '', body = %s WHERE id = %s", (body, number))
        cursor.execute("UPDATE shard SET at = 0")
    return tables(home, "shard_0000")


def tables(home: Server, schema: str) -> Tables:
    with contextlib.closing(home.connect(schema)) as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", (schema,)).fetchall()
        return {
            name: sorted(connection.execute(f"SELECT * FROM {name}".encode()).fetchall(), key=repr)
            for (name,) in names
            if name != "alembic_version"
        }


def letters(found: Tables) -> Tables:
    """Without the lease, whose epoch counts."""
    return {name: rows for name, rows in found.items() if name not in ("shard", "cursor")}


def schemas(home: Server) -> list[str]:
    with contextlib.closing(home.connect("public")) as connection:
        found = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname ~ '^(shard|hatoba)' ORDER BY 1")
        return [name for (name,) in found.fetchall()]


def prepare(home: Server, shards: int = 1) -> None:
    store.prepare(home.data, shards, home.settings, database=Database(url=home.database.url, shards=shards))


def put(home: Server, number: int, count: int, body: bytes = stock.BODY) -> None:
    with home.shard(number, "test") as opened:
        stock.put(opened, [stock.seal(stock.number(number, count), body)])


def test_there_back_and_there_again(home: Server, old: Tables) -> None:
    prepare(home, 2)  # with a second shard that the older program never had
    now = tables(home, "shard_0000")
    assert letters(now) == letters(old) | {"content": [], "event": [], "link": [], "word": []}
    assert letters(tables(home, "shard_0000_before_0003")) == letters(old)
    put(home, 0, NUMBER[0])
    put(home, 0, NUMBER[1], b"x" * 90_000)
    put(home, 1, NUMBER[0])
    gone = int(old["letter"][0][0])
    with home.shard(0, "test") as opened:
        opened.write(lambda tx: end(tx, gone))
    after = tables(home, "shard_0000")
    steps = server_wayback.back(home, quiet)
    assert [(step.name, step.was, step.now) for step in steps[:1]] == [("hatoba", "0003", "0001")]
    assert [(step.name, step.was, step.now, step.left) for step in steps[1:]] == [
        ("shard_0000", "0003", "0001", ["content", "cursor", "event", "link", "word"]),
        ("shard_0001", "0003", "0001", ["content", "cursor", "event", "link", "word"]),
    ]
    found = tables(home, "shard_0000")
    assert found.keys() == old.keys()
    assert letters(found) == {name: rows for name, rows in letters(after).items() if name in old}
    assert found["shard"][0][1] == after["shard"][0][1] + 1  # who was only slow is fenced
    assert gone not in {row[0] for row in found["letter"]}
    assert letters(tables(home, steps[1].kept)) == letters(after)  # nothing is thrown away
    assert len(tables(home, "shard_0001")["letter"]) == 1
    assert [name for name in schemas(home) if name.endswith("_back")] == []
    with pytest.raises(wayback.NoWay, match="no copy of an older revision"):
        server_wayback.back(home, quiet)
    prepare(home, 2)
    again = tables(home, "shard_0000")
    assert again["letter"] == after["letter"]
    put(home, 0, NUMBER[1] + 1)
    with home.reader(0) as reader:
        assert journal.last(reader) == 1


def end(tx: Tx, letter: int) -> None:
    tx.run("DELETE FROM recipient WHERE letter = ?", (letter,))
    tx.run("DELETE FROM letter WHERE id = ?", (letter,))


def test_not_where_letters_would_be_lost(home: Server, old: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    """The older schema's letters look otherwise in one of two shards: neither is changed."""
    prepare(home, 2)
    with contextlib.closing(home.connect("shard_0001")) as connection:
        connection.execute("ALTER TABLE letter ADD COLUMN colour text")
    before = {name: tables(home, name) for name in schemas(home)}
    with pytest.raises(wayback.NoWay, match="rows of letter are not the same"):
        server_wayback.back(home, quiet)
    assert {name: tables(home, name) for name in schemas(home)} == before


def test_not_under_a_node(home: Server, old: Tables) -> None:
    prepare(home)
    with home.shard(0, "node a, worker 0"), pytest.raises(trouble.ShardTaken, match="node a"):
        server_wayback.back(home, quiet)
    home.beat("node b/0")  # it has no shard, and would take one
    with pytest.raises(trouble.StoreTrouble, match="node b/0 works on this server"):
        server_wayback.back(home, quiet)
    home.leave("node b/0")
    assert server_wayback.back(home, quiet)


def test_several_servers(home: Server, old: Tables) -> None:
    """What cannot go back on one stays on all; then all go."""
    name = pg.database()
    try:
        database = Database(url=home.database.url, shards=2, lease=2, spool=(Spool("1", pg.url(name)),))
        both = Server(home.data, home.settings, database)
        store.prepare(both.data, 2, both.settings, database=database)
        put(both, 1, NUMBER[0])
        with contextlib.closing(both.connect("shard_0001")) as connection:
            connection.execute("ALTER TABLE letter ADD COLUMN colour text")
        with pytest.raises(wayback.NoWay):
            server_wayback.back(both, quiet)
        assert "event" in tables(both, "shard_0000")
        with contextlib.closing(both.connect("shard_0001")) as connection:
            connection.execute("ALTER TABLE letter DROP COLUMN colour")
        assert [step.name for step in server_wayback.back(both, quiet)] == ["hatoba", "shard_0000", "shard_0001"]
        assert letters(tables(both, "shard_0000")) == letters(old)
        assert len(tables(both, "shard_0001")["letter"]) == 1
        assert "event" not in tables(both, "shard_0001")
    finally:
        pg.drop(name)


def test_a_table_of_another_form_has_what_it_had(home: Server, old: Tables) -> None:
    """What the newer revision has changed, and is no mail, goes back to the copy's rows."""
    prepare(home)
    with contextlib.closing(home.connect("shard_0000")) as connection:
        connection.execute("UPDATE lane SET reason = 'since'")
        connection.execute("ALTER TABLE lane ADD COLUMN colour text")
    _, step = server_wayback.back(home, quiet)
    assert "lane" in step.left
    assert old["lane"]
    assert tables(home, "shard_0000")["lane"] == old["lane"]


def test_the_verbs(home: Server, old: Tables, tmp_path: Path) -> None:
    node = Node(tmp_path, f'[database]\nurl = "{home.database.url}"\nshards = 1\nlease = "2s"\n')
    node.cli("upgrade")
    assert node.json("verify")["ok"]
    assert "shard_0000 is at 0001 again" in node.cli("upgrade", "--back")
    with pytest.raises(trouble.WrongVersion):
        home.reader(0)
    node.cli("upgrade")
    with home.reader(0) as reader:
        assert len(reader.rows("SELECT id FROM letter")) == len(old["letter"])


def test_a_node_waits_as_long_as_it_takes(home: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its turn, while another fills the server: longer than it waits for any other lock."""
    prepare(home)
    monkeypatch.setitem(postgres._SESSION, "lock_timeout", "30ms")
    done = threading.Event()

    def second() -> None:
        prepare(home)
        done.set()

    with server_upgrade.alone(home), contextlib.closing(home.connect("public")) as looker:
        thread = threading.Thread(target=second)
        thread.start()
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory'"
            " AND clock_timestamp() - state_change > interval '90 ms'"
        )
        until(lambda: looker.execute(waiting).fetchone() == (1,), "the second has waited")
        assert not done.is_set()
    thread.join(20)
    assert done.is_set()


def test_a_queue_started_on_it_delivers(home: Server, old: Tables, tmp_path: Path) -> None:
    served = f'\n[database]\nurl = "{home.database.url}"\nshards = 1\nlease = "2s"\n'
    wanted = {(row[0], row[2]) for row in old["recipient"]}
    town = Town(tmp_path / "town", more=served)
    with town.peer("away.example") as peer, town:
        town.node.cli("queue", "release", "--all")
        town.node.cli("queue", "retry", "--all")
        until(lambda: town.node.json("queue", "ls") == [], "an empty queue", every=0.3)
        assert sorted(one for letter in peer.letters for one in letter.recipients) == sorted(to for _, to in wanted)
        assert all(any(row[8] in letter.content for letter in peer.letters) for row in old["letter"])
        assert town.node.json("verify")["ok"]
