"""PostgreSQL as the store's home: one schema for each shard, one for the directory; leases with fencing.

Opened by `store.base`; gives the same Shard, Register and Readers as the files of the data folder do.
Never lets a worker write a shard that another has taken since: each commit carries the shard's epoch.
Fails with ShardTaken while another's lease holds, WrongVersion before `prepare`, StoreTrouble when the server is away.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

from hatoba.store import blobs, postgres, spools, sql, tables, trouble
from hatoba.store import bus as bus_
from hatoba.store.settings import Database, Settings
from hatoba.store.shard import Shard
from hatoba.store.sql import Tx

T = TypeVar("T")
DIRECTORY = "hatoba"
_SCHEMA = re.compile(r"shard_([0-9]{4})")
# ruff: noqa: S608  # constants in constants
_NOW = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"  # the server's clock: the nodes' may differ
_SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'shard\\_____' ORDER BY nspname"
# Free (at = 0), run out, or ours before we died: then it is ours, one epoch further.
_TAKE = f"""
INSERT INTO shard (number, epoch, owner, at) VALUES (?, 1, ?, {_NOW})
ON CONFLICT (number) DO UPDATE SET epoch = shard.epoch + 1, owner = excluded.owner, at = excluded.at
WHERE shard.at = 0 OR shard.at + ? < {_NOW} OR shard.owner = excluded.owner
RETURNING epoch"""
_RENEW = f"UPDATE shard SET at = {_NOW} WHERE number = ? AND epoch = ?"
_GIVE = "UPDATE shard SET at = 0 WHERE number = ? AND epoch = ?"
_HOLDER = f"SELECT number, epoch, owner, CASE WHEN at = 0 THEN -1 ELSE {_NOW} - at END FROM {{}}shard"
_BEAT = f"""
INSERT INTO member (name, at) VALUES (?, {_NOW}) ON CONFLICT (name) DO UPDATE SET at = excluded.at"""
_MEMBERS = f"SELECT name, {_NOW} - at FROM member ORDER BY name"
_FORGET = f"DELETE FROM member WHERE at + ? < {_NOW}"
_LONG = 3_600_000  # ms after which a silent member is forgotten


def schema(number: int) -> str:
    """The schema of a shard: shard_0003."""
    return f"shard_{number:04d}"


class Holding(NamedTuple):
    """Who has a shard; `age`: seconds since the lease was renewed, -1 when it was given back or never taken."""

    number: int
    epoch: int
    owner: str
    age: float


class Survey(NamedTuple):
    """What the servers said: every shard of those that answered; of each that did not, its index and why."""

    holdings: list[Holding]
    away: dict[int, trouble.StoreTrouble]


class Server:
    """The PostgreSQL databases, one or several. `data` holds only drafts and what is this node's.

    Servers go by their index in `urls`; the first has the directory and every shard that no spool lists.
    """

    def __init__(self, data: Path, settings: Settings, database: Database, large: blobs.Settings | None = None) -> None:
        self.data = data
        self.settings = settings
        self.database = database
        self.large = large or blobs.Settings()
        self.urls = spools.urls(database)
        self._places = spools.places(database)
        self._home = ""

    def place(self, number: int) -> int:
        """The index of a shard's server."""
        return self._places.get(number, 0)

    def listed(self, place: int) -> list[int]:
        """The shards that the settings put on a server."""
        return [number for number in range(self.database.shards) if self.place(number) == place]

    def connect(self, where: str, place: int | None = None) -> postgres.Connection:
        """A connection into one schema, on the server at `place`; None: where the schema's shard lives."""
        if place is None:
            found = _SCHEMA.match(where)
            place = self.place(int(found[1])) if found else 0
        return postgres.connect(self.urls[place], where, timeout=self.database.connect_timeout)

    def opener(self, where: str, place: int | None = None) -> Callable[[], postgres.Connection]:
        return lambda: self.connect(where, place)

    def reader(self, number: int) -> postgres.Reader:
        """Reads a shard, whoever owns it. WrongVersion, StoreTrouble."""
        opened = postgres.Reader(self.opener(schema(number)))
        _check(opened, schema(number), tables.SHARD_REVISION)
        return opened

    def schemas(self, place: int) -> list[int]:
        """The shards whose schemas a server has, whether they belong there or not."""
        with postgres.Reader(self.opener(DIRECTORY, place)) as opened:
            return _numbers(opened)

    def numbers(self) -> list[int]:
        """The shards that exist. StoreTrouble when a server is away: who backs up or verifies must not miss any."""
        return sorted(one.number for one in self.holdings())

    def shard(self, number: int, owner: str) -> ServerShard:
        """Takes the lease and opens the shard. ShardTaken while another's lease holds."""
        return ServerShard.take(self, number, owner)

    def home(self) -> str:
        """The name of this installation, the same for all its nodes: it marks what is ours in an object store."""
        if not self._home:  # asked once: a shard can be taken while the directory's server is away
            with postgres.Reader(self.opener(DIRECTORY)) as opened:
                self._home = str(opened.rows("SELECT home FROM change")[0][0])
        return self._home

    def holdings(self) -> list[Holding]:
        """Every shard and who has it. StoreTrouble when a server is away: what `survey` would leave out."""
        holdings, away = self.survey()
        for error in away.values():
            raise error
        return holdings

    def survey(self) -> Survey:
        """Every shard and who has it, as one statement on each server sees them; all servers are asked at once.

        A server that is away makes its own shards unknown. StoreTrouble when none answers.
        """
        holdings: list[Holding] = []
        away: dict[int, trouble.StoreTrouble] = {}
        with ThreadPoolExecutor(len(self.urls)) as pool:
            asked = [pool.submit(self._held, place) for place in range(len(self.urls))]
            for place, answer in enumerate(asked):
                try:
                    holdings.extend(answer.result())
                except trouble.StoreTrouble as error:
                    away[place] = error
        if len(away) == len(self.urls):
            raise away[0]
        return Survey(holdings, away)

    def _held(self, place: int) -> list[Holding]:
        with postgres.Reader(self.opener(DIRECTORY, place)) as opened:
            numbers = [number for number in _numbers(opened) if self.place(number) == place]
            found = {number: Holding(number, 0, "", -1.0) for number in numbers}
            if numbers:
                union = " UNION ALL ".join(_HOLDER.format(f"{schema(number)}.") for number in numbers)
                for number, epoch, owner, age in opened.rows(union):
                    found[number] = Holding(number, epoch, owner, age / 1000 if age >= 0 else -1.0)
        return list(found.values())

    def beat(self, name: str) -> list[str]:
        """Shows that the member lives; the names of all whose last beat is younger than a lease."""
        with contextlib.closing(self.connect(DIRECTORY)) as connection, postgres.transaction(connection) as tx:
            tx.run(_BEAT, (name,))
            tx.run(_FORGET, (_LONG,))
            return [known for known, age in tx.rows(_MEMBERS) if age < self.database.lease * 1000]

    def members(self) -> dict[str, float]:
        """Every member known and the seconds since its last beat."""
        with postgres.Reader(self.opener(DIRECTORY)) as opened:
            return {name: age / 1000 for name, age in opened.rows(_MEMBERS)}

    def leave(self, name: str) -> None:
        """It is no member any more."""
        with contextlib.closing(self.connect(DIRECTORY)) as connection, postgres.transaction(connection) as tx:
            tx.run("DELETE FROM member WHERE name = ?", (name,))

    def bus(self) -> bus_.Bus:
        """The messages between the nodes; close it. WrongVersion, StoreTrouble."""
        with postgres.Reader(self.opener(DIRECTORY)) as opened:
            _check(opened, DIRECTORY, tables.DIRECTORY_REVISION)
        return bus_.Bus(self.opener(DIRECTORY), schema)

    def ear(self) -> bus_.Ear:
        """What wakes those who wait for a message; close it."""
        timeout = self.database.connect_timeout
        return bus_.Ear(lambda: postgres.connect(self.database.url, DIRECTORY, timeout=timeout, application=bus_.NAMED))

    def register(self) -> ServerRegister:
        """The directory. WrongVersion, StoreTrouble."""
        register = ServerRegister(self)
        _check(register.reader, DIRECTORY, tables.DIRECTORY_REVISION)
        return register


class ServerRegister:
    """The directory's schema, open; see directory.Register."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.reader = postgres.Reader(server.opener(DIRECTORY))

    def version(self) -> int:
        """Another number after each change by any process."""
        return self.reader.version()

    def write(self, function: Callable[[Tx], T]) -> T:
        """Runs `function` in a transaction of its own and returns what it does; rolled back if it raises."""

        def counted(tx: Tx) -> T:
            done = function(tx)
            tx.run("UPDATE change SET n = n + 1")
            bus_.say(tx, bus_.DIRECTORY)
            return done

        return self.note(counted)

    def note(self, function: Callable[[Tx], T]) -> T:
        """As `write`, but no process loads the directory anew for it."""
        with contextlib.closing(self._server.connect(DIRECTORY)) as connection, postgres.transaction(connection) as tx:
            return function(tx)

    def close(self) -> None:
        self.reader.close()


class ServerShard(Shard):
    """A shard whose tables are on the server. Without an object store large bodies live in their rows, too."""

    def __init__(self, server: Server, number: int) -> None:
        super().__init__(server.data, number, server.settings, -1, server.large, server.home())
        self.place = server.place(number)
        self.writer.whole = not self.blobs.remote
        self._server = server
        self._redial = postgres.Redial(self._dial)

    @classmethod
    def take(cls, server: Server, number: int, owner: str) -> ServerShard:
        """See Server.shard."""
        blobs.make_folder(server.data / "blobs")
        blobs.make_folder(server.data / "blobs" / f"{number:04d}")
        self = cls(server, number)
        ttl = int(server.database.lease * 1000)
        with contextlib.closing(server.connect(schema(number))) as connection:
            opened = postgres.Reader(lambda: connection)
            _check(opened, schema(number), tables.SHARD_REVISION)
            with postgres.transaction(connection) as tx:
                found = tx.rows(_TAKE, (number, owner, ttl))
            if not found:
                raise trouble.ShardTaken(number, 0, opened.rows(_HOLDER.format(""))[0][2])
        self.epoch = int(found[0][0])
        self.swept = self.blobs.sweep()
        self.writer.start()
        self.blobs.watch(self._bodies)
        return self

    def reader(self) -> postgres.Reader:
        return postgres.Reader(self._server.opener(schema(self.number)))

    def renew(self, tx: Tx) -> bool:
        return tx.run(_RENEW, (self.number, self.epoch)) > 0

    def close(self) -> None:
        with contextlib.suppress(trouble.StoreTrouble):  # lost, or the server is away: it runs out by itself
            self.writer.wait(lambda tx: tx.run(_GIVE, (self.number, self.epoch)))
        super().close()

    def _link(self) -> sql.Link:
        return self._redial()

    def _dial(self) -> postgres.Link:
        where = schema(self.number)
        return postgres.Link(self._server.connect(where), where, (self.number, self.epoch))


def _numbers(opened: postgres.Reader) -> list[int]:
    found = [_SCHEMA.fullmatch(name) for (name,) in opened.rows(_SCHEMAS)]
    return [int(match[1]) for match in found if match]


def revision(opened: sql.Reader) -> str:
    """The revision Alembic left in the schema, "" for none."""
    if opened.rows("SELECT to_regclass('alembic_version') IS NULL")[0][0]:
        return ""
    found = opened.rows("SELECT version_num FROM alembic_version")
    return str(found[0][0]) if found else ""


def _check(opened: postgres.Reader, where: str, wanted: str) -> None:
    found = revision(opened)
    if found != wanted:
        opened.close()
        raise trouble.WrongVersion(f"schema {where} is at revision {found or 'none'}, this program needs {wanted}")
