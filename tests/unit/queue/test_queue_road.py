"""A letter's way: in, to its lane, delivered, deferred, failed, expired; what stands in the store after each."""

import asyncio

import pytest
from tests.support.queue_seam import OK, START, says, until
from tests.unit.queue.conftest import Make

from hatoba.delivery.site import Site
from hatoba.model.address import Address
from hatoba.model.envelope import Recipient
from hatoba.model.outcome import DEFERRED, DELIVERED, FAILED, Job, Outcome
from hatoba.model.status import Refusal, Status
from hatoba.queue.choice import Choice
from hatoba.store.rows import ACTIVE, HELD, READY


async def test_delivered_leaves_nothing_but_its_story(harbour: Make) -> None:
    h = await harbour()
    letter = await h.put("bob@a.example")
    await h.queue.settled()
    assert h.courier.taken == [(letter, (0,), 1)]
    assert h.rows() == []
    assert h.letters() == []
    assert h.events(letter) == ["accepted", "delivered"]
    assert h.queue.status().jobs == 0
    assert h.queue.status().contents == 0


async def test_the_attempt_is_on_disk_before_anything_is_dialled(harbour: Make) -> None:
    h = await harbour()
    h.courier.paused = True
    letter = await h.put("bob@a.example")
    assert h.rows() == [(letter, 0, "mx:a.example", ACTIVE, 1, 300)]
    h.courier.finish()


async def test_recipients_of_one_site_go_together(harbour: Make) -> None:
    h = await harbour()
    letter = await h.put("a@a.example", "b@b.example", "c@a.example")
    await h.queue.settled()
    assert sorted(h.courier.taken) == [(letter, (0, 2), 1), (letter, (1,), 1)]
    assert h.letters() == []


async def test_letter_stays_until_its_last_recipient_is_gone(harbour: Make) -> None:
    h = await harbour()
    h.courier.answers["mx:b.example"] = says(DEFERRED)
    letter = await h.put("a@a.example", "b@b.example")
    await h.queue.settled()
    assert h.rows() == [(letter, 1, "mx:b.example", READY, 1, 300)]
    assert h.letters() == [letter]
    h.courier.answers.clear()
    await h.turn(301)
    assert h.rows() == []
    assert h.letters() == []
    assert h.courier.delivered == [(letter, 0), (letter, 1)]


async def test_deferred_follows_the_schedule(harbour: Make) -> None:
    h = await harbour(first=100.0, factor=2.0, most=300.0)
    h.courier.answer = says(DEFERRED, reply="450 later")
    letter = await h.put("bob@a.example")
    await h.queue.settled()
    dues = [h.rows()[0][5]]
    for _ in range(3):
        await h.turn((START + dues[-1] * 1000 - h.clock.now) / 1000)
        dues.append(h.rows()[0][5])
    assert dues == [100, 300, 600, 900]
    assert [tries for _, _, tries in h.courier.taken] == [1, 2, 3, 4]
    assert h.events(letter) == ["accepted", *["deferred"] * 4]
    [shown] = await h.queue.admin.show(letter)
    assert (shown.last.code, shown.last.reply, shown.last.host) == ("4.2.0", "450 later", "peer.example")
    assert shown.binds == "waits for its time"


async def test_content_is_read_again_for_a_later_attempt(harbour: Make) -> None:
    h = await harbour()
    h.courier.answer = says(DEFERRED)
    await h.put("bob@a.example")
    await h.turn(301)
    assert len(h.courier.taken) == 2
    assert len(set(h.courier.bodies)) == 1
    assert h.courier.bodies[0] is not None


async def test_failed_writes_the_dsn_in_the_same_commit(harbour: Make) -> None:
    h = await harbour()
    h.courier.answers["mx:a.example"] = says(FAILED, reply="550 no such user")
    h.courier.answers["mx:sender.example"] = says(DEFERRED)
    letter = await h.put("bob@a.example")
    await h.queue.settled()
    [dsn] = h.letters()
    assert dsn != letter
    assert h.events(letter) == ["accepted", "failed", "bounced"]
    assert [row[:5] for row in h.rows()] == [(dsn, 0, "mx:sender.example", READY, 1)]


async def test_a_bounce_is_never_bounced(harbour: Make) -> None:
    h = await harbour()
    h.courier.answer = says(FAILED)
    letter = await h.put("bob@a.example", sender=None)
    await h.queue.settled()
    assert h.letters() == []
    assert h.events(letter) == ["accepted", "failed", "bounced"]


async def test_success_is_told_when_asked(harbour: Make) -> None:
    h = await harbour()
    h.courier.answers["mx:sender.example"] = says(DEFERRED)
    letter = h.letter("bob@a.example")
    asked = Recipient(Address("bob", "a.example"), "SUCCESS")
    letter.envelope = type(letter.envelope)(letter.envelope.sender, (asked,))
    await h.queue.enqueue(letter)
    await asyncio.sleep(0)
    await h.queue.settled()
    assert len(h.letters()) == 1
    assert h.events(letter.id) == ["accepted", "delivered"]


async def test_expired_after_its_last_try(harbour: Make) -> None:
    h = await harbour(expire=1000.0, first=400.0, delay_notice=0.0)
    h.courier.answers["mx:a.example"] = says(DEFERRED)
    letter = await h.put("bob@a.example")
    await h.turn(400)
    await h.turn(600)
    assert h.events(letter) == ["accepted", "deferred", "deferred", "expired", "bounced"]
    assert letter not in h.letters()


async def test_delay_is_told_once(harbour: Make) -> None:
    h = await harbour(delay_notice=1000.0, first=600.0, factor=1.0)
    h.courier.answers["mx:a.example"] = says(DEFERRED)
    letter = await h.put("bob@a.example")
    for _ in range(4):
        await h.turn(601)
    assert h.events(letter).count("delayed") == 1


async def test_unknown_route_is_asked_after_the_commit(harbour: Make) -> None:
    h = await harbour()
    answer: asyncio.Future[Site] = asyncio.get_running_loop().create_future()
    h.courier.routes["a.example"] = lambda: answer
    letter = await h.put("bob@a.example")
    assert h.rows() == [(letter, 0, "", ACTIVE, 1, 300)]
    assert h.queue.status().resolving == 1
    answer.set_result(h.courier.site("a.example"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await h.queue.settled()
    assert h.courier.delivered == [(letter, 0)]
    assert h.rows() == []


async def test_recipients_of_one_unknown_domain_go_together(harbour: Make) -> None:
    h = await harbour()

    async def later() -> Site:
        return h.courier.site("a.example")

    h.courier.routes["a.example"] = later
    letter = await h.put("a@a.example", "b@b.example", "c@a.example")
    await until(lambda: len(h.courier.taken) == 2)
    await h.queue.settled()
    assert sorted(h.courier.taken) == [(letter, (0, 2), 1), (letter, (1,), 1)]
    assert h.letters() == []
    assert h.queue.status().contents == 0


async def test_rows_without_a_lane_go_together_once_it_is_known(harbour: Make) -> None:
    h = await harbour()

    async def trouble() -> Site:
        raise Refusal(Status("4.4.3", "DNS trouble"))

    async def later() -> Site:
        return h.courier.site("a.example")

    h.courier.routes["a.example"] = trouble
    letter = await h.put("a@a.example", "b@a.example")
    await until(lambda: h.queue.status().resolving == 0)
    await h.queue.settled()
    assert [row[2:5] for row in h.rows()] == [("", READY, 1)] * 2
    h.courier.routes["a.example"] = later
    await h.turn(301)
    await until(lambda: h.courier.taken == [(letter, (0, 1), 2)])
    await h.queue.settled()
    assert h.letters() == []


async def test_a_filter_holds_one_of_those_that_asked_together(harbour: Make) -> None:
    h = await harbour()

    async def later() -> Site:
        return h.courier.site("a.example")

    h.courier.routes["a.example"] = later
    await h.queue.admin.hold_filter("f", Choice(site="mx:a.example", recipient="b@a.example"), "ops")
    letter = await h.put("a@a.example", "b@a.example", "c@a.example")
    await until(lambda: h.courier.taken == [(letter, (0, 2), 1)])
    await h.queue.settled()
    assert [(row[1], row[3]) for row in h.rows()] == [(1, HELD)]
    assert h.letters() == [letter]
    await h.queue.admin.release_filter("f", "ops")
    await h.turn(1)
    await until(lambda: h.letters() == [])
    assert h.queue.status().contents == 0


@pytest.mark.parametrize("late", [False, True])
async def test_no_way_there_bounces(harbour: Make, late: bool) -> None:
    h = await harbour()

    def refuse() -> Site:
        raise Refusal(Status("5.1.2", "No such domain"))

    async def later() -> Site:
        raise Refusal(Status("5.1.2", "No such domain"))

    h.courier.routes["a.example"] = later if late else refuse
    letter = await h.put("bob@a.example")
    await asyncio.sleep(0)
    await h.queue.settled()
    assert h.events(letter) == ["accepted", "failed", "bounced"]
    assert h.courier.taken[0][0] != letter  # the DSN


async def test_dns_trouble_defers_and_is_routed_anew(harbour: Make) -> None:
    h = await harbour()

    def refuse() -> Site:
        raise Refusal(Status("4.4.3", "DNS trouble"))

    h.courier.routes["a.example"] = refuse
    letter = await h.put("bob@a.example")
    await h.queue.settled()
    assert h.rows() == [(letter, 0, "", READY, 1, 300)]
    h.courier.routes.clear()
    await h.turn(301)
    await until(lambda: h.courier.delivered == [(letter, 0)])


async def test_a_bug_in_routing_defers_with_an_id(harbour: Make) -> None:
    h = await harbour()

    def broken() -> Site:
        raise ZeroDivisionError

    h.courier.routes["a.example"] = broken
    letter = await h.put("bob@a.example")
    await h.queue.settled()
    [shown] = await h.queue.admin.show(letter)
    assert shown.last.code == "4.3.0"
    assert "Internal error" in shown.last.text


async def test_a_bug_in_settling_defers_what_was_not_delivered(harbour: Make) -> None:
    h = await harbour()

    def odd(job: Job, n: int) -> Outcome:
        return Outcome(n, DELIVERED if n == 0 else "melted", OK)

    h.courier.answer = odd
    letter = await h.put("a@a.example", "b@a.example")
    await h.queue.settled()
    assert h.rows() == [(letter, 1, "mx:a.example", READY, 1, 300)]
    assert h.events(letter) == ["accepted", "delivered", "deferred"]


async def test_future_release_waits(harbour: Make) -> None:
    h = await harbour()
    letter = h.letter("bob@a.example")
    letter.envelope = type(letter.envelope)(
        letter.envelope.sender, letter.envelope.recipients, hold_until=START + 3_600_000
    )
    await h.queue.enqueue(letter)
    assert h.rows() == [(letter.id, 0, "", READY, 0, 3600)]
    await h.turn(3000)
    assert h.courier.taken == []
    await h.turn(601)
    await until(lambda: h.courier.delivered == [(letter.id, 0)])


async def test_deliver_by_returns_in_time(harbour: Make) -> None:
    h = await harbour()
    h.courier.answers["mx:a.example"] = says(DEFERRED)
    letter = h.letter("bob@a.example")
    letter.envelope = type(letter.envelope)(
        letter.envelope.sender, letter.envelope.recipients, deliver_by=START + 100_000, by_mode="R"
    )
    await h.queue.enqueue(letter)
    await asyncio.sleep(0)
    await h.queue.settled()
    assert h.rows()[0][5] == 100
    await h.turn(100)
    await until(lambda: letter.id not in h.letters())
    assert h.events(letter.id) == ["accepted", "deferred", "expired", "bounced"]


async def test_priority_goes_first(harbour: Make) -> None:
    h = await harbour()
    h.courier.hands = 0
    ids = []
    for priority in (0, 3, -2, 3):
        letter = h.letter("bob@a.example")
        letter.envelope = type(letter.envelope)(letter.envelope.sender, letter.envelope.recipients, priority=priority)
        await h.queue.enqueue(letter)
        ids.append(letter.id)
    await asyncio.sleep(0)
    h.courier.hands = 10
    h.courier.channels["mx:a.example"].wake()
    assert [x for x, _, _ in h.courier.taken] == [ids[1], ids[3], ids[0], ids[2]]


async def test_a_held_letter_is_not_in_the_way(harbour: Make) -> None:
    h = await harbour()
    await h.queue.admin.hold_lane("mx:a.example", "test", "because")
    letter = await h.put("bob@a.example")
    other = await h.put("bob@b.example")
    await h.queue.settled()
    assert [row[:4] for row in h.rows()] == [(letter, 0, "mx:a.example", HELD)]
    assert h.courier.delivered == [(other, 0)]
    assert h.events(letter) == ["accepted", "held"]
