"""Full, ill, locked and read-only disks: the items fail, the writer lives, and when the disk is well it goes on."""

import asyncio
import errno
import os
import resource
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from hatoba.store import blobs, rows, shard, spool, sql, sqlite, trouble
from hatoba.store.settings import Settings
from hatoba.store.shard import Shard


@pytest.fixture
def engine() -> str:
    return "sqlite"  # its files, its errors


def pragma(opened: Shard, text: str) -> None:
    opened.write(lambda tx: tx.rows(f"PRAGMA {text}"))


async def fails(opened: Shard, seal: rows.Seal) -> trouble.StoreTrouble:
    with pytest.raises(trouble.StoreTrouble) as caught:
        await opened.writer.seal(seal)
    return caught.value


def held(opened: Shard) -> int:
    with opened.reader() as reader:
        return spool.count(reader)


async def test_full(opened: Shard, make: Any) -> None:
    await opened.writer.seal(make.seal(1))
    await asyncio.to_thread(pragma, opened, "max_page_count=1")
    seals = [opened.writer.seal(make.seal(number, b"x" * 4000)) for number in range(2, 12)]
    error = (await asyncio.gather(*seals, return_exceptions=True))[-1]
    assert isinstance(error, trouble.StoreTrouble)
    assert error.kind == trouble.FULL
    assert error.disk
    troubles = [opened.writer.trouble]
    await opened.writer.seal(make.seal(99))  # the limit went with the connection: the disk is well again
    troubles.append(opened.writer.trouble)
    assert [one and one.kind for one in troubles] == [trouble.FULL, None]
    assert held(opened) == 1 + sum(seal.exception() is None for seal in seals) + 1


async def test_full_lets_settlements_through(opened: Shard, make: Any) -> None:
    """They free room; a batch that holds both must not fail them with the seals."""
    await asyncio.gather(*(opened.writer.seal(make.seal(number, b"x" * 4000)) for number in range(1, 21)))
    # a limit that comes back with every new connection, as a full disk would
    used = await opened.writer.do(lambda tx: int(tx.rows("PRAGMA page_count")[0][0]))
    connect = opened.writer._connect

    def small() -> sql.Link:
        link = connect()
        link.tx.rows(f"PRAGMA max_page_count={used}")
        return link

    opened.writer._connect = small
    opened.writer.trap = once(sqlite3.OperationalError("ends the old connection"))
    await fails(opened, make.seal(90))
    entered, leave = threading.Event(), threading.Event()

    def gate(_: object) -> None:
        entered.set()
        assert leave.wait(10)

    first = opened.writer.do(gate)
    await asyncio.to_thread(entered.wait)
    seals = [opened.writer.seal(make.seal(number, b"y" * 4000)) for number in range(100, 140)]
    settled = opened.writer.settle(rows.Settle(gone=[1]))
    leave.set()
    await asyncio.gather(first, settled)
    results = await asyncio.gather(*seals, return_exceptions=True)
    assert all(isinstance(result, trouble.StoreTrouble) and result.kind == trouble.FULL for result in results)
    assert held(opened) == 19


@contextmanager
def file_limit(octets: int) -> Iterator[None]:
    """No file of this process may grow past it: write(2) then fails with EFBIG, as real as ENOSPC."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_write_fails(opened: Shard, make: Any) -> None:
    await opened.writer.seal(make.seal(1))
    log = opened.path.with_name(opened.path.name + "-wal").stat().st_size
    with file_limit(log):
        error = await fails(opened, make.seal(2))
        assert error.kind in (trouble.IO, trouble.FULL)
        large = await fails(opened, make.seal(3, b"x" * (log + 100_000)))  # its body cannot be written either
        assert large.kind == trouble.FULL
        assert list(opened.blobs.path.iterdir()) == []
    await asyncio.gather(opened.writer.seal(make.seal(2)), opened.writer.seal(make.seal(3, b"x" * 100_000)))
    assert held(opened) == 3


async def test_locked(opened: Shard, make: Any) -> None:
    with closing(sqlite3.connect(opened.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert (await fails(opened, make.seal(1))).kind == trouble.LOCKED
        other.execute("ROLLBACK")
    await opened.writer.seal(make.seal(1))
    assert held(opened) == 1


async def test_read_only(opened: Shard, make: Any) -> None:
    await asyncio.to_thread(pragma, opened, "query_only=1")
    assert (await fails(opened, make.seal(1))).kind == trouble.READONLY
    await opened.writer.seal(make.seal(1))


def once(error: Exception, at: int = 1) -> Callable[[int], None]:
    """Raises at the `at`-th step from now on, then never again."""
    left = at

    def trap(_: int) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise error

    return trap


@pytest.mark.parametrize("step", range(1, 6))
async def test_failure_at_each_step_acknowledges_nothing(opened: Shard, make: Any, step: int) -> None:
    """Steps of a seal: BEGIN, letter, recipient, event, COMMIT."""
    old = opened.writer._link
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    opened.writer.trap = once(error, step)
    assert (await fails(opened, make.seal(1))).kind == trouble.IO
    assert held(opened) == 0
    await opened.writer.seal(make.seal(1))
    assert held(opened) == 1
    assert opened.writer._link is not old  # what the old connection believes is not to be trusted


async def test_a_disk_that_cannot_even_be_opened(opened: Shard, make: Any) -> None:
    moved = opened.path.with_suffix(".away")
    connect = opened.writer._connect

    def missing() -> sql.Link:
        raise trouble.StoreTrouble("gone", trouble.IO)

    opened.writer._connect = missing
    opened.writer.trap = once(OSError(errno.EIO, "Input/output error"))
    await fails(opened, make.seal(1))
    assert str(await fails(opened, make.seal(1))) == "gone"
    opened.writer._connect = connect
    await opened.writer.seal(make.seal(1))
    assert not moved.exists()


async def test_a_bug_in_the_writer_does_not_end_it(opened: Shard, make: Any) -> None:
    opened.writer.trap = once(ZeroDivisionError("ours"))
    assert "ZeroDivisionError" in str(await fails(opened, make.seal(1)))
    await opened.writer.seal(make.seal(1))


@pytest.mark.parametrize("step", [1, 2, 3])
async def test_a_body_that_cannot_be_synced_fails_its_letter(opened: Shard, make: Any, step: int) -> None:
    """Steps: fsync of the file, rename, fsync of the folder."""
    opened.writer.trap = once(OSError(errno.EIO, "Input/output error"), step)
    draft = opened.blobs.draft(1)
    draft.append(b"x" * 5000)
    seal = make.seal(1, b"x" * 5000)
    seal.draft = draft
    assert (await fails(opened, seal)).kind == trouble.IO
    assert list(opened.blobs.path.iterdir()) == []
    assert held(opened) == 0


def test_reading_says_what_is_wrong(data: Path, tmp_path: Path, settings: Settings) -> None:
    path = tmp_path / "rubbish.db"
    path.write_bytes(b"this is no database" * 1000)
    with pytest.raises(trouble.StoreTrouble) as caught:
        sqlite.reader(path)
    assert caught.value.kind == trouble.CORRUPT
    with pytest.raises(trouble.StoreTrouble) as caught:
        sqlite.connect(tmp_path / "no" / "such" / "folder.db")
    assert caught.value.kind == trouble.IO
    with pytest.raises(trouble.StoreTrouble):
        sqlite.reader(tmp_path / "missing.db")
    with shard.reader(data, 0, settings) as reader, pytest.raises(trouble.StoreTrouble):
        reader.rows("SELECT nothing FROM nowhere")


def test_errors_keep_their_kind() -> None:
    assert trouble.of(OSError(errno.ENOSPC, "full"), "x").kind == trouble.FULL
    assert trouble.of(OSError(errno.EROFS, "ro"), "x").kind == trouble.READONLY
    assert trouble.of(OSError("no number"), "x").kind == trouble.IO
    assert trouble.of(sqlite3.Error("no code"), "doing").kind == trouble.OTHER
    assert not trouble.BadRow(3, "bad").disk
    assert "0003" in str(trouble.ShardTaken(3, 0))
    assert blobs.name(3) == "0000000000003"
    assert Settings().inline == 1024 * 1024


async def test_what_the_log_held_at_opening_is_in_the_file_before_anything_is_taken(
    opened: Shard, make: Any, settings: Settings, tmp_path: Path
) -> None:
    """A log that only the page cache has: what a dead worker's failed fsync left must carry nothing new."""
    await asyncio.gather(*(opened.writer.seal(make.seal(number)) for number in range(1, 6)))
    image = Path(shutil.copytree(opened.path.parents[1], tmp_path / "dead"))  # as after kill -9: log and all
    path = shard.database(image, 0)
    with closing(sqlite3.connect(path)) as other:  # who has it open keeps the log from going at a close
        other.execute("SELECT count(*) FROM letter").fetchall()
        again = Shard.open(image, 0, settings)
        alone = Path(shutil.copytree(image, tmp_path / "alone", ignore=shutil.ignore_patterns("*-wal", "*-shm")))
        await asyncio.to_thread(again.close)
    with Shard.open(alone, 0, settings) as found:
        assert held(found) == 5


async def test_a_reader_in_the_log_does_not_keep_the_shard_closed(
    opened: Shard, make: Any, settings: Settings, tmp_path: Path
) -> None:
    await opened.writer.seal(make.seal(1))
    image = Path(shutil.copytree(opened.path.parents[1], tmp_path / "dead"))
    with closing(sqlite3.connect(shard.database(image, 0), isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM letter").fetchall()
        again = Shard.open(image, 0, settings)
        await again.writer.seal(make.seal(2))
        assert held(again) == 2
        await asyncio.to_thread(again.close)


async def test_a_body_stays_when_nobody_knows_whether_its_row_does(opened: Shard, make: Any) -> None:
    """COMMIT failed with an I/O error: the log may hold it and a restart read it. The next opening sweeps."""

    class Ill:
        """A connection whose COMMIT fails."""

        in_transaction = False

        def __init__(self, real: sqlite3.Connection) -> None:
            self.real = real

        def execute(self, text: str, *more: Any) -> Any:
            if text == "COMMIT":
                error = sqlite3.OperationalError("disk I/O error")
                error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
                raise error
            return self.real.execute(text, *more)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.real, name)

    link = opened.writer._link
    assert isinstance(link, sqlite.Link)
    link.connection = Ill(link.connection)  # type: ignore[assignment]  # stands in for a disk
    assert (await fails(opened, make.seal(1, b"x" * 9000))).kind == trouble.IO
    assert [path.name for path in opened.blobs.path.iterdir()] == [blobs.name(1)]
    await opened.writer.seal(make.seal(2))
    assert held(opened) == 1


def test_an_fsync_that_failed_is_not_asked_again(opened: Shard, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel says well to the second one, and the octets are gone."""
    draft = opened.blobs.draft(1)
    draft.append(b"x" * 5000)
    sync = os.fsync
    answers = iter([OSError(errno.ENOSPC, "No space left on device")])

    def once_full(descriptor: int) -> None:
        for error in answers:
            raise error
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", once_full)
    for _ in range(2):
        with pytest.raises(trouble.StoreTrouble) as caught:
            draft.sync()
        assert caught.value.kind == trouble.FULL
    draft.discard()
