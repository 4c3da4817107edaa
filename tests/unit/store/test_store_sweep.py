"""Where large bodies are looked for after the URL changed, what no row names, and the words of blobs.url."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import msgspec
import obstore
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs
from tests.support.object_server import SECRET, ObjectServer
from tests.support.object_shard import LARGE, PARTS, Opening, draft, fetched, sealed
from tests.support.wait import until

from hatoba.store import blobs, rows, trouble
from hatoba.store.blobs import settings as blob_settings
from hatoba.store.blobs import sweep
from hatoba.store.blobs.objects import Objects

# the URL changes


async def test_bodies_are_read_where_they_were_put(
    opening: Opening, make: Any, server: ObjectServer, tmp_path: Path
) -> None:
    """Folder, another folder, a bucket, another bucket, the folder again: five letters, all readable at the end."""
    other = f"file://{tmp_path}/big%20disk"
    moves: list[dict[str, Any]] = [
        {"url": ""},
        {"url": other},
        {"url": server.url, "former": (other,)},
        {"url": "s3://mail/second", "former": (server.url, other)},
        {"url": "", "former": ("s3://mail/second", server.url, other)},
    ]
    for number, move in enumerate(moves, 1):
        with opening(**move) as shard:
            await sealed(shard, make, number, LARGE + b"%d" % number)
            for earlier in range(1, number + 1):
                assert await fetched(shard, earlier) == LARGE + b"%d" % earlier
    assert (tmp_path / "big disk" / "0000" / blobs.name(2)).is_file()
    with opening(**moves[-1]) as shard:
        assert {1, 2, 5} <= shard.blobs.numbers()
        for number in range(1, 6):
            await fetched(shard, number)
        await shard.writer.settle(rows.Settle(gone=[1, 2, 3, 4, 5]))
        await asyncio.to_thread(until, lambda: server.keys() == [], "objects removed from a former place")
        assert not any(path.name != "README" for folder in shard.blobs.folders for path in folder.path.iterdir())


async def test_an_object_without_a_place_says_what_to_set(opening: Opening, make: Any) -> None:
    with opening() as shard:
        await sealed(shard, make, 1, LARGE)
    with opening(url="") as shard, pytest.raises(trouble.StoreTrouble, match=r"blobs\.former") as told:
        await fetched(shard, 1)
    assert not isinstance(told.value, trouble.BadRow)


# what nobody names


def orphan(server: ObjectServer, number: int, shard: str = "0000") -> str:
    key = f"{shard}/{blobs.name(number)}.{'0' * 64}"
    obstore.put(server.client, key, b"orphan")
    return key


async def test_the_sweep_takes_orphans_and_nothing_else(opening: Opening, server: ObjectServer, make: Any) -> None:
    with opening(grace=0.0) as shard:
        letter = (await sealed(shard, make, 1, LARGE)).letter
        waiting = draft(shard, 2, PARTS)  # a letter whose commit may come
        await asyncio.wrap_future(shard.blobs.finish(waiting))
        orphan(server, 3)
        stale = orphan(server, 1)  # the same letter, another content: an upload that was not the last
        elsewhere = orphan(server, 4, "0001")
        obstore.put(server.client, f"0000/{blobs.name(5)}.incoming", b"parts of a crash")
        obstore.put(server.client, "0000/notes.txt", b"an operator's")
        bucket = shard.blobs.buckets[0]
        assert await asyncio.to_thread(sweep.once, bucket, shard._bodies, 0.0) == 3
        kept = {f"0000/{letter.blob}", f"0000/{waiting.name}", elsewhere, "0000/notes.txt"}
        assert set(server.keys()) == kept
        assert stale not in kept
        assert await asyncio.to_thread(sweep.once, bucket, shard._bodies, 0.0) == 0
        waiting.discard()
        assert await asyncio.to_thread(sweep.once, bucket, shard._bodies, 3600.0) == 0, "younger than the grace"
        assert await asyncio.to_thread(sweep.once, bucket, shard._bodies, 0.0) == 1
        assert set(server.keys()) == kept - {f"0000/{waiting.name}"}


async def test_killed_between_upload_and_commit(opening: Opening, server: ObjectServer, make: Any) -> None:
    """The object is there, the row never came: a later run's thread removes it, not the other letter's."""
    with opening() as shard:
        stays = (await sealed(shard, make, 1, LARGE)).letter.blob
        lost = draft(shard, 2, PARTS)
        await asyncio.wrap_future(shard.blobs.finish(lost))
        assert len(server.keys()) == 2
    with opening(grace=0.0, sweep=0.05) as shard:
        await asyncio.to_thread(until, lambda: server.keys() == [f"0000/{stays}"], "the orphan swept")
        assert await fetched(shard, 1) == LARGE
        await shard.writer.settle(rows.Settle(gone=[1]))  # known by the sweep's listing alone: never read in this run
        await asyncio.to_thread(until, lambda: server.keys() == [], "the last object removed")


async def test_a_row_that_cannot_be_read_keeps_its_object(opening: Opening, server: ObjectServer, make: Any) -> None:
    with opening() as shard:
        await sealed(shard, make, 1, LARGE)
        await shard.writer.do(lambda tx: tx.run("UPDATE letter SET meta = ? WHERE id = 1", (b"{",)))
    with opening() as shard:
        assert await asyncio.to_thread(sweep.once, shard.blobs.buckets[0], shard._bodies, 0.0) == 0
    assert len(server.keys()) == 1


async def test_two_installations_on_one_prefix_sweep_nothing_of_each_other(
    opening: Opening, server: ObjectServer, make: Any, data: Path
) -> None:
    with opening(sweep=0.05) as shard:
        await sealed(shard, make, 1, LARGE)
        await asyncio.to_thread(until, lambda: shard.blobs.sweeps, "the prefix marked as ours")
    (data / "blobs" / "installation").write_text("another", encoding="ascii")
    with capture_logs() as logs, opening(sweep=0.05, grace=0.0) as shard:
        await shard.writer.do(lambda tx: tx.run("DELETE FROM letter"))
        seen = shard.blobs.sweeps
        await asyncio.to_thread(until, lambda: shard.blobs.sweeps > seen, "a round")
    assert len(server.keys()) == 1
    assert {line["event"] for line in logs} >= {"store.foreign"}


async def test_a_sweep_while_the_store_is_away_is_put_off(opening: Opening, server: ObjectServer, make: Any) -> None:
    server.down()
    try:
        with capture_logs() as logs, opening(sweep=0.05, timeout=0.2) as shard:
            await shard.writer.seal(make.seal(1, b"small"))  # opened all the same, and small mail goes on
            await asyncio.to_thread(until, lambda: shard.blobs.sweeps, "a round")
    finally:
        server.up()
    assert {line["event"] for line in logs} >= {"store.not swept"}
    assert SECRET not in repr(logs)


# words


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ftp://host/x", "write file:"),
        ("s3:bucket", "write file:"),
        ("file:relative", "absolute"),
        ("file://host/x", "absolute"),
        ("s3://key:secret@bucket/x", "do not belong"),
        ("s3://bucket/x?secret_access_key=hush", "does not belong"),
        ("s3://bucket/x?token=hush", "does not belong"),
    ],
)
def test_urls_that_cannot_work(url: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as told:
        blob_settings.place(url)
    assert "hush" not in str(told.value)
    assert "secret@" not in str(told.value)


@given(st.text(max_size=60))
def test_any_url_is_a_place_or_a_value_error(url: str) -> None:
    try:
        place = blob_settings.place(url)
    except ValueError:
        return
    assert bool(place.folder) != bool(place.scheme)


def test_the_url_carries_options(server: ObjectServer, large: blobs.Settings) -> None:
    url = f"{server.url}?endpoint={server.endpoint}&region=us-east-1"
    objects = Objects(blob_settings.place(url), msgspec.structs.replace(large, endpoint="", region=""))
    objects.put("0000/x", b"there")
    assert server.keys() == ["0000/x"]
    assert objects.name == server.url


def test_a_wrong_option_is_named_at_the_start(large: blobs.Settings) -> None:
    with pytest.raises(trouble.StoreTrouble, match=r"opening at s3://mail/x: .*nonsense"):
        Objects(blob_settings.place("s3://mail/x?nonsense=1"), large)


def test_workers_agree_on_the_name_of_the_installation(data: Path, large: blobs.Settings) -> None:
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda n=number: found.append(blobs.Depot(data, n, large)._home)) for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert len(found[0]) == 16
