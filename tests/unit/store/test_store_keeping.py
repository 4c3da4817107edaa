"""The bodies that one state of a shard names are kept for its reader, whatever the worker removes meanwhile."""

import contextlib
import os
import shutil
import sqlite3
from functools import partial
from pathlib import Path

import pytest
from tests.support import stock

from hatoba import store
from hatoba.kit import ids
from hatoba.store import blobs, keeping, shard, sql
from hatoba.store.base import Files
from hatoba.store.settings import Settings


@pytest.fixture
def node(tmp_path: Path) -> Files:
    """A data folder with one shard of letters, five of them with large bodies."""
    home = Files(tmp_path / "node", Settings(inline=4096), blobs.Settings())
    store.prepare(home.data, 1)
    with home.shard(0, "test") as opened:
        stock.fill(opened)
    return home


def kept_of(node: Files) -> contextlib.AbstractContextManager[tuple[sql.Reader, keeping.Kept]]:
    return keeping.bodies(node.data, 0, node.large, partial(node.reader, 0))


def content(kept: keeping.Kept, name: str) -> bytes | None:
    pieces = kept.pieces(ids.number(name), name, 0)
    return None if pieces is None else b"".join(pieces)


def test_bodies_that_go_after_the_snapshot_are_kept(node: Files) -> None:
    folder = node.data / "blobs" / "0000"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with kept_of(node) as (_, kept):
        for path in folder.iterdir():
            path.unlink()
        assert {name: content(kept, name) for name in before} == before
    assert list(folder.parent.glob("kept-*")) == []


def test_a_body_that_came_and_went_in_between_is_asked_for_again(node: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """The row is in the first snapshot and its body is gone: the second snapshot has neither."""
    folder = node.data / "blobs" / "0000"
    victim = sorted(folder.iterdir())[0]
    rest = {path.name for path in folder.iterdir()} - {victim.name}
    links = keeping._link
    asked: list[Path] = []

    def late(source: Path, kept: Path) -> set[str]:
        asked.append(source)
        if len(asked) == 1:  # as if it were sealed after the first look
            hidden = victim.rename(folder.parent / "hidden")
            have = links(source, kept)
            hidden.rename(victim)
            return have
        if len(asked) == 2:  # and settled before the second
            victim.unlink()
        if len(asked) == 3:
            with contextlib.closing(sqlite3.connect(shard.database(node.data, 0))) as database, database:
                database.execute("DELETE FROM letter WHERE blob = ?", (victim.name,))
        return links(source, kept)

    monkeypatch.setattr(keeping, "_link", late)
    with kept_of(node) as (reader, kept):
        assert kept.missing == []
        assert all(content(kept, name) for name in rest)
        assert reader.rows("SELECT count(*) FROM letter WHERE blob <> ''") == [(4,)]
    assert len(asked) == 4


def test_what_a_killed_backup_kept_is_removed(node: Files) -> None:
    dead = node.data / "blobs" / "kept-0000-4194305"  # above every pid there can be
    dead.mkdir()
    with kept_of(node):
        assert not dead.exists()


def test_links_that_cannot_be_made_are_copies(node: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    folder = node.data / "blobs" / "0000"
    with kept_of(node) as (_, kept):
        assert {p.name: content(kept, p.name) for p in folder.iterdir()} == {
            p.name: p.read_bytes() for p in folder.iterdir()
        }
    shutil.rmtree(folder)
    with kept_of(node) as (_, kept):
        assert len(kept.missing) == 5
