"""Way back on a server: puts its schemas back to the revision they had before the last upgrade.

Called by `hatoba upgrade --back` while no node works the server; imports Alembic, so no worker may.
Never loses what was taken in since: as wayback does, rows that both revisions hold alike are carried over, and the
upgraded schemas are kept under another name. All schemas of a server change in one transaction; several servers
commit one after the other once all can, and what a crash in between leaves is gone back by giving the command again.
Fails with NoWay, which says why, before anything was changed; ShardTaken; StoreTrouble.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import msgspec
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from hatoba.store import postgres, server, server_upgrade, tables, trouble, upgrade
from hatoba.store.server import Server
from hatoba.store.snapshot import Progress
from hatoba.store.sql import Tx
from hatoba.store.wayback import MUST, NoWay, Step, unlike

# ruff: noqa: S608  # names of our own schemas and tables
_COPY = "SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = ?)"
_TABLES = "SELECT tablename::text FROM pg_tables WHERE schemaname = ? AND tablename <> 'alembic_version' ORDER BY 1"
_COLUMNS = (
    "SELECT column_name::text, data_type::text FROM information_schema.columns"
    " WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position"
)


class _Plan(msgspec.Struct):
    schema: str
    history: str
    was: str
    to: str
    copy: str  # the schema as it was before the upgrade; "": it is younger than that
    place: int  # the index of its server

    @property
    def made(self) -> str:
        return f"{self.schema}_back"


def back(where: Server, progress: Progress) -> list[Step]:
    """Every schema is at the revision before the last upgrade, with what came since."""
    places = range(len(where.urls))
    with contextlib.ExitStack() as stack:
        for place in places:
            stack.enter_context(server_upgrade.alone(where, place))
        _check_idle(where)
        plans = _plans(where)
        for place in places:
            stack.enter_context(_made(where, place, [plan for plan in plans if plan.place == place], progress))
        txs = [stack.enter_context(_transaction(where, place)) for place in places]
        return [_turn(txs[plan.place], plan, progress) for plan in plans]


@contextlib.contextmanager
def _transaction(where: Server, place: int) -> Iterator[Tx]:
    opened = contextlib.closing(where.connect(server.DIRECTORY, place))
    with opened as connection, postgres.transaction(connection) as tx:
        tx.run(postgres.PATIENT)  # the other servers have their turns meanwhile
        yield tx


def _check_idle(where: Server) -> None:
    for one in where.holdings():
        if 0 <= one.age < where.database.lease:
            raise trouble.ShardTaken(one.number, 0, one.owner)
    for name, age in where.members().items():
        if age < where.database.lease:
            raise trouble.StoreTrouble(f"{name} works on this server: stop every node before going back")


def _plans(where: Server) -> list[_Plan]:
    found = [(server.DIRECTORY, "directory", tables.DIRECTORY_REVISION, 0)]
    found += [
        (server.schema(number), "shard", tables.SHARD_REVISION, where.place(number)) for number in where.numbers()
    ]
    plans = []
    aims: dict[str, str] = {}
    for schema, history, head, place in found:
        copy = f"{schema}_before_{head}"
        with postgres.Reader(where.opener(schema)) as present:
            was = server.revision(present)
            there = bool(present.rows(_COPY, (copy,))[0][0])
        if there:
            with postgres.Reader(where.opener(copy, place)) as older:
                aims[history] = max(aims.get(history, ""), server.revision(older))
        if was == head:
            plans.append(_Plan(schema, history, was, "", copy if there else "", place))
    for plan in plans:
        plan.to = aims.get(plan.history, "")
    plans = [plan for plan in plans if plan.to and plan.to < plan.was]
    if not plans:
        raise NoWay("the server has no copy of an older revision: there was no upgrade to go back from")
    return plans


@contextlib.contextmanager
def _made(where: Server, place: int, plans: list[_Plan], progress: Progress) -> Iterator[None]:
    """Empty schemas of the older revision beside the present ones; those that took no place are removed."""
    with contextlib.closing(where.connect(server.DIRECTORY, place)) as connection:
        try:
            for plan in plans:
                progress(f"{plan.schema}: from {plan.was} back to {plan.to}")
                with postgres.transaction(connection) as tx:
                    tx.run(f"DROP SCHEMA IF EXISTS {plan.made} CASCADE")
                    tx.run(f"CREATE SCHEMA {plan.made}")
                _migrate(where, plan)
            yield
        finally:
            with postgres.transaction(connection) as tx:
                for plan in plans:
                    tx.run(f"DROP SCHEMA IF EXISTS {plan.made} CASCADE")


def _migrate(where: Server, plan: _Plan) -> None:
    with contextlib.closing(where.connect(plan.made, plan.place)) as connection:
        connection.autocommit = False
        engine = create_engine("postgresql+psycopg://", creator=lambda: connection, poolclass=StaticPool)
        upgrade.migrate(engine, plan.history, plan.to, plan.made)


def _turn(tx: Tx, plan: _Plan, progress: Progress) -> Step:
    """Fills the older schema and gives it the name. Who was only slow is waited for, and fenced by the epoch."""
    names = _tables(tx, plan.schema)
    tx.run(f"LOCK TABLE {', '.join(f'{plan.schema}.{name}' for name in names)} IN SHARE ROW EXCLUSIVE MODE")
    if plan.history == "shard":
        tx.run(f"UPDATE {plan.schema}.shard SET epoch = epoch + 1")
    carried = _carry(tx, plan, names)
    stamp = time.strftime("%Y%m%dt%H%M%S", time.gmtime())
    kept = f"{plan.schema}_undone_{plan.was}_{stamp}"
    tx.run(f"ALTER SCHEMA {plan.schema} RENAME TO {kept}")
    tx.run(f"ALTER SCHEMA {plan.made} RENAME TO {plan.schema}")
    progress(f"{plan.schema}: {carried.get('letter', 0)} letters carried over")
    return Step(plan.schema, plan.was, plan.to, carried, sorted(set(names) - carried.keys()), kept)


def _carry(tx: Tx, plan: _Plan, present: list[str]) -> dict[str, int]:
    """Tables that are alike get the present rows; others what they held before the upgrade. NoWay: see unlike."""
    carried: dict[str, int] = {}
    before = _tables(tx, plan.copy)
    for name in _tables(tx, plan.made):
        wanted = _columns(tx, plan.made, name)
        if name in present and _columns(tx, plan.schema, name) == wanted:
            carried[name] = _copied(tx, plan.schema, plan.made, name, wanted)
        elif name in MUST:
            raise unlike(name)
        elif name in before and _columns(tx, plan.copy, name) == wanted:
            _copied(tx, plan.copy, plan.made, name, wanted)
    return carried


def _copied(tx: Tx, source: str, target: str, table: str, columns: list[tuple[str, str]]) -> int:
    """How many rows; what counts by itself goes on where it stood."""
    names = ", ".join(name for name, _ in columns)
    tx.run(f"DELETE FROM {target}.{table}")
    count = tx.run(f"INSERT INTO {target}.{table} ({names}) SELECT {names} FROM {source}.{table}")
    for name, _ in columns:
        ours, theirs = (
            tx.rows("SELECT pg_get_serial_sequence(?, ?)", (f"{schema}.{table}", name))[0][0]
            for schema in (target, source)
        )
        if ours and theirs:
            tx.rows(f"SELECT setval(?, last_value, is_called) FROM {theirs}", (ours,))
    return count


def _tables(tx: Tx, schema: str) -> list[str]:
    return [str(name) for (name,) in tx.rows(_TABLES, (schema,))]


def _columns(tx: Tx, schema: str, table: str) -> list[tuple[str, str]]:
    return [(str(name), str(kind)) for name, kind in tx.rows(_COLUMNS, (schema, table))]
