"""A clock that jumps by a day, forth and back, under a queue at work and between two lives: no storm, no stall.

The queue, its shard and its retries are real; the clock is the number they are given. A letter that is always deferred
is tried by its schedule; however the clock jumps, each is tried at most once more than that, and never left waiting
longer than the longest wait. What waits for a time its sender named (FUTURERELEASE) goes not before it.
"""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from tests.support.queue_seam import Harbour, says

from hatoba.model.outcome import DEFERRED

DAY, STEP, HOUR = 86_400, 20, 3_600  # seconds
LETTERS, MOST = 40, 600
JUMPS = {"forth and back": [DAY, -DAY], "back and forth": [-DAY, DAY]}


class Clocked(Harbour):
    """`dead`: the letters to a site that answers nobody."""

    dead: frozenset[int] = frozenset()

    async def fill(self) -> None:
        for _ in range(LETTERS):
            await self.put("bob@slow.example")
        self.dead = frozenset([await self.put("bob@dead.example") for _ in range(LETTERS // 4)])
        await self.turn()

    async def jump(self, seconds: int, again: bool) -> None:
        """The clock jumps, while nobody runs if `again`: a life ends before and another begins after."""
        if again:
            await self.crash()
        self.clock.forward(seconds)
        if again:
            await self.open()


@pytest_asyncio.fixture
async def harbour(tmp_path: Path) -> AsyncIterator[Clocked]:
    made = Clocked(
        tmp_path, first=60.0, factor=2.0, most=float(MOST), site_first=60.0, site_most=float(MOST), delay_notice=0.0
    )
    made.courier.answer = says(DEFERRED)
    made.courier.answers["mx:dead.example"] = says(DEFERRED, "site")
    yield await made.open()
    await made.close()


async def live(h: Clocked, seconds: int) -> dict[str, list[int]]:
    """Turns for so long: how often each letter was tried, how often the dead site, the longest time without a try."""
    h.courier.taken.clear()
    worst = quiet = 0
    for _ in range(seconds // STEP):
        before = len(h.courier.taken)
        await h.turn(STEP)
        quiet = 0 if len(h.courier.taken) > before else quiet + STEP
        worst = max(worst, quiet)
    tried = Counter(number for number, _, _ in h.courier.taken)
    dead = h.dead  # its letters are told of together, by one probe
    tries = sorted(times for number, times in tried.items() if number not in dead)
    return {"tries": tries, "probes": [sum(tried[number] for number in dead)], "silence": [worst]}


@pytest.mark.parametrize("again", [False, True], ids=["running", "between lives"])
@pytest.mark.parametrize("jumps", JUMPS.values(), ids=JUMPS.keys())
async def test_neither_storm_nor_stall(harbour: Clocked, jumps: list[int], again: bool) -> None:
    h = harbour
    await h.fill()
    await live(h, HOUR)
    await h.jump(0, again)
    usual = await live(h, HOUR)
    storms = stalls = 0
    for jump in jumps:
        await h.jump(jump, again)
        found = await live(h, HOUR)
        assert len(found["tries"]) == LETTERS, f"{LETTERS - len(found['tries'])} letters were not tried for an hour"
        assert found["probes"][0] >= 1, "the dead site was not tried for an hour"
        for what in ("tries", "probes"):  # one more for the jump, one for the edge of the hour
            storms += found[what][-1] > usual[what][-1] + 2
        stalls += found["silence"][0] > MOST + STEP
    print(  # noqa: T201  the figures of docs/reliability.md
        f"{LETTERS} letters, jumps {jumps}: {storms} storms, {stalls} stalls; tries an hour: usual"
        f" {usual['tries'][0]}-{usual['tries'][-1]}, after the last jump {found['tries'][0]}-{found['tries'][-1]}"
    )
    assert (storms, stalls) == (0, 0)
    assert len(h.letters()) == LETTERS + LETTERS // 4


@pytest.mark.parametrize("again", [False, True], ids=["running", "between lives"])
async def test_a_time_that_was_named_is_kept(harbour: Clocked, again: bool) -> None:
    h = harbour
    letter = h.letter("bob@good.example")
    letter.envelope = msgspec.structs.replace(letter.envelope, hold_until=h.clock() + 2 * HOUR * 1000)
    await h.queue.enqueue(letter)
    await h.put("bob@slow.example")
    await live(h, HOUR)
    for jump in (-DAY, DAY):
        await h.jump(jump, again)
        await h.turn()
        assert letter.id not in {number for number, _, _ in h.courier.taken}
        assert letter.id in h.letters()
    await live(h, HOUR + 60)
    assert letter.id in {number for number, _, _ in h.courier.taken}
