"""A harbour for each test: a real shard (copied, not migrated anew), a queue on it, clock and courier in hand."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from tests.support.queue_seam import Harbour

from hatoba import store

Make = Callable[..., Awaitable[Harbour]]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("prepared") / "data"
    store.prepare(data, 1)
    return data


@pytest.fixture
async def harbour(prepared: Path, tmp_path: Path) -> AsyncIterator[Make]:
    opened: list[Harbour] = []

    async def make(**settings: object) -> Harbour:
        data = Path(shutil.copytree(prepared, tmp_path / f"data{len(opened)}"))
        opened.append(await Harbour(data, **settings).open())
        return opened[-1]

    yield make
    for one in opened:
        await one.close()
