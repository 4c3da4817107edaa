"""Backups, exports and verifications of a node whose large bodies are in an object store: the copy stands alone."""

import hashlib
import io
from pathlib import Path

import obstore
import pytest
from tests.support import stock
from tests.support.object_server import ObjectServer

from hatoba import store
from hatoba.app import verification
from hatoba.kit import ids
from hatoba.store import backup, blobs, export, exports, fill, restore, trouble, verify
from hatoba.store.base import Files
from hatoba.store.settings import Settings
from hatoba.store.sql import Tx

LARGE = stock.BODY + b"0123456789abcdef" * 4096
COUNT = 4


def quiet(text: str) -> None:
    """No progress."""


def identity(count: int) -> int:
    return stock.number(0, count)


@pytest.fixture
def node(tmp_path: Path, server: ObjectServer) -> Files:
    """One shard, four letters, their bodies as objects."""
    large = blobs.Settings(**server.settings())
    home = Files(tmp_path / "node", Settings(inline=4096), large)
    store.prepare(home.data, 1)
    with home.shard(0, "test") as opened:
        for count in range(COUNT):
            seal = stock.seal(identity(count), LARGE + bytes([count]))
            draft = opened.blobs.draft(identity(count))
            draft.append(LARGE + bytes([count]))
            opened.blobs.finish(draft).result(30)
            seal.draft, seal.letter.content = draft, None
            stock.put(opened, [seal])
    assert server.keys() == sorted(key(count) for count in range(COUNT))
    obstore.put(server.client, "owner", b"test")  # as the sweep does at its first round
    return home


def bodies_of(home: Files) -> dict[int, bytes]:
    """What a node without an object store has of the letters' bodies."""
    with home.reader(0) as reader:
        found = reader.rows("SELECT id, blob FROM letter ORDER BY id")
    assert all("." not in blob for _, blob in found)
    return {number: (home.data / "blobs" / "0000" / blob).read_bytes() for number, blob in found}


def wanted(*without: int) -> dict[int, bytes]:
    return {identity(n): LARGE + bytes([n]) for n in range(COUNT) if n not in without}


def key(count: int) -> str:
    return f"0000/{ids.text(identity(count))}.{hashlib.sha256(LARGE + bytes([count])).hexdigest()}"


def drop(server: ObjectServer, count: int) -> None:
    obstore.delete(server.client, [key(count)])


def end(count: int, tx: Tx) -> None:
    tx.run("DELETE FROM recipient WHERE letter = ?", (identity(count),))
    tx.run("DELETE FROM letter WHERE id = ?", (identity(count),))


def alone(tmp_path: Path, name: str) -> Files:
    return Files(tmp_path / name, Settings(inline=4096), blobs.Settings())


def test_a_backup_stands_alone(node: Files, server: ObjectServer, tmp_path: Path) -> None:
    manifest = backup.take(node, tmp_path / "b", "0.1.0", quiet)
    assert (manifest.parts[0].bodies, manifest.parts[0].missing) == (COUNT, [])
    server.down()
    again = alone(tmp_path, "again")
    restore.restore(again, tmp_path / "b", False, quiet)
    assert bodies_of(again) == wanted()
    with again.reader(0) as reader:
        assert next(verify.shards(again, verification.FORMS, quiet)).findings == []
        assert reader.rows("PRAGMA integrity_check") == [("ok",)]


def test_an_export_stands_alone(node: Files, tmp_path: Path) -> None:
    out = io.BytesIO()
    assert export.write(node, out.write, "0.1.0", quiet).missing == []
    again = alone(tmp_path, "again")
    fill.fill(again, exports.lines(io.BytesIO(out.getvalue())), quiet)
    assert bodies_of(again) == wanted()


def test_a_letter_that_ends_meanwhile_is_no_letter_of_the_copy(
    node: Files, server: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its object goes with it: there is nothing left to copy, and nothing to send either."""
    real = blobs.Depot.read
    ended: list[str] = []

    def late(self: blobs.Depot, name: str, octets: int, piece: int) -> object:
        if name in key(1) and name not in ended:  # another process settles it just now
            ended.append(name)
            with node.shard(0, "worker") as opened:
                opened.write(lambda tx: end(1, tx))
            drop(server, 1)
        return real(self, name, octets, piece)

    monkeypatch.setattr(blobs.Depot, "read", late)
    manifest = backup.take(node, tmp_path / "b", "0.1.0", quiet)
    assert ended
    assert (manifest.parts[0].counts["letter"], manifest.parts[0].missing) == (COUNT - 1, [])
    again = alone(tmp_path, "again")
    restore.restore(again, tmp_path / "b", False, quiet)
    assert bodies_of(again) == wanted(1)
    assert next(verify.shards(again, verification.FORMS, quiet)).findings == []
    ended.clear()
    out = io.BytesIO()
    export.write(node, out.write, "0.1.0", quiet)
    other = alone(tmp_path, "other")
    fill.fill(other, exports.lines(io.BytesIO(out.getvalue())), quiet)
    assert bodies_of(other) == wanted(1)


def test_a_store_that_is_away_is_no_damage(node: Files, server: ObjectServer, tmp_path: Path) -> None:
    server.down()
    with pytest.raises(trouble.StoreTrouble):
        backup.take(node, tmp_path / "b", "0.1.0", quiet)
    assert not (tmp_path / "b").exists()
    (report, *_) = verify.shards(node, verification.FORMS, quiet)
    assert [finding.kind for finding in report.findings] == ["table-unreadable"]


def test_objects_are_read_whole_and_their_hashes_proven(node: Files, server: ObjectServer) -> None:
    (report, *_) = verify.shards(node, verification.FORMS, quiet)
    assert (report.findings, report.checked["bodies"]) == ([], COUNT)
    obstore.put(server.client, key(0), (LARGE + b"\0").replace(b"0123", b"3210"))
    obstore.put(server.client, key(1), LARGE[:100])
    drop(server, 2)
    (report, *_) = verify.shards(node, verification.FORMS, quiet)
    assert {finding.kind: finding.count for finding in report.findings} == {
        "body-hash": 1, "body-length": 1, "body-missing": 1,
    }  # fmt: skip
