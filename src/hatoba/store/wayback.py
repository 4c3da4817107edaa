"""Way back: puts the databases of a data folder back to the revision they had before the last upgrade.

Called by `hatoba upgrade --back` while the node's lock is held; imports Alembic, so no worker may.
Never loses what was taken in since: rows of tables that both revisions have alike are carried over, and the upgraded
databases are kept beside the snapshots. Never goes back where letters could not be carried.
Fails with NoWay, which says why, before anything was changed; ShardTaken; StoreTrouble.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import time
from pathlib import Path

import msgspec

from hatoba.store import blobs, bundle, directory, shard, snapshot, sqlite, tables, trouble, upgrade
from hatoba.store.snapshot import Progress

_MUST = ("letter", "recipient", "domain", "account")  # without these we do not go back
_TABLES = (
    "SELECT name FROM {}.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'alembic_version'"
)


class NoWay(trouble.StoreTrouble):
    """There is no snapshot to go back to, or letters would be lost by it."""


class Step(msgspec.Struct):
    """What going back means for one database. `carried`: rows by table; `left`: tables the older revision has not."""

    name: str
    was: str
    now: str
    carried: dict[str, int]
    left: list[str]
    kept: str  # where the upgraded database is now


class _Plan(msgspec.Struct):
    path: Path
    history: str
    was: str
    to: str
    source: Path | None  # a snapshot; None: the database is younger than the upgrade


def back(data: Path, progress: Progress) -> list[Step]:
    """Every database of the folder is at the revision before the last upgrade, with what came since."""
    plans = _plans(data)
    steps = []
    with contextlib.ExitStack() as stack:
        for plan in plans:
            if plan.history == "shard":
                stack.enter_context(shard.taken(plan.path, int(plan.path.stem)))
        try:
            for plan in plans:
                progress(f"{plan.path.name}: from {plan.was} back to {plan.to}")
                steps.append(_make(plan))
            for plan, step in zip(plans, steps, strict=True):
                step.kept = str(_swap(plan, data / "snapshots"))
        except (sqlite3.Error, OSError) as error:
            raise trouble.of(error, "going back") from error
        finally:
            for plan in plans:
                _made(plan).unlink(missing_ok=True)
    return steps


def _plans(data: Path) -> list[_Plan]:
    into = data / "snapshots"
    found = [(data / directory.NAME, "directory", tables.DIRECTORY_REVISION)]
    found += [(shard.database(data, number), "shard", tables.SHARD_REVISION) for number in shard.numbers(data)]
    aims: dict[str, str] = {}
    for path, history, _ in found:
        for older in snapshot.of(into, path.stem):
            aims[history] = max(aims.get(history, ""), _revision(older))
    plans = []
    for path, history, head in found:
        with sqlite.reader(path) as opened:
            was = sqlite.revision(opened)
        aim = aims.get(history, "")
        if was == head and aim and aim < was:
            sources = [older for older in snapshot.of(into, path.stem) if _revision(older) == aim]
            plans.append(_Plan(path, history, was, aim, sources[-1] if sources else None))
    if not plans:
        raise NoWay(f"{into} has no snapshot of an older revision: there was no upgrade to go back from")
    return plans


def _revision(path: Path) -> str:
    return path.stem.split("-")[-2]


def _made(plan: _Plan) -> Path:
    return plan.path.with_name(f"{plan.path.name}.back")


def _make(plan: _Plan) -> Step:
    """The older database beside the present one, filled."""
    made = _made(plan)
    made.unlink(missing_ok=True)
    if plan.source is None:
        upgrade.upgrade(made, plan.history, plan.to)
    else:
        shutil.copyfile(plan.source, made)
        made.chmod(0o600)
    with contextlib.closing(sqlite3.connect(plan.path)) as present:  # what is in its log goes into the file
        present.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    with contextlib.closing(sqlite.connect(made)) as connection:
        connection.execute("ATTACH DATABASE ? AS present", (str(plan.path),))
        with sqlite.transaction(connection):
            carried, left = _carry(connection)
        connection.execute("DETACH DATABASE present")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    bundle.sync(made)
    return Step(plan.path.name, plan.was, plan.to, carried, left, "")


def _carry(connection: sqlite3.Connection) -> tuple[dict[str, int], list[str]]:
    """Tables that are alike get the present rows. Runs in a transaction. NoWay where letters are not alike."""
    older, present = (
        {str(name) for (name,) in connection.execute(_TABLES.format(schema))} for schema in ("main", "present")
    )
    carried: dict[str, int] = {}
    for name in sorted(older & present):
        if _columns(connection, "main", name) != _columns(connection, "present", name):
            if name in _MUST:
                raise NoWay(
                    f"rows of {name} are not the same in the older revision: what was taken in since would be lost."
                    " Let the queue empty itself first, then restore the backup made before the upgrade"
                )
            continue
        connection.execute(f"DELETE FROM main.{name}")  # noqa: S608  the schema's own names
        done = connection.execute(f"INSERT INTO main.{name} SELECT * FROM present.{name}")  # noqa: S608
        carried[name] = done.rowcount
    if "event" in carried:  # seqs never come again
        connection.execute("DELETE FROM main.sqlite_sequence")
        connection.execute("INSERT INTO main.sqlite_sequence SELECT * FROM present.sqlite_sequence")
    return carried, sorted(present - carried.keys())


def _columns(connection: sqlite3.Connection, schema: str, table: str) -> list[tuple[str, str, int]]:
    found = connection.execute("SELECT name, type, pk FROM pragma_table_info(?, ?) ORDER BY cid", (table, schema))
    return [(str(name), str(kind), int(key)) for name, kind, key in found]


def _swap(plan: _Plan, into: Path) -> Path:
    """The upgraded database goes beside the snapshots, the older one takes its place."""
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    kept = into / f"undone-{plan.path.stem}-{plan.was}-{stamp}.db"
    plan.path.rename(kept)
    _made(plan).rename(plan.path)
    for beside in ("-wal", "-shm"):
        plan.path.with_name(plan.path.name + beside).unlink(missing_ok=True)
    blobs.sync_folder(plan.path.parent)
    blobs.sync_folder(into)
    return kept


def revisions(data: Path) -> dict[str, str]:
    """The revision of every database, by file name."""
    paths = [data / directory.NAME, *(shard.database(data, number) for number in shard.numbers(data))]
    found = {}
    for path in paths:
        if snapshot.size(path):
            with sqlite.reader(path) as opened:
                found[path.name] = sqlite.revision(opened)
    return found
