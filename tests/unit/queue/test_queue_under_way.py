"""Orders and reminders that meet a letter between two places: found by the simulation, told here in few lines."""

import asyncio
from collections.abc import Awaitable, Callable

from tests.support.queue_seam import Harbour, says, until

from hatoba.delivery.site import Site
from hatoba.model.event import DELAYED, DROPPED, HELD
from hatoba.model.outcome import DEFERRED
from hatoba.queue.choice import Choice
from hatoba.store import rows

Make = Callable[..., Awaitable[Harbour]]


async def _asked(h: Harbour) -> "asyncio.Future[Site]":
    route: asyncio.Future[Site] = asyncio.get_running_loop().create_future()
    h.courier.routes["slow.example"] = lambda: route
    return route


async def test_a_reminder_leaves_each_recipient_in_its_own_lane(harbour: Make) -> None:
    h = await harbour(first=30_000.0, most=30_000.0, delay_notice=100.0)
    h.courier.answers = {f"mx:{one}.example": says(DEFERRED) for one in "ab"}
    letter = await h.put("u@a.example", "u@b.example")
    await h.quiet()
    before = [row for row in h.rows() if row[0] == letter]
    assert [row[2] for row in before] == ["mx:a.example", "mx:b.example"]
    await h.turn(200)
    assert DELAYED in h.events(letter)
    assert [row for row in h.rows() if row[0] == letter] == before


async def test_a_letter_held_while_its_route_is_asked_for_does_not_go(harbour: Make) -> None:
    h = await harbour()
    route = await _asked(h)
    letter = await h.put("u@slow.example")
    await h.queue.admin.hold(Choice(letter=letter), "me")
    route.set_result(h.courier.site("slow.example"))
    await asyncio.sleep(0)
    await h.turn()
    assert h.courier.taken == []
    assert [row[3] for row in h.rows()] == [rows.HELD]
    assert HELD in h.events(letter)


async def test_a_letter_released_while_its_route_is_asked_for_goes(harbour: Make) -> None:
    h = await harbour()
    route = await _asked(h)
    letter = await h.put("u@slow.example")
    await h.queue.admin.hold(Choice(letter=letter), "me")
    await h.queue.admin.release(Choice(letter=letter), "me")
    route.set_result(h.courier.site("slow.example"))
    await h.turn()
    assert h.courier.delivered == [(letter, 0)]


async def test_a_job_given_back_after_a_drop_is_gone(harbour: Make) -> None:
    h = await harbour()
    h.courier.paused = True
    letter = await h.put("u@a.example")
    done = await h.queue.admin.drop(Choice(letter=letter), "me", tell=True)
    assert done.under_way == 1
    h.courier.channels["mx:a.example"].give_back()
    await h.quiet()
    assert DROPPED in h.events(letter)
    assert letter not in h.letters()
    assert len(h.courier.taken) == 2  # the letter once, and the notice to its sender


async def test_a_letter_whose_client_left_is_found_when_the_disk_is_well_again(harbour: Make) -> None:
    h = await harbour()
    writer, failed = h.shard.writer, list[int]()
    before = writer.commits

    def trap(step: int) -> None:
        if writer.commits > before and not failed:  # the commit behind that of the letter
            failed.append(step)
            raise OSError(5, "Input/output error")

    writer.trap = trap
    h.queue.enqueue(h.letter("u@a.example")).cancel()
    await until(lambda: bool(failed) and bool(h.courier.delivered))
    assert len(h.courier.delivered) == 1
    await h.queue.settled()
    assert h.rows() == []
