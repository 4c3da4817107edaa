"""Upgrade of a server: brings its schemas to this program's revision, each after a copy of itself.

Called through `store.prepare` by the supervisor of every node; they take turns. Imports Alembic, so nobody else may.
Never touches a schema that is up to date, nor one whose shard is at work, nor a newer program's.
Fails with ShardTaken when a shard is in use, WrongVersion for a newer schema, StoreTrouble otherwise.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import psycopg
from psycopg import sql as quoted
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from hatoba.store import blobs, postgres, server, tables, trouble, upgrade
from hatoba.store.mailboxes import places
from hatoba.store.mailboxes import settings as mail_settings
from hatoba.store.mailboxes import tables as mail_tables
from hatoba.store.server import Server
from hatoba.store.snapshot import Progress

_TURN = 0x6861746F6261  # "hatoba": the advisory lock for which nodes that start together wait
_OLDEST = 150000  # the server's version number: PostgreSQL 15
_COPIES = "SELECT nspname::text FROM pg_namespace WHERE nspname LIKE %s ORDER BY nspname"
# Of every column whose default counts by a sequence; the sequence is still that of the original.
_SEQUENCES = """
SELECT t.relname::text, a.attname::text, s.relname::text
FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace JOIN pg_attribute a ON a.attrelid = t.oid
JOIN pg_attrdef d ON d.adrelid = t.oid AND d.adnum = a.attnum
JOIN pg_depend p ON p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid AND p.refclassid = 'pg_class'::regclass
JOIN pg_class s ON s.oid = p.refobjid AND s.relkind = 'S'
WHERE n.nspname = %s"""
_MAIL = "SELECT nspname::text FROM pg_namespace WHERE nspname ~ '^mail_[0-9]{4}$' ORDER BY nspname"
_TABLES = "SELECT tablename::text FROM pg_tables WHERE schemaname = %s ORDER BY tablename"


def prepare(where: Server, shards: int, progress: Progress, mail: int | None = None) -> None:
    """The directory and shards 0 … `shards`-1 (and any other that exists) are there and at this revision.

    So are the mail shards, at the directory's server: see upgrade.prepare for `mail`.

    The directory's server must answer. A spool server that does not is told by `progress` and left for the next start
    of any node: its shards cannot be opened before, if they need it.
    """
    blobs.make_folder(where.data / "blobs")
    for place in range(len(where.urls)):
        try:
            with alone(where, place):
                if place == 0:
                    _bring(where, server.DIRECTORY, "directory", tables.DIRECTORY_REVISION, progress)
                    _mail(where, mail, bool(shards), progress)
                wanted = {number for number in range(shards) if where.place(number) == place}
                for number in sorted(wanted | _resident(where, place)):
                    _bring(where, server.schema(number), "shard", tables.SHARD_REVISION, progress)
        except trouble.StoreTrouble as error:
            if place == 0 or error.kind != trouble.LOST:
                raise
            progress(f"spool server {place} is away, its shards wait ({error})")


def _mail(where: Server, wanted: int | None, make: bool, progress: Progress) -> None:
    """The mail shards. Each one that is there knows how many there are to be."""
    with postgres.Reader(where.opener(server.DIRECTORY)) as reader:
        there = [int(name[-4:]) for (name,) in reader.rows(_MAIL)]
    known = 0
    for number in there:
        _bring(where, places.schema(number), "mail", mail_tables.MAIL_REVISION, progress)
        with postgres.Reader(where.opener(places.schema(number))) as reader:
            known = places.count(reader) or known
    if known and wanted is not None:
        places.refuse(known, wanted)
    if not (there or make):
        return
    many = known or wanted or mail_settings.Settings().shards
    for number in range(many):
        _bring(where, places.schema(number), "mail", mail_tables.MAIL_REVISION, progress)
        with contextlib.closing(where.connect(places.schema(number))) as opened, postgres.transaction(opened) as tx:
            places.record(tx, number, many, time.time_ns() // 1_000_000)


def _resident(where: Server, place: int) -> set[int]:
    """The shards that a server has. StoreTrouble when one belongs elsewhere: its letters would be nobody's."""
    found = set(where.schemas(place))
    for number in sorted(found):
        if where.place(number) != place:
            named = "database.url" if place == 0 else f"spool server {place}"
            raise trouble.StoreTrouble(
                f"{server.schema(number)} is on {named}, but the settings put it elsewhere: move the schema first, "
                "as docs/scaling.md says, or change database.spool back"
            )
    return found


def _bring(where: Server, schema: str, history: str, wanted: str, progress: Progress) -> None:
    with postgres.Reader(where.opener(schema)) as opened:
        found = server.revision(opened)
    if found == wanted:
        return
    with contextlib.closing(where.connect(schema)) as connection:
        if found:
            upgrade.check_known(found, history, f"schema {schema}")
            if history == "shard":
                _idle(where, schema, connection)
            progress(f"{schema}: copy before the step from {found} to {wanted}")
            copy(connection, schema, f"{schema}_before_{wanted}")
            _forget(connection, schema, where.settings.snapshots)
            progress(f"{schema}: upgrading from {found} to {wanted}")
        else:
            _execute(connection, quoted.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(quoted.Identifier(schema)))
        connection.autocommit = False  # SQLAlchemy begins and commits: a step is there wholly or not at all
        engine = create_engine("postgresql+psycopg://", creator=lambda: connection, poolclass=StaticPool)
        upgrade.migrate(engine, history, wanted, schema)


def _idle(where: Server, schema: str, connection: postgres.Connection) -> None:
    """ShardTaken while a worker has it; and nobody gets it meanwhile: a changed epoch fences who was only slow."""
    for one in where.survey().holdings:
        if server.schema(one.number) == schema and 0 <= one.age < where.database.lease:
            raise trouble.ShardTaken(one.number, 0, one.owner)
    _execute(connection, quoted.SQL("UPDATE shard SET epoch = epoch + 1"))


def copy(connection: postgres.Connection, schema: str, into: str) -> None:
    """All tables of a schema with their rows, in one transaction; an older copy of the name is replaced.

    The way back is server_wayback's; by hand, without what came since: ALTER SCHEMA shard_0003 RENAME TO another name,
    and the copy's to shard_0003, with every node stopped.
    """
    try:
        with connection.transaction():
            connection.execute(quoted.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(quoted.Identifier(into)))
            connection.execute(quoted.SQL("CREATE SCHEMA {}").format(quoted.Identifier(into)))
            for (table,) in connection.execute(_TABLES, (schema,)).fetchall():
                old, new = quoted.Identifier(schema, table), quoted.Identifier(into, table)
                connection.execute(quoted.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(new, old))
                connection.execute(quoted.SQL("INSERT INTO {} SELECT * FROM {}").format(new, old))
            for table, column, sequence in connection.execute(_SEQUENCES, (into,)).fetchall():
                _count_alone(connection, schema, into, table, column, sequence)
    except psycopg.Error as error:
        raise trouble.of(error, f"copying schema {schema}") from error


def _count_alone(
    connection: postgres.Connection, schema: str, into: str, table: str, column: str, sequence: str
) -> None:
    """A copied column counts on by a sequence of its own: the copy can take the place of what it was made of."""
    old, new = quoted.Identifier(schema, sequence), quoted.Identifier(into, sequence)
    owner = quoted.Identifier(into, table, column)
    connection.execute(quoted.SQL("CREATE SEQUENCE {} OWNED BY {}").format(new, owner))
    statement = quoted.SQL("SELECT setval({}, last_value, is_called) FROM {}")
    connection.execute(statement.format(quoted.Literal(f"{into}.{sequence}"), old))
    statement = quoted.SQL("ALTER TABLE {} ALTER COLUMN {} SET DEFAULT nextval({})")
    named = quoted.Literal(f"{into}.{sequence}")
    connection.execute(statement.format(quoted.Identifier(into, table), quoted.Identifier(column), named))


def _forget(connection: postgres.Connection, schema: str, keep: int) -> None:
    """The copies of a schema but the last `keep`."""
    pattern = f"{schema}_before_%".replace("_", r"\_")
    copies = [name for (name,) in connection.execute(_COPIES, (pattern,)).fetchall()]
    for name in copies[:-keep]:
        _execute(connection, quoted.SQL("DROP SCHEMA {} CASCADE").format(quoted.Identifier(name)))


def _execute(connection: postgres.Connection, statement: quoted.Composed | quoted.SQL) -> None:
    try:
        connection.execute(statement)
    except psycopg.Error as error:
        raise trouble.of(error, "preparing PostgreSQL") from error


@contextlib.contextmanager
def alone(where: Server, place: int = 0) -> Iterator[None]:
    """Nodes that start together, and whoever changes the server whole, take turns at each server."""
    with contextlib.closing(where.connect(server.DIRECTORY, place)) as connection:
        if connection.info.server_version < _OLDEST:
            version = connection.info.server_version // 10_000
            raise trouble.StoreTrouble(f"PostgreSQL is {version}, hatoba needs {_OLDEST // 10_000} or newer")
        _execute(connection, quoted.SQL("SET lock_timeout = 0"))  # an import may take an hour
        _execute(connection, quoted.SQL("SELECT pg_advisory_lock({})").format(quoted.Literal(_TURN)))
        yield
