"""What the store's tests share: a data folder already prepared (copied, not migrated anew), and makers of letters."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import obstore
import pytest
from tests.support import pg
from tests.support.object_server import ObjectServer
from tests.support.object_shard import Opening

from hatoba import store
from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Letter, Recipient, Source
from hatoba.model.event import ACCEPTED, Event
from hatoba.store import blobs, rows
from hatoba.store.server import Server
from hatoba.store.settings import Database, Settings
from hatoba.store.shard import Shard


class Makers:
    """Letters and their rows, by id."""

    now = 1_700_000_000_000

    def letter(self, number: int, body: bytes = b"Subject: x\r\n\r\nhello\r\n", sender: str = "a@b.example") -> Letter:
        local, _, domain = sender.partition("@")
        return Letter(
            id=number,
            accepted=self.now + number,
            expires=self.now + 1000 + number,
            envelope=Envelope(
                Address(local, domain) if sender else None,
                (Recipient(Address("bob", "c.example"), "FAILURE", "rfc822;bob@c.example"),),
                smtputf8=True,
                envid="é",
            ),
            source=Source("mx", "192.0.2.1", 25, "client.example"),
            size=len(body),
            content=body,
            message_id="<1@b.example>",
            subject="日本",
            eightbit=True,
        )

    def row(self, letter: int, n: int = 0, **columns: Any) -> rows.RecipientRow:
        values = {"address": "bob@c.example", "domain": "c.example", "site": "mx:c.example"}
        return rows.RecipientRow(letter, n, **(values | columns))

    def seal(self, number: int, body: bytes = b"Subject: x\r\n\r\nhello\r\n", **columns: Any) -> rows.Seal:
        event = Event(number, self.now, ACCEPTED, b'{"k":1}')
        return rows.Seal(self.letter(number, body), [self.row(number, **columns)], [event])


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("template") / "data"
    store.prepare(data, 1)
    return data


@pytest.fixture
def data(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "data"))


@pytest.fixture
def settings() -> Settings:
    return Settings(inline=4096, busy_timeout=0.05)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    """Every test of `opened` runs on both; who tests one engine's own ways says so with `only`."""
    return str(request.param)


@pytest.fixture(scope="session")
def pg_template(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with one shard, to be copied."""
    name = pg.database()
    store.prepare(tmp_path_factory.mktemp("pg"), 1, database=Database(url=pg.url(name), shards=1))
    return name


@pytest.fixture
def postgres(pg_template: str, tmp_path: Path, settings: Settings) -> Iterator[Server]:
    """A server's database with shard 0."""
    name = pg.database(pg_template)
    yield Server(tmp_path / "node", settings, Database(url=pg.url(name), shards=1, lease=2))
    pg.drop(name)


@pytest.fixture
def opened(engine: str, request: pytest.FixtureRequest, settings: Settings) -> Iterator[Shard]:
    if engine == "sqlite":
        shard = Shard.open(request.getfixturevalue("data"), 0, settings)
    else:
        home: Server = request.getfixturevalue("postgres")
        home.data.mkdir()
        shard = home.shard(0, "test")
    with shard:
        yield shard


@pytest.fixture
def make() -> Makers:
    return Makers()


@pytest.fixture
def run() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def served() -> Iterator[ObjectServer]:
    with ObjectServer() as server:
        yield server


@pytest.fixture
def server(served: ObjectServer) -> Iterator[ObjectServer]:
    """An object server, empty."""
    yield served
    served.resume()
    served.up()
    found = [entry["path"] for page in obstore.list(served.client) for entry in page]
    if found:
        obstore.delete(served.client, found)


@pytest.fixture
def large(server: ObjectServer) -> blobs.Settings:
    return blobs.Settings(**server.settings())


@pytest.fixture
def opening(data: Path, settings: Settings, large: blobs.Settings) -> Opening:
    """Opens the shard with its large bodies on the server; keywords change blobs.Settings."""

    @contextmanager
    def opened(**changes: Any) -> Iterator[Shard]:
        with Shard.open(data, 0, settings, large=msgspec.structs.replace(large, **changes)) as shard:
            yield shard

    return opened
