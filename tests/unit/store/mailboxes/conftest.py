"""What the tests of mail shards share: a store on either engine with two shards, a box, and letters to put into it."""

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import pg
from tests.support.letters import NOW, Mailbox

from hatoba import store
from hatoba.store import base, blobs
from hatoba.store.mailboxes import accounts, boxes
from hatoba.store.mailboxes.settings import Settings as MailSettings
from hatoba.store.mailboxes.stores import MailStore
from hatoba.store.settings import Database, Settings

MAIL = MailSettings(shards=2, readers=2)
KEY = "bob@c.example"


@pytest.fixture(scope="session")
def mail_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("mail") / "data"
    store.prepare(data, 1, mailboxes=MAIL)
    return data


@pytest.fixture(scope="session")
def mail_pg_template(tmp_path_factory: pytest.TempPathFactory) -> str:
    name = pg.database()
    database = Database(url=pg.url(name), shards=1)
    store.prepare(tmp_path_factory.mktemp("mail-pg"), 1, database=database, mailboxes=MAIL)
    return name


@pytest.fixture
def home(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[base.Base]:
    """A prepared home of two mail shards, on either engine."""
    settings = Settings(busy_timeout=5.0)
    if engine == "sqlite":
        data = Path(shutil.copytree(request.getfixturevalue("mail_template"), tmp_path / "mail"))
        yield base.of(data, settings, Database(), blobs.Settings())
        return
    name = pg.database(request.getfixturevalue("mail_pg_template"))
    yield base.of(tmp_path / "node", settings, Database(url=pg.url(name), shards=1), blobs.Settings())
    pg.drop(name)


@pytest.fixture
def mail(home: base.Base) -> Iterator[MailStore]:
    opened = MailStore(home, MAIL)
    yield opened
    opened.close()


@pytest.fixture
def bob(mail: MailStore) -> Mailbox:
    """An account's INBOX."""
    shard = mail.shard(KEY)
    account = shard.wait(lambda tx: accounts.ensure(tx, KEY, NOW))
    inbox = shard.look(lambda reader: boxes.find(reader, account, boxes.INBOX))
    assert inbox is not None
    return Mailbox(shard, account, inbox.id, itertools.count(1))
