"""Large bodies in an object store: a real S3 server, with what can go wrong between it, the commit and the delivery."""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any

import obstore
import pytest
from tests.support.object_server import SECRET, ObjectServer
from tests.support.object_shard import LARGE, MB, PARTS, Opening, content, draft, fetched, forget_copies, load, sealed
from tests.support.wait import until

from hatoba.store import blobs, rows, trouble

# there and back


@pytest.mark.parametrize("body", [LARGE, PARTS[: 5 * MB], PARTS], ids=["one request", "one part", "parts"])
async def test_a_body_is_there_before_its_row_and_read_back(
    opening: Opening, server: ObjectServer, make: Any, body: bytes
) -> None:
    with opening() as shard:
        seal = await sealed(shard, make, 1, body)
        name = seal.letter.blob
        assert name == f"{blobs.name(1)}.{hashlib.sha256(body).hexdigest()}"
        assert server.keys() == [f"0000/{name}"]  # and no trace of parts
        assert load(shard, 1).blob == name
        forget_copies(shard)
        assert await fetched(shard, 1) == body
        assert list(shard.blobs.path.iterdir()) == []  # what was fetched for one reading is gone with it


async def test_the_first_reading_needs_no_server(opening: Opening, server: ObjectServer, make: Any) -> None:
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


async def test_what_is_not_at_hand_is_brought_and_held(opening: Opening, make: Any) -> None:
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


async def test_content_without_a_draft_goes_there_too(opening: Opening, server: ObjectServer, make: Any) -> None:
    with opening() as shard:
        await shard.writer.seal(make.seal(1, LARGE))
        await shard.writer.seal(make.seal(2, b"small"))
        (key,) = server.keys()
        assert key.startswith(f"0000/{blobs.name(1)}.")
        assert content(shard, 1) == LARGE
        assert content(shard, 2) == b"small"


async def test_a_notice_of_ours_stays_in_its_row(opening: Opening, server: ObjectServer, make: Any) -> None:
    """It rides in a commit that must not wait for a network."""
    with opening() as shard:
        await shard.writer.settle(rows.Settle(seals=[make.seal(1, LARGE)]))
        assert server.keys() == []
        assert content(shard, 1) == LARGE


async def test_the_same_content_twice_is_two_objects(opening: Opening, server: ObjectServer, make: Any) -> None:
    """So the end of one letter can take nothing from the other, whenever it comes."""
    with opening() as shard:
        await asyncio.gather(*(sealed(shard, make, number, LARGE) for number in (1, 2)))
        assert len(server.keys()) == 2
        await shard.writer.settle(rows.Settle(gone=[1]))
        await asyncio.to_thread(until, lambda: len(server.keys()) == 1, "one object removed")
        forget_copies(shard)
        assert await fetched(shard, 2) == LARGE


async def test_a_letter_gone_after_a_restart_takes_its_object(
    opening: Opening, server: ObjectServer, make: Any
) -> None:
    with opening() as shard:
        name = (await sealed(shard, make, 1, LARGE)).letter.blob
    with opening() as shard:
        await asyncio.wrap_future(shard.blobs.bring(name, len(LARGE)))  # as before its attempt
        await shard.writer.settle(rows.Settle(gone=[1]))
        await asyncio.to_thread(until, lambda: server.keys() == [], "the object removed")


async def test_small_letters_do_not_wait_for_a_large_one(opening: Opening, server: ObjectServer, make: Any) -> None:
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
    opening: Opening, server: ObjectServer, make: Any, body: bytes, how: str
) -> None:
    with opening(timeout=0.5, connect_timeout=0.5) as shard:
        getattr(server, how)()
        try:
            with pytest.raises(trouble.StoreTrouble) as told:
                await asyncio.wait_for(sealed(shard, make, 1, body), 60)
        finally:
            (server.up if how == "down" else server.resume)()
        assert told.value.kind == trouble.IO
        assert SECRET not in str(told.value)
        with pytest.raises(trouble.Gone):
            load(shard, 1)
        assert list(shard.blobs.path.iterdir()) == []
    with opening(timeout=60.0) as shard:
        await sealed(shard, make, 2, body)
        assert content(shard, 2) == body


async def test_what_waited_too_long_for_its_turn_is_not_begun(
    opening: Opening, server: ObjectServer, make: Any
) -> None:
    """A store that fails slowly: the second letter is refused, not taken in when its client has gone."""
    with opening(threads=1, patience=0.3, timeout=1.0, retries=0) as shard:
        server.pause()
        results = await asyncio.gather(*(sealed(shard, make, n, LARGE) for n in (1, 2)), return_exceptions=True)
        server.resume()
        assert all(isinstance(one, trouble.StoreTrouble) for one in results)
        assert "too long for its turn" in str(results[1])
        assert await asyncio.to_thread(until, lambda: not list(shard.blobs.path.iterdir()), "nothing left")


async def test_a_store_away_for_some_parts_costs_nothing(opening: Opening, server: ObjectServer, make: Any) -> None:
    """What was sent in parts is given up, and the whole goes again from the local file."""
    body = PARTS * 3
    with opening(timeout=60.0, retries=0) as shard:
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
        assert await fetched(shard, 1) == body
        assert server.keys() == [f"0000/{seal.letter.blob}"]


async def test_a_draft_given_up_takes_its_parts_back(opening: Opening, server: ObjectServer) -> None:
    with opening() as shard:
        made = draft(shard, 1, PARTS)
        made.discard()
        await asyncio.to_thread(until, made._upload.done.done, "the upload ended")  # type: ignore[attr-defined] # as above
        assert list(shard.blobs.path.iterdir()) == []
        assert server.keys() == []


async def test_who_gives_up_waiting_leaves_no_letter(opening: Opening, server: ObjectServer, make: Any) -> None:
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


async def test_a_closed_shard_takes_no_large_letter(opening: Opening, make: Any) -> None:
    with opening() as shard:
        made = draft(shard, 1, LARGE)
    seal = make.seal(1, LARGE)
    seal.draft, seal.letter.content = made, None
    with pytest.raises(trouble.StoreTrouble, match="closed"):
        await shard.writer.seal(seal)


# trouble on the way out


async def test_a_store_that_is_away_puts_the_delivery_off(opening: Opening, server: ObjectServer, make: Any) -> None:
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
    opening: Opening, server: ObjectServer, make: Any, spoil: Callable[[ObjectServer, str], None], says: str
) -> None:
    with opening(sweep=0.05) as shard:
        await sealed(shard, make, 1, LARGE)
        await asyncio.to_thread(until, lambda: shard.blobs.sweeps, "the prefix marked as ours")
        forget_copies(shard)
        spoil(server, server.keys()[0])
        with pytest.raises(trouble.BadRow, match=says):
            await fetched(shard, 1)
        assert list(shard.blobs.path.iterdir()) == []


async def test_missing_in_a_place_that_is_not_there_is_temporary(opening: Opening, make: Any) -> None:
    """A wrong bucket must not have every large letter set aside."""
    with opening() as shard:
        await sealed(shard, make, 1, LARGE)
    with opening(url="s3://mail/elsewhere") as shard:
        with pytest.raises(trouble.StoreTrouble, match="not there") as told:
            await fetched(shard, 1)
        assert not isinstance(told.value, trouble.BadRow)
