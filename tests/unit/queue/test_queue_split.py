"""A job that its channel parts: each part ends by itself, and the letter with the last of them."""

import pytest
from tests.support.queue_seam import says
from tests.unit.queue.conftest import Make

from hatoba.model.outcome import DEFERRED
from hatoba.store.rows import ACTIVE, READY

THREE = ("a@a.example", "b@a.example", "c@a.example")


@pytest.mark.parametrize("content_memory", [1 << 20, 0])
async def test_parts_end_one_by_one(content_memory: int, harbour: Make) -> None:
    h = await harbour(content_memory=content_memory)
    h.courier.paused = True
    letter = await h.put(*THREE)
    channel = h.courier.channels["mx:a.example"]
    if not channel.busy:  # its content was read first
        await h.turn(0)
    (job,) = channel.busy
    parts = channel.feed.split(job, [(0, 2), (1,)])
    assert [(part.letter.id, part.indexes, part.attempts) for part in parts] == [(letter, (0, 2), 1), (letter, (1,), 1)]
    assert all(part.letter.content for part in parts)
    assert h.queue.status().jobs == 2
    channel.busy = []
    channel.answer(parts[1])
    await h.queue.settled()
    assert [row[1] for row in h.rows()] == [0, 2]
    assert h.letters() == [letter]
    channel.answer(parts[0])
    await h.queue.settled()
    assert h.rows() == []
    assert h.letters() == []
    assert h.queue.status().jobs == 0
    assert h.queue.status().contents == 0


async def test_a_part_that_comes_back_goes_again(harbour: Make) -> None:
    h = await harbour()
    h.courier.paused = True
    letter = await h.put(*THREE)
    channel = h.courier.channels["mx:a.example"]
    (job,) = channel.busy
    first, second = channel.feed.split(job, [(0,), (1, 2)])
    channel.busy = []
    h.courier.answer = says(DEFERRED, "letter", "later")
    channel.answer(first)
    channel.feed.give_back(second)
    channel.wake()
    assert [each.indexes for each in channel.busy] == [(1, 2)]
    await h.queue.settled()
    assert [(row[1], row[3]) for row in h.rows()] == [(0, READY), (1, ACTIVE), (2, ACTIVE)]
    h.courier.answer = says("delivered")
    channel.finish()
    await h.queue.settled()
    assert [row[1] for row in h.rows()] == [0]
    assert h.letters() == [letter]


async def test_parts_of_a_letter_read_from_the_store(harbour: Make) -> None:
    """Their rows go with them."""
    h = await harbour(delay_notice=0.0)
    h.courier.answer = says(DEFERRED, "letter", "later")
    letter = await h.put(*THREE)
    await h.queue.settled()
    h.courier.paused = True
    await h.turn(7200)
    channel = h.courier.channels["mx:a.example"]
    (job,) = channel.busy
    assert job.attempts == 2
    parts = channel.feed.split(job, [(1,), (0, 2)])
    channel.busy = []
    h.courier.answer = says("delivered")
    for part in parts:
        channel.answer(part)
    await h.queue.settled()
    assert h.rows() == []
    assert h.events(letter).count("delivered") == 2
