"""One owner at a time: the lock, the lease, the orphans swept when a shard is opened."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hatoba.store import blobs, shard, spool, trouble
from hatoba.store.settings import Settings
from hatoba.store.shard import Shard

HOLD = """
import sys
from pathlib import Path
from hatoba.store.settings import Settings
from hatoba.store.shard import Shard
opened = Shard.open(Path(sys.argv[1]), 0, Settings())
print("open", flush=True)
sys.stdin.read()
"""


def test_another_process_is_named(data: Path, settings: Settings) -> None:
    path = str(Path(shard.__file__).parents[2])
    command = [sys.executable, "-c", HOLD, str(data)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env={"PYTHONPATH": path}) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(trouble.ShardTaken, match=f"process {other.pid}") as caught:
            Shard.open(data, 0, settings)
        assert caught.value.pid == other.pid
        with shard.reader(data, 0, settings) as reader:  # reading is free
            assert spool.count(reader) == 0
        other.kill()
    with Shard.open(data, 0, settings) as opened:  # the lock went with the process
        assert opened.epoch == 2


def test_the_lease(data: Path, settings: Settings) -> None:
    for epoch in (1, 2, 3):
        with Shard.open(data, 0, settings, owner=f"worker {epoch}") as opened, opened.reader() as reader:
            assert opened.epoch == epoch
            ((number, found, owner, at),) = reader.rows("SELECT * FROM shard")
            assert (number, found, owner) == (0, epoch, f"worker {epoch}")
            assert at > 1_700_000_000_000
    with Shard.open(data, 0, settings) as opened, opened.reader() as reader:
        assert reader.rows("SELECT owner FROM shard") == [(f"pid {os.getpid()}",)]


def test_a_failed_opening_gives_the_lock_back(data: Path, settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(trouble.WrongVersion, match="does not exist"):
        Shard.open(data, 7, settings)
    with pytest.raises(trouble.WrongVersion, match="does not exist"):
        shard.reader(data, 7, settings)
    path = shard.database(data, 0)
    kept = path.read_bytes()
    path.write_bytes(b"rubbish" * 5000)
    with pytest.raises(trouble.StoreTrouble) as caught:
        Shard.open(data, 0, settings)
    assert caught.value.kind == trouble.CORRUPT
    path.write_bytes(kept)
    Shard.open(data, 0, settings).close()


def test_a_lock_that_cannot_be_made(data: Path, settings: Settings) -> None:
    lock = shard.database(data, 0).with_suffix(".lock")
    lock.unlink()
    lock.mkdir()
    with pytest.raises(trouble.StoreTrouble, match="lock"):
        Shard.open(data, 0, settings)


async def test_orphans_are_swept(data: Path, settings: Settings, make: Any) -> None:
    opened = await asyncio.to_thread(Shard.open, data, 0, settings)
    await asyncio.gather(*(opened.writer.seal(make.seal(number, b"x" * 5000)) for number in (1, 2)))
    await asyncio.to_thread(opened.close)
    folder = opened.blobs.path
    (folder / blobs.name(9)).write_bytes(b"orphan")
    (folder / (blobs.name(8) + ".part")).write_bytes(b"draft")
    (folder / "README").write_text("not ours, left alone")
    again = await asyncio.to_thread(Shard.open, data, 0, settings)
    assert again.swept == 2
    assert {path.name for path in folder.iterdir()} == {blobs.name(1), blobs.name(2), "README"}
    await asyncio.to_thread(again.close)


@pytest.mark.parametrize("engine", ["sqlite"])
def test_how_the_file_is_set_up(opened: Shard) -> None:
    def pragmas(tx: Any) -> list[Any]:
        names = ("page_size", "journal_mode", "synchronous", "secure_delete", "auto_vacuum", "mmap_size")
        return [tx.rows(f"PRAGMA {name}")[0][0] for name in names]

    assert opened.write(pragmas) == [8192, "wal", 2, 0, 0, 0]
