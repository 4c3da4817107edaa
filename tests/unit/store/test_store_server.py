"""PostgreSQL: leases and fencing, a server that goes away and comes back, migrations with a copy before."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql as quoted
from sqlalchemy import create_engine, inspect
from tests.support.wait import until

from hatoba import store
from hatoba.store import directory, journal, postgres, rows, server_upgrade, spool, tables, trouble
from hatoba.store import server as server_
from hatoba.store.rows import DomainRow
from hatoba.store.server import Server
from hatoba.store.settings import Database, Settings
from hatoba.store.shard import Shard


@pytest.fixture
def home(request: pytest.FixtureRequest) -> Server:
    made: Server = request.getfixturevalue("postgres")
    made.data.mkdir()
    return made


def run_out(server: Server, number: int = 0) -> None:
    """The lease is an hour old: as if its worker had been silent."""
    with contextlib.closing(server.connect(server_.schema(number))) as connection:
        connection.execute("UPDATE shard SET at = at - 3600000")


def cut(server: Server) -> None:
    """Every other connection to the database ends, as when the server restarts."""
    with contextlib.closing(server.connect("public")) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_lease_keeps_others_out_until_it_runs_out(home: Server) -> None:
    first = home.shard(0, "node a, worker 0")
    with pytest.raises(trouble.ShardTaken, match="node a, worker 0"):
        home.shard(0, "node b, worker 0")
    run_out(home)
    second = home.shard(0, "node b, worker 0")
    assert second.epoch == first.epoch + 1
    second.close()
    third = home.shard(0, "node c, worker 0")  # given back: at once
    assert third.epoch == second.epoch + 1
    third.close()
    first.close()


def test_the_same_worker_has_it_back_at_once(home: Server) -> None:
    first = home.shard(0, "node a, worker 0")
    again = home.shard(0, "node a, worker 0")
    assert again.epoch == first.epoch + 1
    again.close()
    first.close()


async def test_who_was_only_slow_writes_nothing_any_more(home: Server, make: Any) -> None:
    slow = home.shard(0, "node a, worker 0")
    await slow.writer.seal(make.seal(1))
    run_out(home)
    heir = home.shard(0, "node b, worker 0")
    for attempt in (slow.writer.seal(make.seal(2)), slow.writer.settle(rows.Settle(gone=[1]))):
        with pytest.raises(trouble.StoreTrouble) as caught:
            await attempt
        assert caught.value.kind == trouble.TAKEN
    with pytest.raises(trouble.StoreTrouble, match="taken by another worker"):
        await slow.writer.do(lambda tx: tx.run("DELETE FROM letter"))
    await heir.writer.seal(make.seal(3))
    with heir.reader() as reader:
        assert sorted(spool.load_many(reader, [1, 2, 3])[0]) == [1, 3]
    await asyncio.to_thread(slow.close)
    await heir.writer.seal(make.seal(4))  # that the loser ended does not end the heir's lease
    await asyncio.to_thread(heir.close)


async def test_a_renewed_lease_holds(home: Server) -> None:
    shard = home.shard(0, "node a, worker 0")
    run_out(home)
    assert await shard.writer.do(shard.renew)
    with pytest.raises(trouble.ShardTaken):
        home.shard(0, "node b, worker 0")
    [(number, epoch, owner, age)] = home.holdings()
    assert (number, epoch, owner) == (0, shard.epoch, "node a, worker 0")
    assert 0 <= age < 2
    await asyncio.to_thread(shard.close)
    assert [one.age for one in home.holdings()] == [-1.0]


async def test_a_server_that_restarts_between_two_commits_costs_no_letter(home: Server, make: Any) -> None:
    shard = home.shard(0, "test")
    with shard.reader() as reader:
        await shard.writer.seal(make.seal(1))
        assert spool.count(reader) == 1
        cut(home)
        assert spool.count(reader) == 1  # a reader opens another connection by itself
        await shard.writer.seal(make.seal(2))
        assert shard.writer.trouble is None
        assert sorted(spool.load_many(reader, [1, 2])[0]) == [1, 2]
    await asyncio.to_thread(shard.close)


async def test_one_bad_letter_fails_alone(home: Server, make: Any) -> None:
    shard = home.shard(0, "test")
    await shard.writer.seal(make.seal(7))
    results = await asyncio.gather(
        *(shard.writer.seal(make.seal(number)) for number in (6, 7, 8)), return_exceptions=True
    )
    assert [isinstance(result, Exception) for result in results] == [False, True, False]
    with shard.reader() as reader:
        assert sorted(spool.load_many(reader, [6, 7, 8])[0]) == [6, 7, 8]
        assert [event.letter for event in journal.after(reader, 0, 9)] == [7, 6, 8]
    await asyncio.to_thread(shard.close)


async def test_a_large_body_lives_in_its_row(home: Server, make: Any) -> None:
    """Nothing stays on a node's own disk that another node would need."""
    shard = home.shard(0, "test")
    body = b"Subject: x\r\n\r\n" + b"z" * 3_000_000 + b"\r\n"
    await shard.writer.seal(make.seal(1, body))
    seal = make.seal(2, body)
    seal.draft = shard.blobs.draft(2)
    seal.draft.append(body)
    seal.letter.content = None
    await shard.writer.seal(seal)
    assert list(shard.blobs.path.iterdir()) == []
    with shard.reader() as reader:
        for number in (1, 2):
            assert spool.load(reader, number).content == body
    await asyncio.to_thread(shard.close)


def test_the_directory_tells_of_changes(home: Server) -> None:
    register = home.register()
    before = register.reader.version()
    assert register.write(lambda tx: directory.put_domain(tx, DomainRow("a.example", "local", 1, b"{}")))
    assert register.reader.version() == before + 1
    with pytest.raises(ZeroDivisionError):
        register.write(lambda tx: 1 // (0 * directory.put_domain(tx, DomainRow("b.example", "local", 1, b"{}"))))
    assert [one.name for one in directory.domains(register.reader)] == ["a.example"]
    cut(home)
    assert [one.name for one in directory.domains(register.reader)] == ["a.example"]
    register.close()


def test_migrations_and_tables_agree(home: Server) -> None:
    for schema, wanted in (("shard_0000", tables.shard_tables), (server_.DIRECTORY, tables.directory_tables)):
        engine = create_engine("postgresql+psycopg://", creator=home.opener(schema))
        found = inspect(engine)
        for table in wanted.sorted_tables:
            columns = {one["name"]: str(one["type"]) for one in found.get_columns(table.name, schema)}
            made = {column.name: str(column.type.compile(engine.dialect)) for column in table.columns}
            if table.name == "change":
                assert columns.pop("home") == "TEXT"  # the server's alone
            assert columns == made, table.name
            indexes = {one["name"] for one in found.get_indexes(table.name, schema)}
            assert indexes == {index.name for index in table.indexes}
        engine.dispose()


def test_an_older_schema_is_copied_and_brought_forward(home: Server) -> None:
    steps: list[str] = []
    with contextlib.closing(home.connect("shard_0000")) as connection:
        for table in ("event", "term", "cursor"):
            connection.execute(quoted.SQL("DROP TABLE {}").format(quoted.Identifier(table)))
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
        connection.execute("INSERT INTO lane VALUES ('mx:a', 1, 'because', 5, 'x')")
    with pytest.raises(trouble.WrongVersion, match="0001"):
        home.shard(0, "test")
    store.prepare(home.data, 1, home.settings, steps.append, home.database)
    assert [step.split(":")[0] for step in steps] == ["shard_0000", "shard_0000"]
    with contextlib.closing(home.connect("shard_0000_before_0002")) as connection:
        assert connection.execute("SELECT site, reason FROM lane").fetchall() == [("mx:a", "because")]
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
    shard = home.shard(0, "test")
    with shard.reader() as reader:
        assert reader.rows("SELECT site FROM lane") == [("mx:a",)]
        assert journal.last(reader) == 0
    shard.close()


def test_the_way_back_is_to_rename_the_copy(home: Server, make: Any) -> None:
    """As docs/running.md says. What was counted goes on, without the schema that the copy was made of."""
    with home.shard(0, "test") as shard:
        asyncio.run(sealed(shard, make.seal(1)))
    with contextlib.closing(home.connect("public")) as connection:
        server_upgrade.copy(connection, "shard_0000", "shard_0000_before_0002")
        connection.execute("DROP SCHEMA shard_0000 CASCADE")
        connection.execute("ALTER SCHEMA shard_0000_before_0002 RENAME TO shard_0000")
    with home.shard(0, "test") as shard:
        assert shard.epoch == 2
        asyncio.run(sealed(shard, make.seal(2)))
        with shard.reader() as reader:
            assert [(one.seq, one.letter) for one in journal.after(reader, 0, 9)] == [(1, 1), (2, 2)]
            assert sorted(spool.load_many(reader, [1, 2])[0]) == [1, 2]
            plan = reader.rows("EXPLAIN SELECT 1 FROM recipient WHERE letter = 1")
            assert any("recipient_pkey" in line for (line,) in plan)


async def sealed(shard: Shard, seal: rows.Seal) -> None:
    await shard.writer.seal(seal)


def test_a_schema_at_work_is_not_changed(home: Server) -> None:
    shard = home.shard(0, "node a, worker 0")
    with contextlib.closing(home.connect("shard_0000")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(trouble.ShardTaken, match="node a, worker 0"):
        store.prepare(home.data, 1, home.settings, database=home.database)
    shard.close()


def test_a_newer_schema_is_left_alone(home: Server) -> None:
    with contextlib.closing(home.connect("shard_0000")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(trouble.WrongVersion, match="newer"):
        store.prepare(home.data, 1, home.settings, database=home.database)


def test_nobody_answers(tmp_path: Path) -> None:
    away = Server(tmp_path, Settings(), Database(url="postgresql://nobody@127.0.0.1:1/nothing", connect_timeout=1))
    with pytest.raises(trouble.StoreTrouble) as caught:
        away.numbers()
    assert caught.value.kind == trouble.LOST
    with pytest.raises(trouble.StoreTrouble):
        store.prepare(tmp_path, 1, database=away.database)


def test_nodes_that_start_together_take_turns(home: Server) -> None:
    """The advisory lock: the second waits for the first."""
    with contextlib.closing(home.connect("public")) as first, contextlib.closing(home.connect("public")) as looker:
        first.execute("SELECT pg_advisory_lock(%s)", (server_upgrade._TURN,))
        import threading

        done = threading.Event()

        def second() -> None:
            store.prepare(home.data, 1, home.settings, database=home.database)
            done.set()

        thread = threading.Thread(target=second)
        thread.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        until(lambda: looker.execute(waiting).fetchone() == (1,), "the second waits")
        assert not done.is_set()
        first.execute("SELECT pg_advisory_unlock(%s)", (server_upgrade._TURN,))
        thread.join(10)
        assert done.is_set()


def test_marks_are_translated() -> None:
    assert postgres.translated("SELECT ? WHERE a LIKE 'x%'") == "SELECT %s WHERE a LIKE 'x%%'"
