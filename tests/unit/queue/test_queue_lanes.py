"""What a lane holds and what holds a lane: depth, budget, suspension of a site, hands that give back, the drain."""

import asyncio

from tests.support.queue_seam import says, until
from tests.unit.queue.conftest import Make

from hatoba.model.outcome import DEFERRED, DELIVERED
from hatoba.store.rows import ACTIVE, READY


async def test_over_the_depth_rows_wait_in_the_store_and_follow(harbour: Make) -> None:
    h = await harbour(lane_depth=8)
    h.courier.hands = 2
    h.courier.paused = True
    letters = [await h.put("bob@a.example") for _ in range(30)]
    assert h.queue.status().jobs == 8
    states = [row[3] for row in h.rows()]
    assert states.count(ACTIVE) == 8
    assert states.count(READY) == 22
    h.courier.paused = False
    h.courier.finish()
    for _ in range(8):
        await h.turn(1)
    assert sorted(x for x, _ in h.courier.delivered) == letters
    assert h.rows() == []
    assert len(h.courier.taken) == 30


async def test_older_rows_in_the_store_are_not_starved_by_fresh_letters(harbour: Make) -> None:
    h = await harbour(lane_depth=8)
    h.courier.hands = 1
    h.courier.paused = True
    old = [await h.put("bob@a.example") for _ in range(12)]
    for _ in range(40):
        await h.put("bob@a.example")
        h.courier.finish()
        await h.turn(1)
    assert {x for x, _ in h.courier.delivered} >= set(old)
    h.courier.paused = False
    h.courier.finish()


async def test_memory_is_bounded_over_all_lanes(harbour: Make) -> None:
    h = await harbour(memory_jobs=10, lane_depth=8)
    h.courier.hands = 0
    for i in range(40):
        await h.put(f"bob@d{i % 4}.example")
    assert h.queue.status().jobs <= 10 + 4
    h.courier.hands = 100
    for _ in range(20):
        await h.turn(1)
    assert len(h.courier.delivered) == 40


async def test_contents_over_the_budget_are_read_before_the_attempt(harbour: Make) -> None:
    h = await harbour(content_memory=100)
    h.courier.hands = 0
    for _ in range(10):
        await h.put("bob@a.example", "eve@b.example")
    assert h.queue.status().contents <= 100
    h.courier.hands = 5
    for channel in h.courier.channels.values():
        channel.wake()
    await until(lambda: len(h.courier.delivered) == 20)
    assert None not in h.courier.bodies
    await h.queue.settled()
    assert h.queue.status().contents == 0
    assert h.letters() == []


async def test_a_dead_site_costs_one_probe_each_time(harbour: Make) -> None:
    h = await harbour(site_first=60.0, delay_notice=0.0)
    h.courier.answer = says(DEFERRED, "site", "connection refused")
    h.courier.hands = 0
    for _ in range(20):
        await h.put("bob@a.example")
    h.courier.hands = 1
    h.courier.channels["mx:a.example"].wake()
    await h.queue.settled()
    assert len(h.courier.taken) == 1
    assert [row[3] for row in h.rows()] == [READY] * 20
    lane = h.queue.lane("mx:a.example")
    assert lane is not None
    assert lane.binds == "site suspended: connection refused"
    fresh = await h.put("bob@a.example")  # not even held in memory
    assert h.rows()[-1] == (fresh, 0, "mx:a.example", READY, 0, 60)
    await h.turn(61)
    assert len(h.courier.taken) == 2
    await h.turn(61)
    assert len(h.courier.taken) == 2  # the second suspension is longer
    for _ in range(6):
        await h.turn(3601)
    assert len(h.courier.taken) == 8
    h.courier.answer = says(DELIVERED)
    await h.turn(3601)
    for _ in range(5):
        await h.turn(1)
    assert len(h.courier.delivered) == 21
    assert h.rows() == []


async def test_one_failed_connection_among_good_ones_suspends_nobody(harbour: Make) -> None:
    h = await harbour()
    h.courier.paused = True
    for _ in range(3):
        await h.put("bob@a.example")
    channel = h.courier.channels["mx:a.example"]
    jobs, channel.busy = channel.busy, []
    channel.answer(jobs[0])
    h.courier.answer = says(DEFERRED, "site")
    channel.answer(jobs[1])
    lane = h.queue.lane("mx:a.example")
    assert lane is not None
    assert lane.failures == 0
    h.courier.answer = says(DELIVERED)
    channel.answer(jobs[2])
    await h.queue.settled()


async def test_given_back_goes_again_without_counting(harbour: Make) -> None:
    h = await harbour()
    h.courier.paused = True
    letter = await h.put("bob@a.example")
    channel = h.courier.channels["mx:a.example"]
    channel.give_back()
    h.courier.paused = False
    channel.wake()
    assert h.courier.taken == [(letter, (0,), 1), (letter, (0,), 1)]


async def test_drain_gives_everything_back_due_now(harbour: Make) -> None:
    h = await harbour()
    h.courier.hands = 1
    h.courier.paused = True
    first = await h.put("bob@a.example")
    others = [await h.put("bob@a.example", "eve@b.example") for _ in range(3)]
    await h.queue.drain(0.0)
    assert [row[3] for row in h.rows()] == [READY] * 7
    assert {row[4] for row in h.rows()} == {0}
    assert {row[5] for row in h.rows()} == {0}
    await asyncio.to_thread(h.shard.close)
    await h.open()
    h.courier.paused = False
    h.courier.hands = 10
    await h.turn(1)
    assert {x for x, _ in h.courier.delivered} == {first, *others}
    assert h.letters() == []


async def test_idle_lanes_are_forgotten(harbour: Make) -> None:
    h = await harbour(lane_idle=600.0)
    await h.put("bob@a.example")
    await h.queue.settled()
    assert [lane.site for lane in h.queue.lanes()] == ["mx:a.example"]
    await h.turn(700)
    assert h.queue.lanes() == []
    assert h.courier.channels["mx:a.example"].closed


async def test_letters_follow_their_domain_to_another_site(harbour: Make) -> None:
    h = await harbour()
    h.courier.answer = says(DEFERRED)
    letter = await h.put("bob@a.example")
    await h.queue.settled()
    h.courier.answer = says(DELIVERED)
    h.courier.routes["a.example"] = lambda: h.courier.site("b.example")
    await h.turn(301)
    assert h.courier.delivered == [(letter, 0)]
    assert h.queue.lane("mx:b.example") is not None


async def test_the_loop_runs_by_itself(harbour: Make) -> None:
    h = await harbour(poll=0.02, first=0.05)
    h.courier.answer = says(DEFERRED)
    await h.queue.start()
    letter = await h.put("bob@a.example")
    await h.queue.settled()
    h.courier.answer = says(DELIVERED)
    h.clock.forward(10)
    await until(lambda: h.courier.delivered == [(letter, 0)])


async def test_letters_that_follow_their_domain_to_a_full_lane_wait_there(harbour: Make) -> None:
    h = await harbour(lane_depth=1)
    h.courier.answer = says(DEFERRED)
    letter = await h.put("bob@a.example")
    await h.queue.settled()
    h.courier.hands = 0
    await h.put("eve@b.example")
    h.courier.routes["a.example"] = lambda: h.courier.site("b.example")
    await h.turn(301)
    assert h.rows()[0][:4] == (letter, 0, "mx:b.example", READY)
