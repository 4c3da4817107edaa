"""Backup and restore of a data folder: one state of each database, every body that it names, or no backup at all."""

import contextlib
import os
import sqlite3
import threading
from functools import partial
from pathlib import Path

import msgspec
import pytest
from tests.support import stock

from hatoba import store
from hatoba.store import (
    backup,
    blobs,
    bundle,
    directory,
    restore,
    rows,
    shard,
    snapshot,
    sql,
    tables,
    targets,
    trouble,
)
from hatoba.store.base import Files
from hatoba.store.bundle import NoBackup, Writing
from hatoba.store.mailboxes.settings import Settings as MailSettings
from hatoba.store.mailboxes.tables import MAIL_REVISION
from hatoba.store.rows import DomainRow
from hatoba.store.settings import Settings


def quiet(text: str) -> None:
    """No progress."""


def files(data: Path) -> Files:
    return Files(data, Settings(inline=4096), blobs.Settings())


@pytest.fixture
def node(tmp_path: Path) -> Files:
    """A data folder with two shards, a directory, a Maildir and keys."""
    home = files(tmp_path / "node")
    store.prepare(home.data, 2, mailboxes=MailSettings(shards=1))
    for number in home.numbers():
        with home.shard(number, "test") as opened:
            stock.fill(opened)
    register = home.register()
    register.write(lambda tx: directory.put_domain(tx, DomainRow("b.example", "local", stock.NOW)))
    register.close()
    box = home.data / "mail" / "b.example" / "carol"
    for name in ("tmp", "new", "cur"):
        (box / name).mkdir(parents=True)
        (box / name / "1.x:2,S").write_bytes(b"Subject: kept\n\nin " + name.encode())
    os.utime(box / "cur" / "1.x:2,S", (1_000_000_000, 1_000_000_000))
    (home.data / "tls").mkdir()
    (home.data / "tls" / "self-signed.key").write_text("secret")
    return home


def take(node: Files, place: Path) -> bundle.Manifest:
    return backup.take(node, place, "0.1.0", quiet)


def put(place: Path, data: Path, hold: bool = False) -> bundle.Manifest:
    return restore.restore(files(data), place, hold, quiet)


def end(letter: int, tx: sql.Tx) -> None:
    """The letter has ended: its rows go together."""
    tx.run("DELETE FROM recipient WHERE letter = ?", (letter,))
    tx.run("DELETE FROM letter WHERE id = ?", (letter,))


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_there_and_back(node: Files, tmp_path: Path) -> None:
    place, data = tmp_path / "deep" / "backup", tmp_path / "again"
    manifest = take(node, place)
    assert {part.name: part.revision for part in manifest.parts} == {
        "shard 0000": tables.SHARD_REVISION,
        "shard 0001": tables.SHARD_REVISION,
        "mail shard 0000": MAIL_REVISION,
        "directory": tables.DIRECTORY_REVISION,
    }  # fmt: skip
    first = manifest.parts[0]
    assert (first.counts["letter"], first.counts["recipient"], first.bodies, first.missing) == (20, 30, 5, [])
    assert bundle.read(place) == manifest
    assert {path.stat().st_mode & 0o077 for path in (place, *place.rglob("*"))} == {0}
    put(place, data)
    assert stock.everything(files(data)) == stock.everything(node)
    assert stock.bodies(data) == stock.bodies(node.data)
    mail = tree(data / "mail")
    assert mail == {f"b.example/carol/{one}/1.x:2,S": f"Subject: kept\n\nin {one}".encode() for one in ("new", "cur")}
    assert (data / "mail/b.example/carol/cur/1.x:2,S").stat().st_mtime == 1_000_000_000
    assert tree(data / "tls") == {"self-signed.key": b"secret"}
    assert {path.stat().st_mode & 0o077 for path in data.rglob("*") if path.suffix != ".db-shm"} == {0}
    assert not (data / "restoring").exists()
    with files(data).shard(0, "test") as opened:
        assert opened.swept == 0  # every body has its row


def test_the_list_holds_every_file(node: Files, tmp_path: Path) -> None:
    manifest = take(node, tmp_path / "b")
    listed = {entry.path: entry for entry in bundle.entries(tmp_path / "b", manifest)}
    found = tree(tmp_path / "b")
    assert listed.keys() == found.keys() - {bundle.MANIFEST, bundle.LIST}
    assert all(listed[name].size == len(found[name]) for name in listed)
    assert (manifest.files, manifest.octets) == (len(listed), sum(entry.size for entry in listed.values()))
    assert list(bundle.damage(tmp_path / "b", manifest)) == []


def test_beside_a_writer_that_never_rests(node: Files, tmp_path: Path) -> None:
    """Letters with large bodies come and go while it is taken: what the copy names is in it."""
    ended = threading.Event()

    def work() -> None:
        with node.shard(1, "worker") as opened:
            count = 100
            while not ended.is_set():
                identity = stock.number(1, count)
                stock.put(opened, [stock.seal(identity, stock.BODY + b"x" * 5000)])
                if count % 2:
                    settled = stock.number(1, count - 1)
                    opened.write(partial(end, settled))
                    opened.blobs.remove(settled)
                count += 1

    worker = threading.Thread(target=work)
    worker.start()
    try:
        manifests = [take(node, tmp_path / f"b{n}") for n in range(5)]
    finally:
        ended.set()
        worker.join()
    for n, manifest in enumerate(manifests):
        assert [part.missing for part in manifest.parts] == [[], [], [], []]
        data = tmp_path / f"again{n}"
        put(tmp_path / f"b{n}", data)
        with contextlib.closing(sqlite3.connect(shard.database(data, 1))) as database:
            named = {f"0001/{name}" for (name,) in database.execute("SELECT blob FROM letter WHERE blob <> ''")}
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            orphans = "SELECT count(*) FROM recipient WHERE letter NOT IN (SELECT id FROM letter)"
            assert database.execute(orphans).fetchone() == (0,)
        assert {name for name in stock.bodies(data) if name.startswith("0001")} == named
    assert not list((node.data / "blobs").glob("kept-*"))


def test_a_body_that_is_lost_is_told(node: Files, tmp_path: Path) -> None:
    victim = next((node.data / "blobs" / "0001").iterdir())
    victim.unlink()
    manifest = take(node, tmp_path / "b")
    assert [part.missing for part in manifest.parts] == [[], [victim.name], [], []]


def test_a_folder_that_holds_something_is_refused(node: Files, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    take(node, tmp_path / "b")  # empty: that is fine
    before = tree(tmp_path / "b")
    with pytest.raises(NoBackup, match="not empty"):
        take(node, tmp_path / "b")
    assert tree(tmp_path / "b") == before
    with pytest.raises(trouble.StoreTrouble, match="nothing to back up"):
        backup.take(files(tmp_path / "none"), tmp_path / "c", "0.1.0", quiet)
    assert not (tmp_path / "c").exists()


def test_what_fails_leaves_nothing(node: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(snapshot, "copy", broken)
    (tmp_path / "b").mkdir()
    with pytest.raises(trouble.StoreTrouble, match="disk I/O error"):
        take(node, tmp_path / "b" / "c")
    assert list((tmp_path / "b").iterdir()) == []


def test_a_full_disk_is_told_before_anything_is_copied(
    node: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "b"
    take(node, place)
    monkeypatch.setattr(snapshot, "SPARE", 1 << 60)
    with pytest.raises(trouble.StoreTrouble, match="to spare") as caught:
        take(node, tmp_path / "c")
    assert caught.value.kind == trouble.FULL
    with pytest.raises(trouble.StoreTrouble, match="to spare"):
        put(place, tmp_path / "again")
    assert list((tmp_path / "again").iterdir()) == []


def test_a_backup_without_its_manifest_is_none(node: Files, tmp_path: Path) -> None:
    place = tmp_path / "b"
    take(node, place)
    (place / bundle.MANIFEST).unlink()
    with pytest.raises(NoBackup, match="never finished"):
        put(place, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_the_manifest_comes_last(node: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is cut off before the very end has no manifest: the list and the databases are synced before it."""
    synced: list[str] = []
    real = bundle.sync

    def note(path: Path) -> None:
        synced.append(path.name)
        assert (path.parent / bundle.MANIFEST).exists() == (path.name == bundle.MANIFEST)
        real(path)

    monkeypatch.setattr(bundle, "sync", note)
    take(node, tmp_path / "b")
    assert synced[-1] == bundle.MANIFEST
    assert {"0000.db", "0001.db", "hatoba.db", bundle.LIST} <= set(synced)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("shards/0000.db", "shards/0000.db is not what was written"),
        ("hatoba.db", "hatoba.db has 1 octets"),
        ("mail/b.example/carol/cur/1.x:2,S", "No such file"),
        (bundle.LIST, "files.jsonl is damaged"),
        (bundle.MANIFEST, "cannot be read"),
    ],
)
def test_a_damaged_backup_is_not_restored(node: Files, tmp_path: Path, name: str, said: str) -> None:
    place = tmp_path / "b"
    take(node, place)
    path = place / name
    if name.startswith("mail"):
        path.unlink()
    elif name == "hatoba.db":
        path.write_bytes(b"x")
    else:
        octets = bytearray(path.read_bytes())
        octets[len(octets) // 2] ^= 1
        octets[-2:] = b""
        path.write_bytes(octets + b"xx")
    with pytest.raises(NoBackup, match=said):
        put(place, tmp_path / "again")
    again = tmp_path / "again"
    assert not again.exists() or list(again.iterdir()) == []


def test_a_list_that_points_outside_is_refused(node: Files, tmp_path: Path) -> None:
    place = tmp_path / "b"
    manifest = take(node, place)
    entry = bundle.Entry("../evil", 0, "")
    (place / bundle.LIST).write_bytes(msgspec.json.encode(entry) + b"\n")
    manifest.list_sha256 = bundle.measure(place / bundle.LIST)[1]
    (place / bundle.MANIFEST).write_bytes(msgspec.json.encode(manifest))
    with pytest.raises(NoBackup, match="outside"):
        put(place, tmp_path / "again")


@pytest.mark.parametrize(("field", "value", "said"), [
    ("version", 2, "of version 2"), ("format", "other", "of version 1"),
])  # fmt: skip
def test_a_newer_form_is_refused(node: Files, tmp_path: Path, field: str, value: object, said: str) -> None:
    place = tmp_path / "b"
    take(node, place)
    known = msgspec.json.decode((place / bundle.MANIFEST).read_bytes())
    (place / bundle.MANIFEST).write_bytes(msgspec.json.encode(known | {field: value}))
    with pytest.raises(NoBackup, match=said):
        put(place, tmp_path / "again")


def test_a_newer_schema_is_refused(node: Files, tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(shard.database(node.data, 1))) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    take(node, tmp_path / "b")
    with pytest.raises(NoBackup, match="shard 0001 is at revision 9999"):
        put(tmp_path / "b", tmp_path / "again")


def test_a_data_folder_that_holds_something_is_refused(node: Files, tmp_path: Path) -> None:
    take(node, tmp_path / "b")
    before = tree(node.data)
    with pytest.raises(targets.NotEmpty, match="it has blobs"):
        put(tmp_path / "b", node.data)
    assert tree(node.data) == before
    young = tmp_path / "young"  # a folder that was only made, and an interrupted restore's rest
    for name in ("run", "mail", "tls", "restoring/shards"):
        (young / name).mkdir(parents=True)
    (young / "restoring" / "shards" / "0009.db").write_bytes(b"half")
    put(tmp_path / "b", young)
    assert shard.numbers(young) == [0, 1]


def test_half_a_node_is_not_started(node: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A restore that dies while it moves things into place, and what `hatoba run` does first."""
    take(node, tmp_path / "b")
    real = Path.rename

    def dies(self: Path, target: Path) -> Path:
        if self.name == directory.NAME:
            raise OSError(5, "Input/output error")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", dies)
    with pytest.raises(trouble.StoreTrouble, match="Input/output error"):
        put(tmp_path / "b", tmp_path / "again")
    monkeypatch.undo()
    with pytest.raises(trouble.StoreTrouble, match="may hold half a node"):
        store.prepare(tmp_path / "again", 2)
    with pytest.raises(targets.NotEmpty):
        put(tmp_path / "b", tmp_path / "again")


def test_a_restored_queue_can_be_held(node: Files, tmp_path: Path) -> None:
    take(node, tmp_path / "b")
    put(tmp_path / "b", tmp_path / "again", hold=True)
    states = {
        row[5]
        for part, found in stock.everything(files(tmp_path / "again")).items()
        if part != "directory"
        for row in found["recipient"]
    }
    assert states == {rows.HELD, rows.QUARANTINED}


def test_a_name_that_is_no_text_is_told(node: Files, tmp_path: Path) -> None:
    odd = os.fsdecode(b"odd-\xff")
    (node.data / "mail" / odd).write_bytes(b"")
    with pytest.raises(trouble.StoreTrouble, match="not UTF-8"):
        take(node, tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_a_letter_deleted_meanwhile_is_left_out(node: Files, tmp_path: Path) -> None:
    writing = Writing(tmp_path / "b", "0.1.0")
    assert writing.copy(node.data / "mail" / "gone", "mail/gone") is None
    writing.discard()
    assert not list(tmp_path.glob("b*"))
