"""Every kind of damage, done to a real node's data, is found and told with place and next step; nothing else is."""

# ruff: noqa: S608  # numbers of our own

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.support import mail_damage, pg, stock

from hatoba import store
from hatoba.app import offline, verification
from hatoba.app.settings import Settings
from hatoba.kit import ids
from hatoba.store import admin, blobs, directory, findings, postgres, shard
from hatoba.store import settings as words
from hatoba.store.findings import Report
from hatoba.store.rows import AccountRow, DomainRow

HASH = "$argon2id$v=19$m=19456,t=2,p=1$7cDPOzuo44RMb8j//gcYjA$nyRimMwwkTUVh9a+0ts8M2rNTpJ929pwrswxmCVtL24"
FIRST, SECOND, LARGE = stock.number(0, 1), stock.number(0, 2), stock.number(0, 4)


def settings_of(data: Path, url: str = "") -> Settings:
    return Settings(
        data=str(data), store=words.Settings(inline=4096), database=words.Database(url=url, shards=2, lease=2)
    )


def fill(settings: Settings) -> None:
    """Two shards and a directory, all well."""
    store.prepare(Path(settings.data), 2, settings.store, lambda text: None, settings.database)
    home = offline.home(settings)
    for number in home.numbers():
        with home.shard(number, "test") as opened:
            stock.fill(opened)
    register = home.register()
    for row in (DomainRow("b.example", "local", 1), DomainRow("r.example", "relay", 1)):
        register.write(partial(directory.put_domain, row=row))
    register.write(lambda tx: directory.put_account(tx, AccountRow("c@b.example", "C@b.example", HASH, b"", 1, 1)))
    for verb in ("domain add", "domain add", "account add"):
        register.note(partial(admin.append, at=stock.NOW, who="cli:root", verb=verb, data=b"{}"))
    register.close()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("verified") / "data"
    fill(settings_of(data))
    for path in (data / "blobs").glob("*/*"):  # a body is only missed when it has had the time to get its row
        os.utime(path, (time.time() - 3600,) * 2)
    return data


@pytest.fixture
def settings(template: Path, tmp_path: Path) -> Settings:
    data = tmp_path / "data"
    for path in sorted(template.rglob("*")):
        target = data / path.relative_to(template)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            target.write_bytes(path.read_bytes())
            os.utime(target, (path.stat().st_mtime,) * 2)
    return settings_of(data)


def look(settings: Settings) -> dict[str, Report]:
    return {report.name: report for report in verification.reports(settings, lambda text: None)}


def found(settings: Settings) -> dict[tuple[str, str], int]:
    return {(name, one.kind): one.count for name, report in look(settings).items() for one in report.findings}


def sql(settings: Settings, *statements: str, name: str = "shards/0000.db") -> None:
    with contextlib.closing(sqlite3.connect(Path(settings.data, name))) as database, database:
        for statement in statements:
            assert database.execute(statement).rowcount != 0, f"{statement} damaged nothing"


def body(settings: Settings, number: int = LARGE) -> Path:
    return Path(settings.data, "blobs", "0000", ids.text(number))


def test_all_is_well(settings: Settings) -> None:
    reports = look(settings)
    mail = [f"mail shard {number:04d}" for number in range(4)]
    assert list(reports) == ["directory", "shard 0000", "shard 0001", *mail]
    assert all(report.ok for report in reports.values())
    assert reports["directory"].checked == {"domains": 2, "accounts": 1, "admin entries": 3}
    checked = reports["shard 0000"].checked
    assert checked.pop("index entries") > 60
    assert checked == {
        "letters": 20,
        "bodies": 20,
        "recipients": 30,
        "events": 20,
        "lanes": 1,
        "links": 1,
        "events chained": 18,
        "events not chained yet": 2,
    }


def _astray(settings: Settings) -> None:
    body(settings).rename(body(settings, 1 << 40))
    body(settings).touch()


def _unindex(settings: Settings) -> None:
    """A row behind SQLite's back: the index says nothing of it."""
    path = shard.database(Path(settings.data), 0)
    with contextlib.closing(sqlite3.connect(path)) as database:
        root, size = database.execute(
            "SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_master WHERE name = 'event_letter'"
        ).fetchone()
    octets = bytearray(path.read_bytes())
    at = (root - 1) * size
    octets[at + 3 : at + 5] = (int.from_bytes(octets[at + 3 : at + 5], "big") - 1).to_bytes(2, "big")
    path.write_bytes(octets)


DAMAGE: dict[str, tuple[str, Callable[[Settings], object], int]] = {
    "row": ("letter-undecodable", lambda s: sql(s, f"UPDATE letter SET meta = x'7b' WHERE id = {FIRST}"), 1),
    "elsewhere": (
        "letter-elsewhere",
        lambda s: sql(
            s,
            f"UPDATE letter SET id = id | 4096 WHERE id = {FIRST}",
            f"UPDATE recipient SET letter = letter | 4096 WHERE letter = {FIRST}",
        ),
        1,
    ),
    "lonely": ("letter-without-recipients", lambda s: sql(s, f"DELETE FROM recipient WHERE letter = {SECOND}"), 1),
    "orphan": ("recipient-without-letter", lambda s: sql(s, f"DELETE FROM letter WHERE id = {FIRST}"), 2),
    "last": ("recipient-undecodable", lambda s: sql(s, f"UPDATE recipient SET last = '[]' WHERE letter = {FIRST}"), 2),
    "params": ("recipient-undecodable", lambda s: sql(s, "UPDATE recipient SET params = x'ff' WHERE n = 1"), 10),
    "state": ("recipient-undecodable", lambda s: sql(s, f"UPDATE recipient SET state = 9 WHERE letter = {SECOND}"), 1),
    "n": ("recipient-undecodable", lambda s: sql(s, f"UPDATE recipient SET n = 7 WHERE letter = {SECOND}"), 1),
    "lane": ("lane-undecodable", lambda s: sql(s, "UPDATE lane SET data = x'00'"), 1),
    "inline": ("body-length", lambda s: sql(s, f"UPDATE letter SET body = x'00' WHERE id = {FIRST}"), 1),
    "none": ("body-missing", lambda s: sql(s, f"UPDATE letter SET body = NULL WHERE id = {FIRST}"), 1),
    "cut": ("body-length", lambda s: os.truncate(body(s), 100), 1),
    "gone": ("body-missing", lambda s: body(s).unlink(), 1),
    "stray": ("body-without-letter", _astray, 1),
    "event": ("event-unreadable", lambda s: sql(s, "UPDATE event SET data = x'7b' WHERE seq = 20"), 1),
    "kind": ("event-unreadable", lambda s: sql(s, "UPDATE event SET kind = 'dreamt' WHERE seq = 20"), 1),
    "index": ("index-incomplete", lambda s: sql(s, f"DELETE FROM word WHERE letter = {SECOND}"), 7),
    "stale": ("index-stale", lambda s: sql(s, "INSERT INTO word VALUES (1, 1, 5), (1, 2, 5)"), 2),
    "cursor": ("cursor-ahead", lambda s: sql(s, "UPDATE cursor SET seq = 21 WHERE name = 'word'"), 1),
    "changed": ("event-changed", lambda s: sql(s, "UPDATE event SET at = at + 1 WHERE seq = 7"), 1),
    "removed": ("event-removed", lambda s: sql(s, "DELETE FROM event WHERE seq = 7"), 1),
    "inserted": (
        "event-inserted",
        lambda s: sql(
            s,
            "DELETE FROM event WHERE seq = 7",
            "UPDATE link SET leaves = CAST(substr(leaves, 1, 240) || substr(leaves, 281) AS BLOB)",
            "INSERT INTO event (seq, letter, at, kind, data) SELECT 7, letter, at, kind, data FROM event WHERE seq = 8",
        ),
        1,
    ),
    "moved": (
        "event-moved",
        lambda s: sql(s, *(f"UPDATE event SET seq = {to} WHERE seq = {at}" for at, to in ((3, 99), (9, 3), (99, 9)))),
        2,
    ),
    "link": ("chain-broken", lambda s: sql(s, "UPDATE link SET at = at + 1"), 1),
    "no link": ("chain-cut", lambda s: sql(s, "DELETE FROM link"), 1),
    "revision": ("revision", lambda s: sql(s, "UPDATE alembic_version SET version_num = '0001'"), 1),
    "table": ("table-unreadable", lambda s: sql(s, "ALTER TABLE event RENAME TO events"), 2),
    "index page": ("integrity", _unindex, 1),
    "garbage": ("database-unreadable", lambda s: shard.database(Path(s.data), 0).write_bytes(b"x" * 8192), 1),
}  # fmt: skip


@pytest.mark.parametrize("name", list(DAMAGE))
def test_damage_is_found(settings: Settings, name: str) -> None:
    kind, damage, count = DAMAGE[name]
    damage(settings)
    was = found(settings)
    if name == "stray":  # the letter's own file is empty now
        assert was.pop(("shard 0000", "body-length")) == 1
    if name == "elsewhere":  # the journal knows the letter by its true id
        assert set(was) <= {("shard 0000", kind)}
    if name == "cursor":  # and the last event is not in the index that says it is
        assert was.pop(("shard 0000", "index-incomplete")) > 0
    if name in ("removed", "inserted"):  # and the letter it was of is in the index
        was = {key: value for key, value in was.items() if key[1] in (kind, "chain-broken")}
        assert was.pop(("shard 0000", "chain-broken"), name == "inserted") == (name == "inserted")
    if name in ("index", "index page"):
        was = {key: value for key, value in was.items() if key[1] in (kind,)}
    assert set(was) == {("shard 0000", kind)}
    assert was["shard 0000", kind] == count or (name == "index page" and count)
    (finding,) = [one for one in look(settings)["shard 0000"].findings if one.kind == kind]
    assert finding.examples
    assert (finding.meaning, finding.next) == findings.KINDS[kind]


DIRECTORY: dict[str, tuple[str, str]] = {
    "no domain": ("account-without-domain", "DELETE FROM domain WHERE name = 'b.example'"),
    "relay domain": ("account-without-domain", "UPDATE domain SET kind = 'relay' WHERE name = 'b.example'"),
    "address": ("account-undecodable", "UPDATE account SET address = 'nobody'"),
    "key": ("account-undecodable", "UPDATE account SET key = 'x@b.example'"),
    "hash": ("account-undecodable", "UPDATE account SET hash = 'secret'"),
    "scram": ("account-undecodable", "UPDATE account SET scram = x'00ff'"),
    "allowance": ("access-undecodable", "INSERT INTO allowance VALUES ('c@b.example', 1, x'7b')"),
    "app password": ("access-undecodable", "INSERT INTO app_password VALUES ('c@b.example', 'x', 1, x'7b')"),
    "nobody's": ("access-undecodable", "INSERT INTO allowance VALUES ('nobody@b.example', 1, CAST('{}' AS BLOB))"),
    "dkim key": ("dkim-key-undecodable", "INSERT INTO dkim_key VALUES ('b.example', 's', 1, 0, x'7b')"),
    "master key": (
        "dkim-key-sealed",
        "INSERT INTO dkim_key VALUES ('b.example', 's', 1, 0, CAST("
        """'{"kind":"rsa","bits":1,"record":"","sealed":"","mark":"x"}' AS BLOB))""",
    ),
    "kind": ("domain-undecodable", "UPDATE domain SET kind = 'odd' WHERE name = 'r.example'"),
    "revision": ("revision", "UPDATE alembic_version SET version_num = '9999'"),
    "table": ("table-unreadable", "ALTER TABLE account RENAME TO accounts"),
    "entry": ("admin-changed", "UPDATE admin SET who = 'cli:mallory' WHERE seq = 2"),
    "entries": ("admin-cut", "DELETE FROM admin WHERE seq = 3"),
}


@pytest.mark.parametrize("name", list(DIRECTORY))
def test_damage_to_the_directory_is_found(settings: Settings, name: str) -> None:
    kind, statement = DIRECTORY[name]
    sql(settings, statement, name="hatoba.db")
    assert found(settings) == {("directory", kind): 1}


def test_a_directory_that_is_no_database(settings: Settings) -> None:
    Path(settings.data, "hatoba.db").write_bytes(b"x" * 8192)
    assert found(settings) == {("directory", "database-unreadable"): 1}


def test_bodies_whose_database_is_gone(settings: Settings) -> None:
    shard.database(Path(settings.data), 1).unlink()
    assert found(settings) == {("shard 0001", "database-unreadable"): 1, ("shard 0001", "body-without-letter"): 5}


def test_every_kind_is_tested() -> None:
    tested = {kind for kind, _, _ in DAMAGE.values()} | {kind for kind, _ in DIRECTORY.values()}
    elsewhere = {"backup-damaged", "body-hash", "head-differs"}  # the command's; an object store's; test_app_heads
    mailboxes = {kind for _, kind in mail_damage.DAMAGE}  # store/mailboxes/test_mail_upkeep
    assert tested == findings.KINDS.keys() - elsewhere - mailboxes


def test_many_alike_are_counted_and_a_few_told() -> None:
    report = Report("x", {}, [])
    for number in range(12):
        report.add("index-stale", str(number))
    assert (report.findings[0].count, report.findings[0].examples) == (12, ["0", "1", "2", "3", "4"])


def test_what_is_on_its_way_is_no_damage(settings: Settings) -> None:
    """A body that waits for its row, a draft, and whatever else lies there."""
    body(settings, 1 << 40).write_bytes(b"young")
    (body(settings).parent / "x.part").write_bytes(b"draft")
    Path(settings.data, "blobs", "kept-0000-1").mkdir()
    assert found(settings) == {}


def test_beside_a_worker_that_never_rests(settings: Settings) -> None:
    home = offline.home(settings)
    with home.shard(0, "worker") as opened:
        for turn, report in enumerate(verification.reports(settings, lambda text: None)):
            identity = stock.number(0, 100 + turn)
            stock.put(opened, [stock.seal(identity, stock.BODY + b"x" * 5000)])
            assert report.ok, report.findings
        opened.write(lambda tx: tx.run("UPDATE recipient SET state = 1"))
        assert found(settings) == {}


def test_the_index_is_made_anew(settings: Settings) -> None:
    DAMAGE["index"][1](settings)
    assert found(settings)
    assert verification.reindex(settings) == 2
    assert found(settings) == {}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Settings]:
    name = pg.database()
    settings = settings_of(tmp_path / "served", pg.url(name))
    fill(settings)
    yield settings
    pg.drop(name)


ON_A_SERVER = {
    "row": "UPDATE letter SET meta = '{'::bytea",
    "lonely": "DELETE FROM recipient",
    "orphan": "DELETE FROM letter",
    "last": "UPDATE recipient SET last = '[]'::bytea",
    "inline": "UPDATE letter SET body = ''::bytea",
    "none": "UPDATE letter SET body = NULL",
    "event": "UPDATE event SET data = '{'::bytea WHERE seq = 20",
    "index": "DELETE FROM word",
    "stale": "INSERT INTO word VALUES (1, 1, 5)",
    "revision": "UPDATE alembic_version SET version_num = '0001'",
}


def test_damage_on_a_server_is_found(served: Settings) -> None:
    """One after the other on one server, each in a schema that is put back."""
    assert found(served) == {}
    home = offline.home(served)
    opener: Callable[[], postgres.Connection] = home.opener("shard_0001")  # type: ignore[attr-defined]  # a Server
    for name, statement in ON_A_SERVER.items():
        with contextlib.closing(opener()) as connection:
            for table in ("letter", "recipient", "event", "word", "alembic_version"):
                connection.execute(f"CREATE TABLE kept_{table} AS TABLE {table}".encode())
            connection.execute(statement.encode())
            assert set(found(served)) == {("shard 0001", DAMAGE[name][0])}, name
            for table in ("letter", "recipient", "event", "word", "alembic_version"):
                connection.execute(f"TRUNCATE {table}".encode())
                connection.execute(f"INSERT INTO {table} TABLE kept_{table}".encode())
                connection.execute(f"DROP TABLE kept_{table}".encode())
    assert found(served) == {}


def test_names_of_bodies() -> None:
    assert blobs.name(LARGE) == ids.text(LARGE)
