"""Shards made and counted, looked after, verified, backed up and restored."""

from contextlib import closing
from pathlib import Path

import alembic.autogenerate
import pytest
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool
from tests.support import pg
from tests.support.letters import NOW, Mailbox, octets
from tests.support.mail_damage import DAMAGE

from hatoba import store
from hatoba.store import backup, base, blobs, restore, sqlite, trouble, upgrade
from hatoba.store.base import Base
from hatoba.store.mailboxes import contents, indexing, places, replies, search, tables, upkeep, verify
from hatoba.store.mailboxes.settings import Settings as MailSettings
from hatoba.store.mailboxes.stores import MailStore
from hatoba.store.server import Server
from hatoba.store.settings import Database, Settings


def quiet(text: str) -> None:
    """No progress."""


def test_the_migration_makes_the_tables(home: Base, engine: str) -> None:
    assert upgrade.head("mail") == tables.MAIL_REVISION
    if engine == "sqlite":
        with closing(sqlite.connect(places.database(home.data, 0))) as connection:
            made = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
            with made.connect() as opened:
                assert (
                    alembic.autogenerate.compare_metadata(MigrationContext.configure(opened), tables.mail_tables) == []
                )
            made.dispose()
        return
    assert isinstance(home, Server)
    with closing(home.connect(places.schema(1), 0)) as connection:
        made = create_engine("postgresql+psycopg://", creator=lambda: connection, poolclass=StaticPool)
        with made.connect() as opened:
            context = MigrationContext.configure(opened, opts={"compare_type": True})
            assert alembic.autogenerate.compare_metadata(context, tables.mail_tables) == []
        made.dispose()


def test_another_number_of_shards_is_refused_with_the_way_out(home: Base, engine: str) -> None:
    database = home.database if isinstance(home, Server) else None
    with pytest.raises(trouble.StoreTrouble, match=r"spread over 2 shards, mailboxes\.shards is 3"):
        store.prepare(home.data, 1, database=database, mailboxes=MailSettings(shards=3))
    store.prepare(home.data, 1, database=database)
    store.prepare(home.data, 1, database=database, mailboxes=MailSettings(shards=2))


def test_a_missing_shard_is_made_again_empty(home: Base, engine: str) -> None:
    if engine == "sqlite":
        places.database(home.data, 1).unlink()
        store.prepare(home.data, 1)
        assert places.numbers(home.data) == [0, 1]


def test_a_store_before_prepare_says_so(tmp_path: Path) -> None:
    with pytest.raises(trouble.WrongVersion):
        MailStore(base.of(tmp_path, Settings(), Database(), blobs.Settings()), MailSettings()).shard("a")


def test_upkeep_empties_the_trash_and_fills_the_index(mail: MailStore, bob: Mailbox) -> None:
    now = NOW
    keeping = upkeep.Upkeep(mail, lambda: now)
    placed = bob.put(raw=octets(1), delivery=(1, "bob"))
    bob.do(lambda tx: replies.note(tx, bob.account, replies.VACATION, "x", NOW + 5, NOW))
    bob.expunge([placed.uid], flagged=False)
    bob.fill(indexing.FEW)
    assert keeping.turn()
    assert bob.shard.look(lambda reader: reader.rows("SELECT count(*) FROM segment WHERE state = 1")) == [(1,)]
    assert bob.shard.look(lambda reader: reader.rows("SELECT count(*) FROM pending")) == [(0,)]
    assert bob.shard.look(lambda reader: contents.raw(reader, placed.content)) == octets(1)
    now += 8 * 86_400_000
    assert keeping.turn()
    assert not keeping.turn()
    for table in ("trash", "reply", "delivery"):
        assert bob.shard.look(lambda reader, table=table: reader.rows(f"SELECT count(*) FROM {table}")) == [(0,)]  # type: ignore[misc]  # noqa: S608
    bob.do(indexing.reset_all)
    assert keeping.turn()
    assert bob.shard.look(lambda reader: search.text(reader, bob.box, "subject", "hello")) == list(
        range(2, indexing.FEW + 2)
    )


def test_upkeep_works_in_a_thread_until_it_is_closed(mail: MailStore, bob: Mailbox) -> None:
    keeping = upkeep.Upkeep(mail, lambda: NOW)
    keeping.start()
    keeping.close()
    keeping.close()
    upkeep.Upkeep(mail, lambda: NOW).close()


def test_replies_are_noted_until_their_time(bob: Mailbox) -> None:
    kind = replies.VACATION
    assert bob.do(lambda tx: replies.note(tx, bob.account, kind, "a", NOW + 10, NOW))
    assert not bob.do(lambda tx: replies.note(tx, bob.account, kind, "a", NOW + 99, NOW + 9))
    assert bob.do(lambda tx: replies.note(tx, bob.account, kind, "a", NOW + 99, NOW + 10))
    bob.do(lambda tx: replies.extend(tx, bob.account, replies.DUPLICATE, "a", NOW + 1))
    assert not bob.shard.look(lambda reader: replies.known(reader, bob.account, replies.DUPLICATE, "a", NOW + 1))


@pytest.mark.parametrize(("statement", "kind"), DAMAGE, ids=[f"{kind}-{n}" for n, (_, kind) in enumerate(DAMAGE)])
def test_verify_finds_damage(home: Base, bob: Mailbox, statement: str, kind: str) -> None:
    bob.fill(3)
    indexing.Filler(bob.shard, lambda: NOW, 1).turn()
    assert [report.findings for report in verify.shards(home, quiet)] == [[], []]
    bob.do(lambda tx: tx.run(statement))
    found = {finding.kind for report in verify.shards(home, quiet) for finding in report.findings}
    assert kind in found


def test_a_backup_has_the_mailboxes(home: Base, engine: str, mail: MailStore, bob: Mailbox, tmp_path: Path) -> None:
    placed = bob.put("\\Seen", raw=octets(5, text="x" * 500_000))
    bob.fill(3)
    backup.take(home, tmp_path / "backup", "test", quiet)
    bob.fill(2)
    before = bob.state
    target = base.of(tmp_path / "again", Settings(), Database(), blobs.Settings())
    restore.restore(target, tmp_path / "backup", False, quiet)
    store.prepare(target.data, 1)
    again = MailStore(target, MailSettings(shards=2))
    there = bob._replace(shard=again.numbered(bob.shard.number))
    assert (there.state.letters, there.state.uidvalidity) == (4, before.uidvalidity)
    assert there.shard.look(lambda reader: contents.raw(reader, placed.content)) == octets(5, text="x" * 500_000)
    assert there.put().uid == 5
    assert [report.findings for report in verify.shards(target, quiet)] == [[], []]
    again.close()


def test_a_backup_of_a_server_is_restored_to_one(
    home: Base, engine: str, bob: Mailbox, tmp_path: Path, mail_pg_template: str
) -> None:
    if engine == "sqlite":
        return
    placed = bob.put(raw=octets(5, text="x" * 500_000))
    indexing.Filler(bob.shard, lambda: NOW, 1).turn()
    backup.take(home, tmp_path / "backup", "test", quiet)
    name = pg.database()
    target = base.of(tmp_path / "again", Settings(), Database(url=pg.url(name), shards=1), blobs.Settings())
    restore.restore(target, tmp_path / "backup", False, quiet)
    again = MailStore(target, MailSettings(shards=2))
    there = bob._replace(shard=again.numbered(bob.shard.number))
    assert there.shard.look(lambda reader: contents.raw(reader, placed.content)) == octets(5, text="x" * 500_000)
    assert there.shard.look(lambda reader: search.text(reader, there.box, "body", "xxx")) == [1]
    assert [report.findings for report in verify.shards(target, quiet)] == [[], []]
    again.close()
    pg.drop(name)
