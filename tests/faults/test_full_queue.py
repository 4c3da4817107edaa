"""A restart with a full queue: 50,000 letters (a million in `make faults`), a tenth of them due, ten thousand of them
under way when the node died: it takes mail at once, its memory does not grow with the queue, the due letters go out.
"""

import asyncio
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import deeds, post
from tests.support.collector import Collector
from tests.support.node import Node
from tests.support.wait import until
from tests.support.witness import SETTINGS, SINK, settle

from hatoba.kit import ids
from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Recipient
from hatoba.model.event import ACCEPTED, Event
from hatoba.store import rows, shard
from hatoba.store.settings import Settings

SITES, BATCH, UNDER_WAY = 500, 1000, 10_000
READY, FIRST = 15.0, 30.0  # seconds, on a slow shared machine: until it takes mail, until the first due letters are out
MEMORY = 160 << 20  # octets more than a node with an empty queue has, at most
BODY = b"Subject: one of many\r\n\r\n" + b"x" * 76 + b"\r\n"


def letters(count: int, now: int, port: int, chance: random.Random) -> Iterator[rows.Seal]:
    """A tenth goes to the living host, now or (the first of them) is on its way; the rest waits for dead sites."""
    numbers, envelope = ids.Numbers(0), Envelope(None, (Recipient(Address.parse(SINK)),))
    for n in range(count):
        made = deeds.seal(numbers.next(now - 3_600_000 + n // 4))
        letter, row = made.letter, made.rows[0]
        letter.envelope = envelope
        content = BODY.replace(b"many", b"many, id " + ids.text(letter.id).encode())
        letter.content, letter.size, letter.accepted, letter.expires = content, len(content), now, now + 432_000_000
        made.events[:] = [Event(letter.id, now, ACCEPTED)]
        if n % 10 == 0:
            row.site, row.next_at = f"smarthost:127.0.0.1:{port}", now
        else:
            row.site, row.next_at = f"mx:d{n % SITES}.example", now + chance.randrange(600_000, 14_400_000)
        row.address, row.domain = SINK, "sink.test"
        row.attempts = 1
        row.state = rows.ACTIVE if n % 10 == 0 and n // 10 < UNDER_WAY else rows.READY
        yield made


def fill(data: Path, made: Iterator[rows.Seal]) -> None:
    """Through the store's own writer, a thousand letters a commit."""

    async def pour(opened: shard.Shard) -> None:
        batch: list[asyncio.Future[None]] = []
        for seal in made:
            batch.append(opened.writer.seal(seal))
            if len(batch) == BATCH:
                await asyncio.gather(*batch)
                batch.clear()
        await asyncio.gather(*batch)

    with shard.Shard.open(data, 0, Settings()) as opened:
        asyncio.run(pour(opened))


def peak(pid: int) -> int:
    """The most memory a process had so far, in octets."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) << 10
    raise AssertionError("no VmHWM")


@pytest.mark.crash
def test_it_is_there_at_once(tmp_path: Path, chance: random.Random, long: bool) -> None:
    count = 1_000_000 if long else 50_000
    with Collector() as collector:
        node = Node(tmp_path, SETTINGS, workers=1, ports={"mx": 0}, sink=collector.port)
        settle(node)
        with node:
            empty = peak(node.workers()[0])
            node.kill()
        began = time.monotonic()
        fill(node.data, letters(count, time.time_ns() // 1_000_000, collector.port, chance))
        filled = time.monotonic() - began
        began = time.monotonic()
        with node:
            ready = time.monotonic() - began
            at_ready = peak(node.workers()[0])
            post.send(node.ports["mx"], "carol@example.org", SINK)
            answered = time.monotonic() - began - ready
            until(lambda: len(collector.ids()) >= 1000, "the due letters")
            first = time.monotonic() - began
            memory = peak(node.workers()[0])
            node.kill()
    print(  # noqa: T201  the figures of docs/reliability.md
        f"{count:,} letters (filled in {filled:.0f} s): takes mail after {ready:.1f} s, a new letter has its 250"
        f" {answered:.2f} s later, 1,000 due letters are out {first:.1f} s after the start; memory {empty >> 20} MiB"
        f" empty, {at_ready >> 20} MiB when ready, {memory >> 20} MiB at most"
    )
    assert ready < READY
    assert first < FIRST
    assert memory < empty + MEMORY
