"""A real shard for each test: made once by the migrations, then copied."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hatoba import store
from hatoba.store.settings import Settings
from hatoba.store.shard import Shard


@pytest.fixture(scope="session")
def prepared_shard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("journal-data")
    store.prepare(data, 1)
    return data


@pytest.fixture
def shard(prepared_shard: Path, tmp_path: Path) -> Iterator[Shard]:
    data = tmp_path / "data"
    shutil.copytree(prepared_shard, data)
    with Shard.open(data, 0, Settings()) as opened:
        yield opened
