"""A commit whose answer is lost: found out on the next connection, never guessed and never made twice."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from tests.support.pg_proxy import Proxy

from hatoba.model.event import DELIVERED, Event
from hatoba.store import contents, journal, queue, rows, spool, trouble
from hatoba.store import server as server_
from hatoba.store.contents import Keep
from hatoba.store.server import Server
from hatoba.store.shard import Shard


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy() as made:
        yield made


@pytest.fixture
def home(postgres: Server, proxy: Proxy) -> Server:
    """The same database by way of the proxy."""
    postgres.data.mkdir()
    name = postgres.database.url.partition("@/")[2].partition("?")[0]
    return Server(postgres.data, postgres.settings, msgspec.structs.replace(postgres.database, url=proxy.url(name)))


@pytest.fixture
def shard(home: Server) -> Iterator[Shard]:
    with home.shard(0, "test") as opened:
        yield opened


Futures = list["asyncio.Future[Any]"]


async def one_commit(shard: Shard, make: Any, proxy: Proxy, cuts: str) -> Futures:
    """Letter 1 is there; a commit that brings letter 2, ends letter 1 and runs a function meets with the cut."""
    await shard.writer.seal(make.seal(1))
    entered, leave = threading.Event(), threading.Event()

    def gate(_: object) -> None:
        entered.set()
        assert leave.wait(10)

    first = shard.writer.do(gate)
    await asyncio.to_thread(entered.wait)
    second = make.seal(2)
    second.keep = Keep("whole", 4096, lambda letter, octets: octets)
    futures: Futures = [
        shard.writer.seal(second),
        shard.writer.settle(rows.Settle(gone=[1], events=[Event(1, 5, DELIVERED)])),
    ]
    if cuts != "request":  # a function is its own trip to the server: the cut would come before it
        futures.append(shard.writer.do(lambda tx: tx.run("UPDATE lane SET held = 1") + 7))
    proxy.arm(cuts, skip=1)
    leave.set()
    await first
    await asyncio.to_thread(proxy.done.wait, 10)
    return futures


def holds(home: Server) -> tuple[list[int], list[int], list[tuple[int, str]]]:
    """Letters, letters with recipients, events."""
    with home.reader(0) as reader:
        letters = sorted(spool.load_many(reader, range(20))[0])
        assert 2 in letters or contents.find(reader, 2) is None  # what was kept of it goes with it
        waiting = [number for number in range(20) if queue.of_letter(reader, number)]
        return letters, waiting, [(one.letter, one.kind) for one in journal.after(reader, 0, 99)]


async def test_it_happened(shard: Shard, home: Server, proxy: Proxy, make: Any) -> None:
    """The peer of letter 2 was told no, and it is gone; what else was in the commit counts, once."""
    sealed, settled, done = await one_commit(shard, make, proxy, "answer")
    with pytest.raises(trouble.StoreTrouble) as caught:
        await sealed
    assert caught.value.kind == trouble.LOST
    assert await asyncio.wait_for(settled, 10) is None  # nothing else came: the writer asks by itself
    assert await done == 7
    assert holds(home) == ([], [], [(1, "accepted"), (1, "delivered")])
    await shard.writer.seal(make.seal(2))  # the peer comes again
    assert holds(home)[0] == [2]
    assert shard.writer.trouble is None


async def test_it_did_not_happen(shard: Shard, home: Server, proxy: Proxy, make: Any) -> None:
    sealed, settled = await one_commit(shard, make, proxy, "request")
    with pytest.raises(trouble.StoreTrouble):
        await sealed
    assert await asyncio.wait_for(settled, 10) is None
    assert holds(home) == ([], [], [(1, "accepted"), (1, "delivered")])


async def test_it_cannot_happen_any_more(shard: Shard, home: Server, proxy: Proxy, make: Any) -> None:
    """The server had the commit in its ears all the time: what was found out must stay true."""
    await shard.writer.seal(make.seal(1))
    proxy.arm("late")
    sealed = shard.writer.seal(make.seal(2))
    with pytest.raises(trouble.StoreTrouble):
        await sealed
    await shard.writer.seal(make.seal(3))
    assert holds(home)[0] == [1, 3]
    await asyncio.to_thread(proxy.release)
    assert holds(home)[0] == [1, 3]


async def test_the_database_is_away_meanwhile(shard: Shard, home: Server, proxy: Proxy, make: Any) -> None:
    proxy.away = True
    sealed, settled, done = await one_commit(shard, make, proxy, "answer")
    for number in (4, 5):  # those that come meanwhile are told at once
        with pytest.raises(trouble.StoreTrouble) as caught:
            await shard.writer.seal(make.seal(number))
        assert caught.value.kind == trouble.LOST
    assert sealed.exception() is not None
    assert not settled.done()
    assert not done.done()
    proxy.away = False
    assert await asyncio.wait_for(settled, 10) is None
    assert await done == 7
    assert holds(home) == ([], [], [(1, "accepted"), (1, "delivered")])


async def test_another_took_the_shard_meanwhile(shard: Shard, postgres: Server, proxy: Proxy, make: Any) -> None:
    """What became of it is the heir's to know: the row of letter 2, if it is there, is worked by the heir."""
    proxy.away = True
    sealed, settled, done = await one_commit(shard, make, proxy, "answer")
    with pytest.raises(trouble.StoreTrouble):
        await sealed
    with contextlib.closing(postgres.connect(server_.schema(0))) as connection:
        connection.execute("UPDATE shard SET at = at - 3600000")
    with await asyncio.to_thread(postgres.shard, 0, "heir"):
        proxy.away = False
        for future in (settled, done):
            with pytest.raises(trouble.ShardLost):
                await asyncio.wait_for(future, 10)
        assert holds(postgres)[0] == [2]


async def test_closing_in_doubt(home: Server, proxy: Proxy, make: Any) -> None:
    shard = await asyncio.to_thread(home.shard, 0, "test")
    proxy.away = True
    sealed, settled, done = await one_commit(shard, make, proxy, "answer")
    await asyncio.to_thread(shard.close)
    for future, kind in ((sealed, trouble.LOST), (settled, trouble.CLOSED), (done, trouble.CLOSED)):
        with pytest.raises(trouble.StoreTrouble) as caught:
            await future
        assert caught.value.kind == kind
