"""The log goes back into the file beside the writer: it stays small, begins anew, and gives way to a reader."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.wait import until

from hatoba.store import spool
from hatoba.store.settings import Settings
from hatoba.store.shard import Shard

MIB = 1024 * 1024
BODY = b"Subject: x\r\n\r\n" + b"y" * 10_000 + b"\r\n"


@pytest.fixture
def small(data: Path) -> Iterator[Shard]:
    with Shard.open(data, 0, Settings(checkpoint=MIB)) as opened:
        yield opened


def log(shard: Shard) -> int:
    return shard.path.with_name(shard.path.name + "-wal").stat().st_size


async def fill(shard: Shard, make: Any, first: int, count: int) -> None:
    for start in range(first, first + count, 20):
        await asyncio.gather(*(shard.writer.seal(make.seal(number, BODY)) for number in range(start, start + 20)))


async def test_the_log_begins_anew_while_letters_come(small: Shard, make: Any) -> None:
    number = 1
    while small.checkpoint.restarts < 3:
        await fill(small, make, number, 100)
        number += 100
        assert number < 5000, "5,000 letters of 10 KB and a log of 1 MiB never began anew"
    assert small.checkpoint.passes >= 3
    assert log(small) < 8 * MIB
    with small.reader() as reader:
        assert spool.count(reader) == number - 1


async def test_a_reader_of_an_old_state_holds_it_back_and_loses_nothing(small: Shard, make: Any) -> None:
    await fill(small, make, 1, 20)
    with small.reader() as reader:
        with reader.snapshot() as old:
            assert spool.count(old) == 20
            await fill(small, make, 21, 600)
            assert small.checkpoint.restarts == 0
            assert log(small) > 600 * len(BODY)
            assert spool.count(old) == 20
        number = 621
        while not small.checkpoint.restarts:
            await fill(small, make, number, 100)
            number += 100
            assert number < 5000
        assert spool.count(reader) == number - 1


async def test_a_failure_is_tried_again(small: Shard, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, failures = small.checkpoint._connect, 0

    def ill() -> Any:
        nonlocal failures
        failures += 1
        if failures < 3:
            raise OSError(5, "Input/output error")
        return whole()

    monkeypatch.setattr(small.checkpoint, "_connect", ill)
    number = 1
    while not small.checkpoint.restarts:
        await fill(small, make, number, 100)
        number += 100
        assert number < 5000
    assert failures == 3
    assert small.writer.trouble is None


def test_closing_leaves_no_log(small: Shard, make: Any) -> None:
    asyncio.run(fill(small, make, 1, 200))
    until(lambda: small.checkpoint.passes > 0, "a first pass")
    small.close()
    assert not small.path.with_name(small.path.name + "-wal").exists()
