"""A change reaches whoever watches: in the process at once, in other workers by a word, else by the poll."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
import structlog

from hatoba.mailboxes.hub import Hub, Key

LOG = structlog.get_logger("test")
BOX = ("a@example.org", 7)


class Ear:
    """Counts what it hears."""

    def __init__(self) -> None:
        self.heard = asyncio.Event()
        self.times = 0

    def __call__(self) -> None:
        self.times += 1
        self.heard.set()


@pytest_asyncio.fixture
async def hubs() -> AsyncIterator[list[Hub]]:
    made: list[Hub] = []
    yield made
    for hub in made:
        hub.close()


def opened(hubs: list[Hub], folder: Path | None, name: str, look: object = None, poll: float = 60.0) -> Hub:
    hub = Hub(folder, name, look, poll=poll, log=LOG)  # type: ignore[arg-type] # the tests' own asking
    hub.open()
    hubs.append(hub)
    return hub


async def test_a_change_is_heard_in_the_process_at_once(hubs: list[Hub]) -> None:
    hub, ear, other = opened(hubs, None, "0"), Ear(), Ear()
    hub.watch(BOX, ear)
    hub.watch(("a@example.org", 8), other)
    hub.tell([(*BOX, 5)])
    assert (ear.times, other.times) == (1, 0)


async def test_who_left_hears_nothing(hubs: list[Hub]) -> None:
    hub, ear = opened(hubs, None, "0"), Ear()
    hub.watch(BOX, ear)
    hub.leave(BOX, ear)
    hub.tell([(*BOX, 5)])
    assert ear.times == 0
    assert hub.watched == 0


async def test_the_other_workers_hear_it_too(hubs: list[Hub], tmp_path: Path) -> None:
    one = opened(hubs, tmp_path, "0")
    two = opened(hubs, tmp_path, "1", poll=0.01)
    one._meet()
    ear = Ear()
    one.watch(BOX, ear)
    async with asyncio.timeout(5):
        while not two._others:
            await asyncio.sleep(0)
        two.tell([(*BOX, 5)])
        await ear.heard.wait()


async def test_a_worker_that_is_gone_and_rubbish_do_no_harm(hubs: list[Hub], tmp_path: Path) -> None:
    one = opened(hubs, tmp_path, "0")
    two = opened(hubs, tmp_path, "1")
    ear = Ear()
    one.watch(BOX, ear)
    (tmp_path / "mail-2.sock").touch()
    two._meet()
    two._send(b"\xc1 rubbish")
    two.tell([(*BOX, 5)])
    async with asyncio.timeout(5):
        await ear.heard.wait()


async def test_what_nobody_told_is_found_by_the_poll(hubs: list[Hub]) -> None:
    asked: list[list[Key]] = []

    async def look(keys: list[Key]) -> dict[Key, int]:
        asked.append(keys)
        return {BOX: 9}

    hub, ear = opened(hubs, None, "0", look, poll=0.01), Ear()
    hub.watch(BOX, ear, modseq=5)
    async with asyncio.timeout(5):
        await ear.heard.wait()
        seen = len(asked)
        while len(asked) < seen + 3:
            await asyncio.sleep(0)
    assert ear.times == 1  # the same MODSEQ is no news
    assert asked[0] == [BOX]


async def test_a_store_that_is_away_is_asked_again(hubs: list[Hub]) -> None:
    answers = iter([OSError("away"), None])

    async def look(keys: list[Key]) -> dict[Key, int]:
        error = next(answers, None)
        if error is not None:
            raise error
        return dict.fromkeys(keys, 9)

    hub, ear = opened(hubs, None, "0", look, poll=0.01), Ear()
    hub.watch(BOX, ear)
    async with asyncio.timeout(5):
        await ear.heard.wait()
    assert ear.times == 1


async def test_words_to_other_nodes_are_few_and_small_and_our_own_are_no_news(hubs: list[Hub]) -> None:
    one, two, words = opened(hubs, None, "0"), opened(hubs, None, "0"), list[bytes]()
    ear, own = Ear(), Ear()
    two.watch(BOX, ear)
    one.watch(BOX, own)
    one.reach(words.append)
    for number in range(400):
        one.tell([(BOX[0], number + 1, 5), (*BOX, number)])
    async with asyncio.timeout(5):
        while sum(map(len, words)) < 400 * len(BOX[0]):
            await asyncio.sleep(0.001)
    assert 1 < len(words) < 10
    assert max(map(len, words)) <= 5000
    heard = own.times
    for word in [*words, b"rubbish", b""]:
        two.hear(word)
        one.hear(word)
    assert ear.times == 1
    assert own.times == heard
