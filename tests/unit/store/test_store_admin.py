"""The admin log: each entry rests on the one before; any single change is found; a purge is not, and says so."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.support import pg

from hatoba import store
from hatoba.store import admin, base, blobs
from hatoba.store.base import Register
from hatoba.store.findings import Report
from hatoba.store.settings import Database, Settings
from hatoba.store.sql import Tx

NOW = 1_795_000_000_000


@pytest.fixture
def opening(engine: str, tmp_path: Path, template: Path, pg_template: str) -> Iterator[Callable[[], Register]]:
    """Opens the directory, on both engines."""
    if engine == "sqlite":
        store.prepare(tmp_path / "data", 0)
        yield base.of(tmp_path / "data", Settings(), Database(), blobs.Settings()).register
        return
    name = pg.database(pg_template)
    yield base.of(tmp_path / "data", Settings(), Database(url=pg.url(name), shards=1), blobs.Settings()).register
    pg.drop(name)


@pytest.fixture
def register(opening: Callable[[], Register]) -> Iterator[Register]:
    opened = opening()
    yield opened
    opened.close()


def add(register: Register, count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        register.note(partial(admin.append, at=NOW + number, who="cli:日本", verb=f"verb {number}", data=b'{"n":1}'))


def prove(register: Register) -> dict[str, int]:
    report = Report("directory")
    admin.check(register.reader, report)
    return {one.kind: one.count for one in report.findings}


def test_entries_in_their_order(register: Register) -> None:
    assert (prove(register), admin.last(register.reader)) == ({}, None)
    add(register, 3)
    found = admin.newest(register.reader, 0, 2)
    assert [(one.seq, one.verb, one.who) for one in found] == [(3, "verb 2", "cli:日本"), (2, "verb 1", "cli:日本")]
    assert [one.seq for one in admin.newest(register.reader, 2, 9)] == [1]
    assert admin.last(register.reader) == found[0]
    assert prove(register) == {}


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("UPDATE admin SET who = 'cli:me' WHERE seq = 2", "admin-changed"),
        ("UPDATE admin SET at = at - 1 WHERE seq = 1", "admin-changed"),
        ("UPDATE admin SET verb = 'x' WHERE seq = 4", "admin-changed"),
        ("UPDATE admin SET hash = data WHERE seq = 4", "admin-changed"),
        ("DELETE FROM admin WHERE seq = 1", "admin-changed"),
        ("DELETE FROM admin WHERE seq = 2", "admin-changed"),
        ("DELETE FROM admin WHERE seq = 4", "admin-cut"),
        ("DELETE FROM admin", "admin-cut"),
        ("UPDATE head SET seq = 3", "admin-cut"),
        ("DELETE FROM head", "admin-cut"),
        (
            "INSERT INTO admin (seq, at, who, verb, data, hash) SELECT 9, at, who, verb, data, hash FROM admin"
            " WHERE seq = 1",
            "admin-changed",
        ),
    ],
)
def test_any_change_is_found(register: Register, statement: str, kind: str) -> None:
    add(register, 4)
    assert prove(register) == {}
    register.note(lambda tx: tx.run(statement))
    assert kind in prove(register)


def test_a_purge_is_told(register: Register) -> None:
    add(register, 6)
    assert register.note(partial(admin.purge, before=NOW + 4, now=NOW + 9)) == 4
    assert [(one.seq, one.verb) for one in admin.newest(register.reader, 0, 9)] == [
        (7, admin.PURGED), (6, "verb 5"), (5, "verb 4"),
    ]  # fmt: skip
    assert prove(register) == {}
    assert register.note(partial(admin.purge, before=NOW + 4, now=NOW + 9)) == 0
    add(register, 1, 20)
    assert register.note(partial(admin.purge, before=NOW + 100, now=NOW + 100)) == 3  # the newest stays
    assert prove(register) == {}
    register.note(lambda tx: tx.run("DELETE FROM admin WHERE seq = 8"))
    assert prove(register) == {"admin-changed": 1}


def test_heads_that_were_kept(register: Register) -> None:
    add(register, 4)
    kept = [(one.seq, one.hash) for one in admin.newest(register.reader, 0, 9)]
    assert [admin.compare(register.reader, *head) for head in kept] == ["same"] * 4
    assert admin.compare(register.reader, 5, kept[0][1]) == "differs"
    register.note(partial(admin.purge, before=NOW + 3, now=NOW + 9))
    assert [admin.compare(register.reader, *head) for head in kept] == ["same", "purged", "purged", "purged"]
    register.note(lambda tx: tx.run("UPDATE admin SET hash = data WHERE seq = 4"))
    assert admin.compare(register.reader, *kept[0]) == "differs"


def test_many_at_once_make_one_chain(opening: Callable[[], Register]) -> None:
    def work() -> None:
        opened = opening()
        try:
            add(opened, 5)
        finally:
            opened.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    opened = opening()
    try:
        assert sorted(one.seq for one in admin.newest(opened.reader, 0, 99)) == list(range(1, 21))
        assert prove(opened) == {}
    finally:
        opened.close()


def test_what_fails_leaves_no_entry(register: Register) -> None:
    add(register, 1)

    def fails(tx: Tx) -> None:
        admin.append(tx, NOW, "x", "y", b"{}")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        register.note(fails)
    add(register, 1)
    assert [one.seq for one in admin.newest(register.reader, 0, 9)] == [2, 1]
    assert prove(register) == {}
