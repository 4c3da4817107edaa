"""Orders of people: hold, release, retry, drop; for letters, lanes and filters; online, under way and offline."""

import asyncio
import itertools

import pytest
from tests.support.queue_seam import START, Harbour, says
from tests.unit.queue.conftest import Make

from hatoba.model.outcome import DEFERRED, DELIVERED
from hatoba.queue import admin as admin_
from hatoba.queue.choice import Choice
from hatoba.queue.settings import Settings
from hatoba.store.rows import HELD, READY


def _states(h: Harbour) -> dict[tuple[int, int], int]:
    return {(row[0], row[1]): row[3] for row in h.rows()}


async def test_hold_and_release_one_letter_out_of_memory(harbour: Make) -> None:
    h = await harbour()
    h.courier.hands = 0
    held, free = await h.put("bob@a.example", "eve@b.example"), await h.put("bob@a.example")
    done = await h.queue.admin.hold(Choice(letter=held), "ops", "look at it")
    assert (done.changed, done.under_way) == (2, 0)
    assert [state for (x, _), state in _states(h).items() if x == held] == [HELD, HELD]
    h.courier.hands = 10
    await h.turn(1)
    assert h.courier.delivered == [(free, 0)]
    await h.turn(10_000_000)  # held letters do not expire
    assert h.events(held) == ["accepted", "held"]
    await h.queue.admin.release(Choice(letter=held), "ops")
    await h.turn(1)
    assert sorted(h.courier.delivered) == [(held, 0), (held, 1), (free, 0)]
    assert h.letters() == []


async def test_hold_under_way_counts_when_the_attempt_ends(harbour: Make) -> None:
    h = await harbour()
    h.courier.paused = True
    stays, goes = await h.put("bob@a.example"), await h.put("bob@b.example")
    h.courier.answers["mx:a.example"] = says(DEFERRED)
    done = await h.queue.admin.hold(Choice(everything=True), "ops")
    assert (done.changed, done.under_way) == (0, 2)
    h.courier.finish()
    await h.queue.settled()
    assert _states(h) == {(stays, 0): HELD}
    assert h.events(stays) == ["accepted", "deferred", "held"]
    assert h.events(goes) == ["accepted", "delivered"]


async def test_retry_now_lifts_the_suspension(harbour: Make) -> None:
    h = await harbour()
    h.courier.answer = says(DEFERRED, "site", "refused")
    letter = await h.put("bob@a.example")
    await h.queue.settled()
    h.courier.answer = says(DELIVERED)
    done = await h.queue.admin.retry(Choice(site="mx:a.example"), "ops")
    assert done.changed == 1
    await h.turn(1)
    assert h.courier.delivered == [(letter, 0)]
    assert h.events(letter) == ["accepted", "deferred", "retried", "delivered"]


@pytest.mark.parametrize("tell", [False, True])
async def test_drop_with_and_without_telling(harbour: Make, tell: bool) -> None:
    h = await harbour()
    h.courier.hands = 0
    letter = await h.put("bob@a.example", "eve@b.example", "joe@a.example")
    await h.queue.admin.drop(Choice(recipient="bob@a.example"), "ops", "spam", tell=tell)
    assert (letter, 0) not in _states(h)
    assert letter in h.letters()
    await h.queue.admin.drop(Choice(letter=letter), "ops", tell=tell)
    assert letter not in h.letters()
    assert h.events(letter).count("dropped") == 2
    assert h.events(letter).count("bounced") == (2 if tell else 0)
    assert len(h.letters()) == (2 if tell else 0)


async def test_drop_under_way(harbour: Make) -> None:
    h = await harbour()
    h.courier.paused = True
    letter = await h.put("bob@a.example", "eve@b.example")
    h.courier.answer = says(DEFERRED)
    await h.queue.admin.drop(Choice(domain="a.example"), "ops")
    h.courier.finish()
    await h.queue.settled()
    assert list(_states(h)) == [(letter, 1)]
    assert h.events(letter) == ["accepted", "deferred", "dropped", "deferred"]


async def test_a_held_lane_holds_what_comes_and_survives_a_restart(harbour: Make) -> None:
    h = await harbour()
    await h.queue.admin.hold_lane("mx:a.example", "ops", "their request")
    first = await h.put("bob@a.example")
    await h.queue.drain(0.0)
    await asyncio.to_thread(h.shard.close)
    await h.open()
    second = await h.put("bob@a.example")
    await h.turn(1)
    assert set(_states(h).values()) == {HELD}
    [lane] = [one for one in await h.queue.admin.summary() if one.site == "mx:a.example"]
    assert (lane.held, lane.hold, lane.oldest) == (2, "their request", START)
    [shown] = await h.queue.admin.show(first)
    assert shown.binds == "held"
    await h.queue.admin.release_lane("mx:a.example", "ops")
    await h.turn(1)
    assert h.courier.delivered == [(first, 0), (second, 0)]


async def test_a_standing_filter(harbour: Make) -> None:
    h = await harbour()
    await h.queue.admin.hold_filter("alice", Choice(sender="alice@sender.example", domain="a.example"), "ops")
    held, free = await h.put("bob@a.example"), await h.put("bob@b.example")
    await h.queue.settled()
    assert _states(h) == {(held, 0): HELD}
    assert h.courier.delivered == [(free, 0)]
    await h.queue.admin.release(Choice(letter=held), "ops")  # one of them may go before the filter does
    await h.turn(1)
    assert (held, 0) in h.courier.delivered
    assert [one.name for one in await h.queue.admin.filters()] == ["alice"]
    await h.queue.admin.release_filter("alice", "ops")
    with pytest.raises(ValueError, match="alice"):
        await h.queue.admin.release_filter("alice", "ops")


async def test_choice_by_status_and_age(harbour: Make) -> None:
    h = await harbour()
    h.courier.answer = says(DEFERRED)
    old = await h.put("bob@a.example")
    h.clock.forward(10)
    young = await h.put("bob@a.example")
    await h.queue.settled()
    found = await h.queue.admin.find(Choice(status="4.2", older=START + 5000), 10)
    assert [one.row.letter for one in found] == [old]
    assert [one.row.letter for one in await h.queue.admin.find(Choice(everything=True), 10)] == [old, young]
    assert await h.queue.admin.find(Choice(status="4.20"), 10) == []


async def test_an_empty_choice_is_refused(harbour: Make) -> None:
    h = await harbour()
    for verb in (h.queue.admin.hold, h.queue.admin.release, h.queue.admin.retry, h.queue.admin.drop):
        with pytest.raises(ValueError, match="choose letters"):
            await verb(Choice(), "ops")


async def test_offline_orders_are_obeyed_by_the_next_run(harbour: Make) -> None:
    h = await harbour()
    h.courier.hands = 0
    dropped, held, goes = [await h.put("bob@a.example") for _ in range(3)]
    await h.queue.drain(0.0)
    await asyncio.to_thread(h.shard.close)
    ids = itertools.count(START << 21)
    with h.home().shard(0, "cli") as shard:
        offline = admin_.offline(Settings(), shard, hostname="x", new_id=lambda: next(ids), clock=h.clock)
        await offline.drop(Choice(letter=dropped), "cli:root", tell=True)
        await offline.hold(Choice(letter=held), "cli:root")
        assert [one.site for one in await offline.summary()] == ["", "mx:a.example"]
        assert [one.state for one in await offline.show(held)] == ["held"]
        offline.close()
    h.courier.hands = 10
    await h.open()
    await h.turn(1)
    assert {x for x, _ in h.courier.delivered} == {goes, START << 21}
    assert _states(h) == {(held, 0): HELD}
    assert READY not in _states(h).values()
