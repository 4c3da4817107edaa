"""Large bodies in an object store: a real S3 server, with what can go wrong between it, the commit and the delivery."""

import asyncio
import hashlib
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import obstore
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs
from tests.support.object_server import SECRET, ObjectServer
from tests.support.wait import until

from hatoba.store import blobs, rows, spool, trouble
from hatoba.store.blobs import settings as blob_settings
from hatoba.store.blobs import sweep
from hatoba.store.blobs.objects import Objects
from hatoba.store.settings import Settings
from hatoba.store.shard import Shard

MB = 1 << 20
LARGE = b"Subject: x\r\n\r\n" + b"0123456789abcdef" * 1000
PARTS = secrets.token_bytes(12 * MB)  # two parts and a rest


@pytest.fixture(scope="module")
def served() -> Iterator[ObjectServer]:
    with ObjectServer() as server:
        yield server


@pytest.fixture
def server(served: ObjectServer) -> Iterator[ObjectServer]:
    """The server, empty again."""
    yield served
    served.resume()
    served.up()
    found = [entry["path"] for page in obstore.list(served.client) for entry in page]
    if found:
        obstore.delete(served.client, found)


@pytest.fixture
def large(server: ObjectServer) -> blobs.Settings:
    return blobs.Settings(**server.settings())


Opener = Callable[..., Any]


@pytest.fixture
def opening(data: Path, settings: Settings, large: blobs.Settings) -> Opener:
    """Opens the shard with its large bodies on the server; keywords change blobs.Settings."""

    @contextmanager
    def opened(**changes: Any) -> Iterator[Shard]:
        with Shard.open(data, 0, settings, large=msgspec.structs.replace(large, **changes)) as shard:
            yield shard

    return opened


def draft(shard: Shard, number: int, body: bytes, piece: int = 200_000) -> blobs.Draft:
    made = shard.blobs.draft(number)
    for at in range(0, len(body), piece):
        made.append(body[at : at + piece])
    return made


async def sealed(shard: Shard, make: Any, number: int, body: bytes) -> rows.Seal:
    """A letter sealed as the door does it: through a draft."""
    seal: rows.Seal = make.seal(number, body)
    seal.draft, seal.letter.content = draft(shard, number, body), None
    await shard.writer.seal(seal)
    return seal


def load(shard: Shard, number: int) -> Any:
    with shard.reader() as reader:
        return spool.load(reader, number)


def content(shard: Shard, number: int) -> bytes:
    return spool.content(shard.blobs, load(shard, number))


async def away(shard: Shard, call: Callable[[], bytes]) -> bytes:
    """In a thread, where reading may wait."""
    return await asyncio.to_thread(call)


def forget_copies(shard: Shard) -> None:
    for path in shard.blobs.path.iterdir():
        path.unlink()


# there and back


@pytest.mark.parametrize("body", [LARGE, PARTS[: 5 * MB], PARTS], ids=["one request", "one part", "parts"])
async def test_a_body_is_there_before_its_row_and_read_back(
    opening: Opener, server: ObjectServer, make: Any, body: bytes
) -> None:
    with opening() as shard:
        seal = await sealed(shard, make, 1, body)
        name = seal.letter.blob
        assert name == f"{blobs.name(1)}.{hashlib.sha256(body).hexdigest()}"
        assert server.keys() == [f"0000/{name}"]  # and no trace of parts
        assert load(shard, 1).blob == name
        forget_copies(shard)
        assert await asyncio.to_thread(content, shard, 1) == body
        assert list(shard.blobs.path.iterdir()) == []  # what was fetched for one reading is gone with it


async def test_the_first_reading_needs_no_server(opening: Opener, server: ObjectServer, make: Any) -> None:
    with opening() as shard:
        seal = await sealed(shard, make, 1, LARGE)
        server.down()
        try:
            assert shard.blobs.hold(seal.letter.blob)
            assert content(shard, 1) == LARGE  # on the loop, from the local copy
            shard.blobs.let_go(seal.letter.blob, True)
            await asyncio.to_thread(until, lambda: not list(shard.blobs.path.iterdir()), "the copy removed")
            assert not shard.blobs.hold(seal.letter.blob)
        finally:
            server.up()


async def test_what_is_not_at_hand_is_brought_and_held(opening: Opener, make: Any) -> None:
    with opening() as shard:
        name = (await sealed(shard, make, 1, PARTS)).letter.blob
        forget_copies(shard)
        with pytest.raises(trouble.StoreTrouble, match="brought first"):
            content(shard, 1)  # the loop never waits for another machine
        await asyncio.gather(*(asyncio.wrap_future(shard.blobs.bring(name, len(PARTS))) for _ in range(3)))
        for left in (2, 1):
            shard.blobs.let_go(name, True)
            assert content(shard, 1) == PARTS, f"{left} still hold it"
        shard.blobs.let_go(name, False)  # who did not hold it takes it from nobody
        assert content(shard, 1) == PARTS


async def test_content_without_a_draft_goes_there_too(opening: Opener, server: ObjectServer, make: Any) -> None:
    with opening() as shard:
        await shard.writer.seal(make.seal(1, LARGE))
        await shard.writer.seal(make.seal(2, b"small"))
        assert [key.partition(".")[0] for key in server.keys()] == [f"0000/{blobs.name(1)}"]
        assert content(shard, 1) == LARGE
        assert content(shard, 2) == b"small"


async def test_a_notice_of_ours_stays_in_its_row(opening: Opener, server: ObjectServer, make: Any) -> None:
    """It rides in a commit that must not wait for a network."""
    with opening() as shard:
        await shard.writer.settle(rows.Settle(seals=[make.seal(1, LARGE)]))
        assert server.keys() == []
        assert content(shard, 1) == LARGE


async def test_the_same_content_twice_is_two_objects(opening: Opener, server: ObjectServer, make: Any) -> None:
    """So the end of one letter can take nothing from the other, whenever it comes."""
    with opening() as shard:
        await asyncio.gather(*(sealed(shard, make, number, LARGE) for number in (1, 2)))
        assert len(server.keys()) == 2
        await shard.writer.settle(rows.Settle(gone=[1]))
        await asyncio.to_thread(until, lambda: len(server.keys()) == 1, "one object removed")
        forget_copies(shard)
        assert await asyncio.to_thread(content, shard, 2) == LARGE


async def test_a_letter_gone_after_a_restart_takes_its_object(opening: Opener, server: ObjectServer, make: Any) -> None:
    with opening() as shard:
        name = (await sealed(shard, make, 1, LARGE)).letter.blob
    with opening() as shard:
        await asyncio.wrap_future(shard.blobs.bring(name, len(LARGE)))  # as before its attempt
        await shard.writer.settle(rows.Settle(gone=[1]))
        await asyncio.to_thread(until, lambda: server.keys() == [], "the object removed")


async def test_small_letters_do_not_wait_for_a_large_one(opening: Opener, server: ObjectServer, make: Any) -> None:
    with opening(timeout=30.0) as shard:
        server.pause()
        slow = asyncio.ensure_future(sealed(shard, make, 1, LARGE))
        await asyncio.wait_for(shard.writer.seal(make.seal(2, b"small")), 5)
        assert not slow.done()
        server.resume()
        await slow
        assert content(shard, 1) == LARGE


# trouble on the way in


@pytest.mark.parametrize("body", [LARGE, PARTS], ids=["one request", "parts"])
@pytest.mark.parametrize("how", ["down", "pause"])
async def test_a_store_that_is_away_keeps_the_letter_with_its_peer(
    opening: Opener, server: ObjectServer, make: Any, body: bytes, how: str
) -> None:
    with opening(timeout=0.5, connect_timeout=0.5) as shard:
        getattr(server, how)()
        try:
            with pytest.raises(trouble.StoreTrouble) as told:
                await asyncio.wait_for(sealed(shard, make, 1, body), 15)
        finally:
            (server.up if how == "down" else server.resume)()
        assert told.value.kind == trouble.IO
        assert SECRET not in str(told.value)
        with pytest.raises(trouble.Gone):
            load(shard, 1)
        assert list(shard.blobs.path.iterdir()) == []
        await sealed(shard, make, 2, body)
        assert content(shard, 2) == body


async def test_a_store_away_for_some_parts_costs_nothing(opening: Opener, server: ObjectServer, make: Any) -> None:
    """What was sent in parts is given up, and the whole goes again from the local file."""
    body = PARTS * 3
    with opening(timeout=1.0, retries=0) as shard:
        made = draft(shard, 1, body[: 6 * MB])
        await asyncio.to_thread(until, lambda: made._upload._sent == 5 * MB, "the first part sent")  # type: ignore[attr-defined] # what is under test has no outside
        server.down()
        made.append(body[6 * MB :])
        await asyncio.to_thread(until, lambda: made._upload._broken, "parts given up", 20)  # type: ignore[attr-defined] # as above
        server.up()
        seal = make.seal(1, body)
        seal.draft, seal.letter.content = made, None
        await shard.writer.seal(seal)
        forget_copies(shard)
        assert await asyncio.to_thread(content, shard, 1) == body
        assert server.keys() == [f"0000/{seal.letter.blob}"]


async def test_a_draft_given_up_takes_its_parts_back(opening: Opener, server: ObjectServer) -> None:
    with opening() as shard:
        made = draft(shard, 1, PARTS)
        made.discard()
        await asyncio.to_thread(until, lambda: made._upload.done.done(), "the upload ended")  # type: ignore[attr-defined] # as above
        assert list(shard.blobs.path.iterdir()) == []
        assert server.keys() == []


async def test_who_gives_up_waiting_leaves_no_letter(opening: Opener, server: ObjectServer, make: Any) -> None:
    """Cancelled while the body is under way: a later item finds no row, and none comes after it."""
    with opening(timeout=30.0) as shard:
        server.pause()
        waiting = asyncio.ensure_future(sealed(shard, make, 1, LARGE))
        await asyncio.sleep(0)  # the draft is written and handed in
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        server.resume()
        await asyncio.to_thread(until, server.keys, "the object there")
        with pytest.raises(trouble.Gone):
            load(shard, 1)
        await asyncio.to_thread(until, lambda: not list(shard.blobs.path.iterdir()), "the local file removed", 10)
        with pytest.raises(trouble.Gone):
            load(shard, 1)


async def test_a_closed_shard_takes_no_large_letter(opening: Opener, make: Any) -> None:
    with opening() as shard:
        made = draft(shard, 1, LARGE)
    seal = make.seal(1, LARGE)
    seal.draft, seal.letter.content = made, None
    with pytest.raises(trouble.StoreTrouble, match="closed"):
        await shard.writer.seal(seal)


# trouble on the way out


async def test_a_store_that_is_away_puts_the_delivery_off(opening: Opener, server: ObjectServer, make: Any) -> None:
    with opening() as shard:
        name = (await sealed(shard, make, 1, LARGE)).letter.blob
        forget_copies(shard)
        server.down()
        with pytest.raises(trouble.StoreTrouble) as told:
            await asyncio.wrap_future(shard.blobs.bring(name, len(LARGE)))
        assert not isinstance(told.value, trouble.BadRow)
        server.up()
        await asyncio.wrap_future(shard.blobs.bring(name, len(LARGE)))
        assert content(shard, 1) == LARGE


def cut(server: ObjectServer, key: str) -> None:
    obstore.put(server.client, key, LARGE[:-1])


def grow(server: ObjectServer, key: str) -> None:
    obstore.put(server.client, key, LARGE + b"x")


def change(server: ObjectServer, key: str) -> None:
    obstore.put(server.client, key, b"X" + LARGE[1:])


def lose(server: ObjectServer, key: str) -> None:
    obstore.delete(server.client, key)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [(cut, "instead of"), (grow, "has more instead of"), (change, "other octets"), (lose, "missing")],
)
async def test_a_spoilt_object_is_told_of_and_never_delivered(
    opening: Opener, server: ObjectServer, make: Any, spoil: Callable[[ObjectServer, str], None], says: str
) -> None:
    with opening(sweep=0.05) as shard:
        await sealed(shard, make, 1, LARGE)
        await asyncio.to_thread(until, lambda: shard.blobs._sweeper.rounds, "the prefix marked as ours")
        forget_copies(shard)
        spoil(server, server.keys()[0])
        with pytest.raises(trouble.BadRow, match=says):
            await asyncio.to_thread(content, shard, 1)
        assert list(shard.blobs.path.iterdir()) == []


async def test_missing_in_a_place_that_is_not_there_is_temporary(opening: Opener, make: Any) -> None:
    """A wrong bucket must not have every large letter set aside."""
    with opening() as shard:
        await sealed(shard, make, 1, LARGE)
    with opening(url="s3://mail/elsewhere") as shard:
        with pytest.raises(trouble.StoreTrouble, match="not there") as told:
            await asyncio.to_thread(content, shard, 1)
        assert not isinstance(told.value, trouble.BadRow)


# the URL changes


async def test_bodies_are_read_where_they_were_put(
    opening: Opener, make: Any, server: ObjectServer, tmp_path: Path
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
                assert await asyncio.to_thread(content, shard, earlier) == LARGE + b"%d" % earlier
    assert (tmp_path / "big disk" / "0000" / blobs.name(2)).is_file()
    with opening(**moves[-1]) as shard:
        assert {1, 2, 5} <= shard.blobs.numbers()
        for number in range(1, 6):
            await asyncio.to_thread(content, shard, number)
        await shard.writer.settle(rows.Settle(gone=[1, 2, 3, 4, 5]))
        await asyncio.to_thread(until, lambda: server.keys() == [], "objects removed from a former place")
        assert not any(path.name != "README" for folder in shard.blobs.folders for path in folder.path.iterdir())


async def test_an_object_without_a_place_says_what_to_set(opening: Opener, make: Any) -> None:
    with opening() as shard:
        await sealed(shard, make, 1, LARGE)
    with opening(url="") as shard, pytest.raises(trouble.StoreTrouble, match=r"blobs\.former") as told:
        await asyncio.to_thread(content, shard, 1)
    assert not isinstance(told.value, trouble.BadRow)


# what nobody names


def orphan(server: ObjectServer, number: int, shard: str = "0000") -> str:
    key = f"{shard}/{blobs.name(number)}.{'0' * 64}"
    obstore.put(server.client, key, b"orphan")
    return key


async def test_the_sweep_takes_orphans_and_nothing_else(opening: Opener, server: ObjectServer, make: Any) -> None:
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


async def test_killed_between_upload_and_commit(opening: Opener, server: ObjectServer, make: Any) -> None:
    """The object is there, the row never came: the thread of a later run removes it, and not the letter's that stayed."""
    with opening() as shard:
        stays = (await sealed(shard, make, 1, LARGE)).letter.blob
        lost = draft(shard, 2, PARTS)
        await asyncio.wrap_future(shard.blobs.finish(lost))
        assert len(server.keys()) == 2
    with opening(grace=0.0, sweep=0.05) as shard:
        await asyncio.to_thread(until, lambda: server.keys() == [f"0000/{stays}"], "the orphan swept")
        assert await asyncio.to_thread(content, shard, 1) == LARGE
        await shard.writer.settle(rows.Settle(gone=[1]))  # known by the sweep's listing alone: never read in this run
        await asyncio.to_thread(until, lambda: server.keys() == [], "the last object removed")


async def test_a_row_that_cannot_be_read_keeps_its_object(opening: Opener, server: ObjectServer, make: Any) -> None:
    with opening() as shard:
        await sealed(shard, make, 1, LARGE)
        await shard.writer.do(lambda tx: tx.run("UPDATE letter SET meta = ? WHERE id = 1", (b"{",)))
    with opening() as shard:
        assert await asyncio.to_thread(sweep.once, shard.blobs.buckets[0], shard._bodies, 0.0) == 0
    assert len(server.keys()) == 1


async def test_two_installations_on_one_prefix_sweep_nothing_of_each_other(
    opening: Opener, server: ObjectServer, make: Any, data: Path
) -> None:
    with opening(sweep=0.05) as shard:
        await sealed(shard, make, 1, LARGE)
        await asyncio.to_thread(until, lambda: shard.blobs._sweeper.rounds, "the prefix marked as ours")
    (data / "blobs" / "installation").write_text("another", encoding="ascii")
    with capture_logs() as logs, opening(sweep=0.05, grace=0.0) as shard:
        await shard.writer.do(lambda tx: tx.run("DELETE FROM letter"))
        seen = shard.blobs._sweeper.rounds
        await asyncio.to_thread(until, lambda: shard.blobs._sweeper.rounds > seen, "a round")
    assert len(server.keys()) == 1
    assert {line["event"] for line in logs} >= {"store.foreign"}


async def test_a_sweep_while_the_store_is_away_is_put_off(opening: Opener, server: ObjectServer, make: Any) -> None:
    server.down()
    try:
        with capture_logs() as logs, opening(sweep=0.05, timeout=0.2) as shard:
            await shard.writer.seal(make.seal(1, b"small"))  # opened all the same, and small mail goes on
            await asyncio.to_thread(until, lambda: shard.blobs._sweeper.rounds, "a round")
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
    with pytest.raises(trouble.StoreTrouble, match="opening at s3://mail/x: .*nonsense"):
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
