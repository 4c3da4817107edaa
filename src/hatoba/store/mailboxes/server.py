"""Mail shards on PostgreSQL: schemas of the directory's server, written by any node.

Opened by stores.MailStore where the settings name a server.
Never leaves a commit in doubt: each writing process notes a number of its own in every transaction.
Fails with WrongVersion before `store.prepare`, StoreTrouble when the server is away.
"""

from __future__ import annotations

import contextlib
import secrets
from concurrent.futures import ThreadPoolExecutor

from hatoba.store import postgres, sql, trouble
from hatoba.store.base import Base
from hatoba.store.mailboxes import places, tables
from hatoba.store.mailboxes.shards import MailShard
from hatoba.store.server import Server, revision

# Who writes takes the shard's row first and keeps it until the commit: transactions take turns, as on SQLite, so that
# UIDs, MODSEQs and ids grow in the order of commits, and no two wait for each other's boxes.
_TAKE = "SELECT 1 FROM shard WHERE number = %s FOR NO KEY UPDATE"
_MARK = (
    "INSERT INTO writer (name, mark, at) VALUES (%s, %s, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)"
    " ON CONFLICT (name) DO UPDATE SET mark = excluded.mark, at = excluded.at"
)
_LAST = "SELECT mark FROM writer WHERE name = %s"
_LEAVE = "DELETE FROM writer WHERE name = ? OR at < (extract(epoch FROM clock_timestamp()) * 1000)::bigint - 604800000"


class Link(postgres.Link):
    """A writer's connection. `name` is the writing process's, of this shard alone."""

    def __init__(self, connection: postgres.Connection, where: str, number: int, name: str) -> None:
        super().__init__(connection, where, (number, 0))
        self._writer = name

    def begin(self) -> None:
        self._pipeline = self._connection.pipeline()
        self._pipeline.__enter__()
        self._connection.execute("BEGIN")
        self._mark = secrets.randbits(62)
        self._connection.execute(_TAKE, self._fence[:1])
        self._connection.execute(_MARK, (self._writer, self._mark))

    def _committed(self, mark: int) -> bool:
        found = self._connection.execute(_LAST, (self._writer,)).fetchone()
        return found is not None and found[0] == mark


class ServerShard(MailShard):
    """A schema of the server."""

    def __init__(self, home: Base, number: int, pool: ThreadPoolExecutor) -> None:
        assert isinstance(home, Server)  # noqa: S101  # the only home but Files
        self._server = home
        self._name = secrets.token_hex(8)
        self._redial = postgres.Redial(self._dial)
        super().__init__(number, pool, home.settings, home.data / places.FOLDER)
        with self._reader() as opened:
            _check(opened, places.schema(number))

    def _link(self) -> sql.Link:
        return self._redial()

    def _dial(self) -> Link:
        where = places.schema(self.number)
        return Link(self._server.connect(where, 0), where, self.number, self._name)

    def _reader(self) -> sql.Reader:
        return postgres.Reader(self._server.opener(places.schema(self.number), 0))

    def _stop(self) -> None:
        with contextlib.suppress(trouble.StoreTrouble):
            self.writer.wait(lambda tx: tx.run(_LEAVE, (self._name,)))
        super()._stop()


def made(home: Base) -> bool:
    """The first schema is there, at whatever revision. StoreTrouble."""
    assert isinstance(home, Server)  # noqa: S101  # the only home but Files
    with postgres.Reader(home.opener(places.schema(0), 0)) as opened:
        return bool(revision(opened))


def count(home: Base) -> int:
    """Over how many shards the accounts are spread. WrongVersion, StoreTrouble."""
    assert isinstance(home, Server)  # noqa: S101  # the only home but Files
    where = places.schema(0)
    with postgres.Reader(home.opener(where, 0)) as opened:
        _check(opened, where)
        return places.count(opened)


def _check(opened: sql.Reader, where: str) -> None:
    found = revision(opened)
    if found != tables.MAIL_REVISION:
        wanted = tables.MAIL_REVISION
        raise trouble.WrongVersion(f"schema {where} is at revision {found or 'none'}, this program needs {wanted}")
