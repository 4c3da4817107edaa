"""Maildirs in a backup: their readers move letters meanwhile, and what cannot be copied is never left out silently."""

import os
import shutil
from pathlib import Path

import pytest
from tests.support import stock

from hatoba import store
from hatoba.store import backup, blobs, bundle, restore, targets, trouble
from hatoba.store.base import Files
from hatoba.store.bundle import Writing
from hatoba.store.settings import Settings


def quiet(text: str) -> None:
    """No progress."""


@pytest.fixture
def node(tmp_path: Path) -> Files:
    """A shard and a Maildir with a letter."""
    home = Files(tmp_path / "node", Settings(inline=4096), blobs.Settings())
    store.prepare(home.data, 1)
    with home.shard(0, "test") as opened:
        stock.fill(opened)
    for name in ("tmp", "new", "cur"):
        (box(home) / name).mkdir(parents=True)
    (box(home) / "cur" / "1.x:2,S").write_bytes(b"Subject: kept")
    return home


def box(home: Files) -> Path:
    return home.data / "mail" / "b.example" / "carol"


def test_letters_that_their_reader_moves_meanwhile_are_kept(
    node: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the listing and the copying: from new to cur, and to another name as flags change; each comes once."""
    (box(node) / "cur" / "2.x:2,").write_bytes(b"flagged later")
    (box(node) / "new" / "3.x").write_bytes(b"read later")
    real = backup._copied
    asked: list[str] = []

    def copied(writing: Writing, data: Path, path: Path) -> bool:
        if not asked:
            (box(node) / "cur" / "2.x:2,").rename(box(node) / "cur" / "2.x:2,S")
            (box(node) / "new" / "3.x").rename(box(node) / "cur" / "3.x:2,S")
        asked.append(path.name)
        return real(writing, data, path)

    monkeypatch.setattr(backup, "_copied", copied)
    backup.take(node, tmp_path / "backup", "0.1.0", quiet)
    assert asked == ["1.x:2,S", "2.x:2,S", "3.x:2,S"]
    found = sorted(path.name for path in (tmp_path / "backup" / "mail").rglob("*.x*"))
    assert found == ["1.x:2,S", "2.x:2,S", "3.x:2,S"]
    manifest = bundle.read(tmp_path / "backup")
    assert manifest.files == len(list(bundle.entries(tmp_path / "backup", manifest)))


def test_a_letter_that_is_copied_and_then_moved_comes_once(
    node: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (box(node) / "new" / "3.x").write_bytes(b"read later")
    real = backup._copied

    def copied(writing: Writing, data: Path, path: Path) -> bool:
        done = real(writing, data, path)
        if path.name == "3.x":
            path.rename(box(node) / "cur" / "3.x:2,S")
        return done

    monkeypatch.setattr(backup, "_copied", copied)
    backup.take(node, tmp_path / "backup", "0.1.0", quiet)
    assert sorted(path.name for path in (tmp_path / "backup" / "mail").rglob("*.x*")) == ["1.x:2,S", "3.x"]


def test_links_are_told(node: Files, tmp_path: Path) -> None:
    said: list[str] = []
    link = node.data / "mail" / "away.example"
    link.symlink_to(tmp_path)
    backup.take(node, tmp_path / "backup", "0.1.0", said.append)
    assert [text for text in said if "is a link" in text] == [f"{link} is a link and not in the backup"]


def test_a_mailbox_that_cannot_be_read_ends_it(node: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.scandir

    def scandir(path: Path | int) -> object:
        if not isinstance(path, int) and Path(path).name == "carol":
            raise OSError(5, "Input/output error", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(trouble.StoreTrouble, match="Input/output error"):
        backup.take(node, tmp_path / "backup", "0.1.0", quiet)
    monkeypatch.undo()
    assert not list(tmp_path.glob("backup*"))


@pytest.mark.parametrize("inside", [False, True])
def test_databases_in_another_folder(node: Files, tmp_path: Path, inside: bool) -> None:
    """`database.url = "sqlite:///…"`: Maildirs and keys are the node's, and go back to it."""
    apart = tmp_path / "apart"
    (node.data / "mail").rename(apart.with_name("mail"))
    apart.mkdir()
    apart.with_name("mail").rename(apart / "mail")
    backup.take(node, tmp_path / "backup", "0.1.0", quiet, apart)
    data = tmp_path / "new" / "db" if inside else tmp_path / "db"
    other = Files(data, node.settings, node.large)
    (tmp_path / "new" / "run").mkdir(parents=True)
    restore.restore(other, tmp_path / "backup", False, quiet, tmp_path / "new")
    assert stock.everything(other) == stock.everything(node)
    assert (tmp_path / "new/mail/b.example/carol/cur/1.x:2,S").read_bytes() == b"Subject: kept"
    assert {path.name.partition("-")[0] for path in data.iterdir()} == {"blobs", "hatoba.db", "mailboxes", "shards"}
    with pytest.raises(targets.NotEmpty):
        restore.restore(other, tmp_path / "backup", False, quiet, tmp_path / "third")
    with pytest.raises(targets.NotEmpty):
        restore.restore(Files(tmp_path / "fourth", node.settings, node.large), tmp_path / "backup", False, quiet, apart)


def test_a_restore_that_failed_leaves_nothing(node: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full while files are copied: the folder is as empty as before."""
    place = tmp_path / "backup"
    backup.take(node, place, "0.1.0", quiet)
    other = Files(tmp_path / "other", node.settings, node.large)

    def full(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copy2", full)
    with pytest.raises(trouble.StoreTrouble) as caught:
        restore.restore(other, place, False, quiet)
    monkeypatch.undo()
    assert caught.value.kind == trouble.FULL
    assert list(other.data.iterdir()) == []
    restore.restore(other, place, False, quiet)
    assert stock.everything(other) == stock.everything(node)
