"""kill -9 of the IMAP door's process during APPEND, MOVE and EXPUNGE: no letter lost or half there, no UID used again.

HATOBA_CRASH_ROUNDS sets the rounds; the seed is printed and can be given as HATOBA_CRASH_SEED.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import re
import signal
from pathlib import Path

import pytest
from tests.support.imap_site import ImapClient, connected, letter
from tests.vectors import live_imap

pytestmark = pytest.mark.crash

SUBJECT = re.compile(rb"Subject: n(\d+)\r\n")


class Ledger:
    """What was asked for and what was answered with OK, by the letters' numbers."""

    def __init__(self) -> None:
        self.numbers = itertools.count(1)
        self.kept: dict[int, int] = {}  # appended with an OK, and nothing else asked for: number -> UID in INBOX
        self.asked: set[int] = set()  # an APPEND without an answer
        self.moving: set[int] = set()
        self.moved: set[int] = set()
        self.going: set[int] = set()
        self.gone: set[int] = set()
        self.uids: dict[tuple[bytes, int], int] = {}  # (box, UID) -> number: for ever

    def raw(self, number: int) -> bytes:
        return letter(f"n{number}", f"body of {number}\r\n" * (number % 50 + 1))


async def appends(client: ImapClient, ledger: Ledger) -> None:
    while True:
        number = next(ledger.numbers)
        ledger.asked.add(number)
        last = await client.append("INBOX", ledger.raw(number))
        found = re.search(rb"APPENDUID \d+ (\d+)", last)
        assert found is not None
        ledger.asked.discard(number)
        ledger.kept[number] = int(found[1])


async def moves(client: ImapClient, ledger: Ledger, chance: random.Random) -> None:
    await client.ok("SELECT INBOX")
    while True:
        chosen = chance.sample(sorted(ledger.kept), min(3, len(ledger.kept) // 3))
        if not chosen:
            await client.ok("NOOP")
            continue
        uids = ",".join(str(ledger.kept.pop(number)) for number in chosen)
        move = chance.random() < 0.6
        (ledger.moving if move else ledger.going).update(chosen)
        if move:
            await client.ok(f"UID MOVE {uids} Sent")
            ledger.moving.difference_update(chosen)
            ledger.moved.update(chosen)
        else:
            await client.ok(f"UID STORE {uids} +FLAGS.SILENT (\\Deleted)")
            await client.ok(f"UID EXPUNGE {uids}")
            ledger.going.difference_update(chosen)
            ledger.gone.update(chosen)


async def contents(client: ImapClient, box: str, ledger: Ledger) -> dict[int, int]:
    """number -> UID of the letters in a box, each looked at whole."""
    await client.ok(f"SELECT {box}")
    found: dict[int, int] = {}
    for answer in await client.ok("UID FETCH 1:* (UID BODY.PEEK[])"):
        line = re.match(rb"\* \d+ FETCH \(UID (\d+) BODY\[\] \{\d+\}\r\n(.*)\)\Z", answer, re.DOTALL)
        if line is None:
            continue
        uid, raw = int(line[1]), line[2]
        number = int(SUBJECT.search(raw)[1])  # type: ignore[index] # every letter of ours has it
        assert raw == ledger.raw(number), "half a letter"
        assert number not in found, "twice"
        found[number] = uid
        key = (box.encode(), uid)
        assert ledger.uids.setdefault(key, number) == number, "a UID was used again"
    return found


async def check(port: int, ledger: Ledger) -> None:
    async with connected(port, "alice") as client:
        inbox, sent = await contents(client, "INBOX", ledger), await contents(client, "Sent", ledger)
    assert not inbox.keys() & sent.keys()
    assert {number: inbox.get(number) for number in ledger.kept} == ledger.kept
    assert ledger.moved <= sent.keys()
    assert not ledger.gone & (inbox.keys() | sent.keys())
    assert ledger.moving <= inbox.keys() | sent.keys()
    ledger.moved |= ledger.moving & sent.keys()  # the next round begins with what is
    ledger.kept |= {number: uid for number, uid in inbox.items() if number not in ledger.going}
    ledger.moving, ledger.going, ledger.asked = set(), set(), set()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_what_was_answered_is_there_and_whole(tmp_path: Path) -> None:
    seed = int(os.environ.get("HATOBA_CRASH_SEED", random.randrange(1 << 32)))
    print(f"HATOBA_CRASH_SEED={seed}")  # noqa: T201 # shown when it fails
    chance, ledger = random.Random(seed), Ledger()
    for _ in range(int(os.environ.get("HATOBA_CRASH_ROUNDS", "3"))):
        process, port = live_imap.start(tmp_path / "data")
        try:
            await check(port, ledger)
            async with (
                connected(port, "alice") as one,
                connected(port, "alice") as two,
                connected(port, "alice") as three,
            ):
                work = [
                    asyncio.create_task(appends(one, ledger)), asyncio.create_task(appends(two, ledger)),
                    asyncio.create_task(moves(three, ledger, chance)),
                ]  # fmt: skip
                await asyncio.sleep(chance.uniform(0.5, 3.0))
                process.send_signal(signal.SIGKILL)
                ends = await asyncio.gather(*work, return_exceptions=True)
                assert all(isinstance(end, OSError | asyncio.IncompleteReadError) for end in ends), ends
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
    assert len(ledger.kept) + len(ledger.moved) > 5, "too little happened"
