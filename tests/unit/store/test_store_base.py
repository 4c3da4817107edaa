"""Where the store is at home: what the URL says, and that nothing is left elsewhere."""

from pathlib import Path

import msgspec
import pytest

from hatoba import store
from hatoba.store import base, blobs, directory
from hatoba.store.rows import DomainRow
from hatoba.store.settings import Database, Settings


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("", "/data"), ("sqlite:///", "/data"), ("sqlite:///var/mail", "/var/mail"),
        ("sqlite:////var/mail/", "/var/mail"), ("sqlite:///a%20b", "/a b"),
    ],
)  # fmt: skip
def test_files(url: str, folder: str) -> None:
    database = msgspec.convert({"url": url}, Database)
    assert not database.server
    assert database.folder(Path("/data")) == Path(folder)


@pytest.mark.parametrize("url", ["postgresql://u:p@h/d", "postgres://h/d?sslmode=require"])
def test_servers(url: str) -> None:
    assert msgspec.convert({"url": url}, Database).server


@pytest.mark.parametrize("url", ["sqlite:mail.db", "mysql://h/d", "postgresql://h/d e", "/var/mail"])
def test_other_words_are_refused(url: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"url": url}, Database)


def test_a_folder_of_its_own(tmp_path: Path) -> None:
    data, folder = tmp_path / "data", tmp_path / "mail store"
    database = Database(url=f"sqlite://{folder}")
    store.prepare(data, 2, database=database)
    home = base.of(data, Settings(), database, blobs.Settings())
    assert home.numbers() == [0, 1]
    with home.shard(1, "test") as shard:
        assert shard.path == folder / "shards" / "0001.db"
    register = home.register()
    assert register.write(lambda tx: directory.put_domain(tx, DomainRow("a.example", "local", 1, b"{}")))
    register.close()
    assert not data.exists()
