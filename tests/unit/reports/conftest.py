"""A node whose reports are tested, on both engines: the store is real and copied, not migrated anew."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support import pg, reporter

from hatoba import store
from hatoba.store import base, blobs
from hatoba.store.settings import Database, Settings
from hatoba.store.shard import Shard

Make = Callable[..., reporter.Node]


@pytest.fixture(scope="session")
def prepared_reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("reports") / "data"
    store.prepare(data, 2)
    return data


@pytest.fixture(scope="session")
def prepared_reports_pg(tmp_path_factory: pytest.TempPathFactory) -> str:
    name = pg.database()
    store.prepare(tmp_path_factory.mktemp("reports-pg"), 1, database=Database(url=pg.url(name), shards=2))
    return name


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def home(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[base.Base]:
    data = tmp_path / "data"
    if engine == "sqlite":
        shutil.copytree(request.getfixturevalue("prepared_reports"), data)
        yield base.of(data, Settings(), Database(), blobs.Settings())
        return
    name = pg.database(request.getfixturevalue("prepared_reports_pg"))
    data.mkdir()
    yield base.of(data, Settings(), Database(url=pg.url(name), shards=2, lease=2), blobs.Settings())
    pg.drop(name)


@pytest.fixture
def shards(home: base.Base) -> Iterator[dict[int, Shard]]:
    opened = {number: home.shard(number, "test") for number in (0, 1)}
    yield opened
    for shard in opened.values():
        shard.close()


@pytest.fixture
def make(home: base.Base, shards: dict[int, Shard]) -> Iterator[Make]:
    """Nodes on one store; the first is settled in."""
    nodes: list[reporter.Node] = []

    def made(name: str = "n1/0", **settings: Any) -> reporter.Node:
        node = reporter.Node(home, shards, name, **settings)
        if not nodes:
            node.settle_in()
        nodes.append(node)
        return node

    yield made
    for node in nodes:
        node.close()


@pytest.fixture
def node(make: Make) -> reporter.Node:
    return make()


@pytest.fixture
def register(home: base.Base) -> Iterator[base.Register]:
    """The directory, as another process opens it."""
    opened = home.register()
    yield opened
    opened.close()
