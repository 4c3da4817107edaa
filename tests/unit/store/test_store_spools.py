"""Shards on two servers: what is asked goes to the right one, and one that is away takes only its own shards along."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tests.support import pg

from hatoba import store
from hatoba.store import spool, spools, trouble
from hatoba.store.rows import Seal
from hatoba.store.server import Server
from hatoba.store.settings import Database, Settings, Spool
from hatoba.store.shard import Shard


class Pair:
    """Two databases that stand for two servers: shard 0 on the first, shard 1 on the second."""

    def __init__(self, folder: Path) -> None:
        self.names = [pg.database(), pg.database()]
        first, second = (pg.url(name) for name in self.names)
        self.database = Database(url=first, shards=2, lease=2, spool=(Spool("1", second),))
        self.folder = folder
        folder.mkdir()
        self.said: list[str] = []

    def prepare(self, database: Database | None = None) -> None:
        store.prepare(self.folder, 1, progress=self.said.append, database=database or self.database)

    def server(self) -> Server:
        return Server(self.folder, Settings(), self.database)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path / "node")
    yield made
    for name in made.names:
        pg.drop(name)


def schemas(server: Server, place: int) -> set[str]:
    with contextlib.closing(server.connect("public", place)) as connection:
        found = connection.execute(
            "SELECT nspname::text FROM pg_namespace WHERE nspname ~ '^(shard_|hatoba)'"
        ).fetchall()
    return {name for (name,) in found}


async def sealed(shard: Shard, seal: Seal) -> bool:
    try:
        await shard.writer.seal(seal)
    except trouble.StoreTrouble:
        return False
    return True


async def test_each_shard_lives_where_the_settings_say(pair: Pair, make: Any) -> None:
    pair.prepare()
    server = pair.server()
    assert schemas(server, 0) == {"hatoba", "shard_0000"}
    assert schemas(server, 1) == {"shard_0001"}
    assert server.numbers() == [0, 1]
    for number in (0, 1):
        shard = server.shard(number, "node a")
        await shard.writer.seal(make.seal(number + 1))
        assert shard.place == number
        with server.reader(number) as reader:
            assert list(spool.load_many(reader, [1, 2])[0]) == [number + 1]
        await asyncio.to_thread(shard.close)


async def test_a_server_that_is_away_takes_its_own_shards_along_and_no_others(pair: Pair, make: Any) -> None:
    pair.prepare()
    server = pair.server()
    shards = [server.shard(number, "node a") for number in (0, 1)]
    pg.cut(pair.names[1])
    holdings, away = server.survey()
    assert [one.number for one in holdings] == [0]
    assert {place: error.kind for place, error in away.items()} == {1: trouble.LOST}
    await shards[0].writer.seal(make.seal(1))
    with pytest.raises(trouble.StoreTrouble) as caught:
        await shards[1].writer.seal(make.seal(2))
    assert caught.value.kind == trouble.LOST
    pg.mend(pair.names[1])
    while not await sealed(shards[1], make.seal(3)):
        pass  # the writer leaves a pause between two attempts to connect
    assert [one.number for one in server.survey().holdings] == [0, 1]
    with server.reader(1) as reader:
        assert list(spool.load_many(reader, [2, 3])[0]) == [3]
    for shard in shards:
        await asyncio.to_thread(shard.close)


async def test_a_shard_is_taken_while_the_directorys_server_is_away(pair: Pair) -> None:
    pair.prepare()
    server = pair.server()
    server.home()  # as every worker has asked since it began
    pg.cut(pair.names[0])
    shard = server.shard(1, "node a")
    assert [one.number for one in server.survey().holdings] == [1]
    await asyncio.to_thread(shard.close)


def test_when_all_are_away_it_says_so(pair: Pair) -> None:
    for name in pair.names:
        pg.cut(name)
    with pytest.raises(trouble.StoreTrouble) as caught:
        pair.server().numbers()
    assert caught.value.kind == trouble.LOST


def test_a_node_starts_while_a_spool_server_is_away(pair: Pair) -> None:
    pg.cut(pair.names[1])
    pair.prepare()
    assert [line.split(",")[0] for line in pair.said] == ["spool server 1 is away"]
    assert [one.number for one in pair.server().survey().holdings] == [0]
    with pytest.raises(trouble.StoreTrouble):
        pair.server().numbers()  # a backup must not miss a shard
    pg.mend(pair.names[1])
    pair.prepare()
    assert pair.server().numbers() == [0, 1]


def test_a_shard_that_the_settings_moved_without_its_letters_is_refused(pair: Pair) -> None:
    """Else its letters would lie on the old server, and two nodes could work two shards of one number."""
    alone = Database(url=pair.database.url, shards=2)
    pair.prepare(alone)
    with pytest.raises(
        trouble.StoreTrouble, match=r"shard_0001 is on database\.url, but the settings put it elsewhere"
    ):
        pair.prepare()
    assert "shard_0001" not in schemas(pair.server(), 1)


@given(st.lists(st.tuples(st.integers(0, 9999), st.integers(0, 30)), min_size=1, max_size=5))
def test_lists_are_read_as_written(parts: list[tuple[int, int]]) -> None:
    parts = [(first, min(more, 9999 - first)) for first, more in parts]
    written = ", ".join(f"{first}-{first + more}" if more else str(first) for first, more in parts)
    wanted = [number for first, more in parts for number in range(first, first + more + 1)]
    assert spools.numbers(written) == wanted
