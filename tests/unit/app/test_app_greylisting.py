"""The greylist service on real databases: shared by workers, kept over a restart, answered together, purged by age."""

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support import pg

from hatoba import store
from hatoba.app.greylisting import Greylisting
from hatoba.intake.asking import At, Consult
from hatoba.intake.case import Case, Reverse
from hatoba.intake.filter_tables import Greylist
from hatoba.model.address import Address
from hatoba.model.envelope import Recipient, Source
from hatoba.store import base, blobs
from hatoba.store import greylist as rows
from hatoba.store.settings import Database, Settings
from hatoba.store.trouble import StoreTrouble

NOW = 1_700_000_000_000
SETTINGS = Greylist(on=True, delay=60, window=600, expiry=6000, allow_after=2)


@pytest.fixture(scope="module")
def prepared_greylist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("greylist") / "data"
    store.prepare(data, 0)
    return data


@pytest.fixture(scope="module")
def pg_greylist(tmp_path_factory: pytest.TempPathFactory) -> str:
    name = pg.database()
    store.prepare(tmp_path_factory.mktemp("pg"), 0, database=Database(url=pg.url(name), shards=1))
    return name


@pytest.fixture(params=["sqlite", "postgresql"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[base.Base]:
    if request.param == "sqlite":
        shutil.copytree(request.getfixturevalue("prepared_greylist"), tmp_path / "data")
        yield base.of(tmp_path / "data", Settings(), Database(), blobs.Settings())
    else:
        name = pg.database(request.getfixturevalue("pg_greylist"))
        yield base.of(tmp_path, Settings(), Database(url=pg.url(name), shards=1), blobs.Settings())
        pg.drop(name)


@pytest.fixture
async def workers(home: base.Base) -> AsyncIterator[Callable[..., Greylisting]]:
    made: list[Greylisting] = []

    def make(settings: Greylist = SETTINGS) -> Greylisting:
        made.append(Greylisting(settings, home.register))
        return made[-1]

    yield make
    for one in made:
        await one.close()


def at(
    seconds: float = 0, ip: str = "192.0.2.1", sender: str = "ann@a.example", to: str = "bob@example.org"
) -> Consult:
    nobody: Any = None
    mail = Reverse(Address.parse(sender) if sender else None)
    case = Case(nobody, nobody, Source("mx", ip), False, False, mail, [], NOW + round(seconds * 1000))
    return Consult("greylist", At(case, Recipient(Address.parse(to))))


async def says(service: Greylisting, *what: Any, **words: Any) -> str:
    """ "" when it is let in, else what it is told."""
    verdicts = await service(at(*what, **words))
    refusing = [verdict for verdict in verdicts if verdict.action == "greylist"]
    return str(refusing[0].status) if refusing else ""


async def test_who_comes_back_is_let_in(workers: Callable[..., Greylisting]) -> None:
    one = workers()
    assert await says(one) == "4.7.1 Greylisted: try again in 60 seconds"
    assert await says(one, 20) == "4.7.1 Greylisted: try again in 40 seconds"
    assert await says(one, 60) == ""
    assert await says(one, 61) == ""
    assert (await one(at(61))) == ()  # what is known is no news


async def test_workers_and_restarts_share_what_is_known(workers: Callable[..., Greylisting]) -> None:
    one, two = workers(), workers()
    assert await says(one)
    assert await says(two, 30) == "4.7.1 Greylisted: try again in 30 seconds"
    assert await says(two, 60, ip="192.0.2.200") == ""  # another host of the farm
    await one.close()
    three = workers()
    assert await says(three, 70) == ""


async def test_too_late_begins_anew(workers: Callable[..., Greylisting]) -> None:
    one = workers()
    assert await says(one)
    assert await says(one, 601) == "4.7.1 Greylisted: try again in 60 seconds"
    assert await says(one, 661) == ""


async def test_a_network_that_comes_back_is_let_in_at_once(workers: Callable[..., Greylisting]) -> None:
    one = workers()
    for sender in ("ann@a.example", "eve@a.example"):
        assert await says(one, sender=sender)
        assert await says(one, 60, sender=sender) == ""
    assert await says(one, 61, sender="new@b.example") == ""
    assert await says(workers(), 61, sender="newer@b.example") == ""
    assert await says(one, 61, sender="new@b.example", ip="198.51.100.1")


async def test_senders_that_number_their_letters_are_one(workers: Callable[..., Greylisting]) -> None:
    one = workers()
    assert await says(one, sender="bounce-17-bob=example.org@list.example")
    assert await says(one, 60, sender="bounce-18-bob=example.org@list.example") == ""
    assert await says(one, sender="news+a@x.example", ip="198.51.100.1")
    assert await says(one, 60, sender="news+b@x.example", ip="198.51.100.1") == ""


async def test_many_at_once_are_answered_together(workers: Callable[..., Greylisting]) -> None:
    one = workers()
    answers = await asyncio.gather(*(says(one, to=f"u{number % 50}@example.org") for number in range(150)))
    assert all(answers)
    answers = await asyncio.gather(*(says(one, 60, to=f"u{number % 50}@example.org") for number in range(150)))
    assert not any(answers)


async def test_two_workers_at_once(workers: Callable[..., Greylisting]) -> None:
    one, two = workers(), workers()
    tries = [says(worker, to=f"u{number}@example.org") for number in range(40) for worker in (one, two)]
    assert all(await asyncio.gather(*tries))
    later = [says(worker, 60, to=f"u{number}@example.org") for number in range(40) for worker in (two, one)]
    assert not any(await asyncio.gather(*later))


async def test_a_look_leaves_nothing(workers: Callable[..., Greylisting], home: base.Base) -> None:
    one = workers()
    for _ in range(2):
        (verdict,) = await one.look(at())
        assert (verdict.action, verdict.reason) == ("greylist", "not seen before")
    with contextlib.closing(home.register()) as register:
        assert rows.get(register.reader, ["192.0.2.0/24 ann@a.example bob@example.org"]) == {}
    assert await says(one)
    (verdict,) = await one.look(at(60))
    assert verdict.action == "accept"


async def test_the_directory_is_not_loaded_anew_for_it(workers: Callable[..., Greylisting], home: base.Base) -> None:
    with contextlib.closing(home.register()) as register:
        before = register.version()
        assert await says(workers())
        assert register.version() == before


async def test_who_stays_away_is_forgotten(workers: Callable[..., Greylisting], home: base.Base) -> None:
    one = workers()
    await says(one, sender="waits@a.example")
    await says(one, sender="came@a.example")
    await says(one, 60, sender="came@a.example")
    assert await asyncio.to_thread(one.purge, NOW + 601_000) == 1
    assert await asyncio.to_thread(one.purge, NOW + 6_059_000) == 0
    assert await asyncio.to_thread(one.purge, NOW + 6_061_000) == 2  # the triple and its network
    with contextlib.closing(home.register()) as register:
        assert register.reader.rows("SELECT count(*) FROM greylist") == [(0,)]


class _Broken:
    """A database that is away."""

    def __call__(self) -> Any:
        raise StoreTrouble("the disk is gone")


async def test_while_the_database_is_away_everybody_is_let_in() -> None:
    one = Greylisting(SETTINGS, _Broken())
    assert await says(one) == ""
    (verdict,) = await one.look(at())
    assert "the disk is gone" in verdict.reason
    await one.close()


async def test_known_ones_cost_no_look_at_the_database(workers: Callable[..., Greylisting]) -> None:
    one = workers()
    await says(one)
    await says(one, 60)
    start = time.perf_counter()
    for _ in range(500):
        assert await says(one, 61) == ""
        assert await says(one, 30, sender="other@a.example") if _ == 0 else True
    assert time.perf_counter() - start < 1.0


@pytest.mark.parametrize("words", [{"ip": ""}, {"ip": "nonsense"}])
async def test_a_client_without_an_address_is_nobody(workers: Callable[..., Greylisting], words: Any) -> None:
    assert await says(workers(), **words) == ""
