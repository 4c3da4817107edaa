"""A harbour for each test, on either engine: a real shard (copied, not migrated anew), a queue on it, all in hand."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support import pg
from tests.support.queue_seam import Harbour

from hatoba import store
from hatoba.store.settings import Database

Make = Callable[..., Awaitable[Harbour]]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("prepared") / "data"
    store.prepare(data, 1)
    return data


@pytest.fixture(scope="session")
def pg_prepared(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with one shard, to be copied."""
    name = pg.database()
    store.prepare(tmp_path_factory.mktemp("pg"), 1, database=Database(url=pg.url(name), shards=1))
    return name


@pytest.fixture(params=["sqlite", "postgresql"])
async def harbour(request: pytest.FixtureRequest, prepared: Path, tmp_path: Path) -> AsyncIterator[Make]:
    opened: list[Harbour] = []

    async def make(**settings: Any) -> Harbour:
        data = tmp_path / f"data{len(opened)}"
        if request.param == "sqlite":
            shutil.copytree(prepared, data)
            database = Database()
        else:
            data.mkdir()
            name = pg.database(request.getfixturevalue("pg_prepared"))
            database = Database(url=pg.url(name), shards=1)
        opened.append(await Harbour(data, database, **settings).open())
        return opened[-1]

    yield make
    for one in opened:
        await one.close()
        if one.database.url:
            pg.drop(one.database.url.partition("@/")[2].partition("?")[0])
