"""A shard whose large bodies go to the test's own object server, and the steps that tests of it share.

Used by tests/unit/store. Letters are sealed as the door does it: through a draft, a piece at a time.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from hatoba.store import blobs, rows, spool
from hatoba.store.shard import Shard

MB = 1 << 20
LARGE = b"Subject: x\r\n\r\n" + b"0123456789abcdef" * 1000
PARTS = bytes(range(251)) * (12 * MB // 251 + 1)  # two parts and a rest

Opening = Callable[..., AbstractContextManager[Shard]]


def draft(shard: Shard, number: int, body: bytes, piece: int = 200_000) -> blobs.Draft:
    made = shard.blobs.draft(number)
    for at in range(0, len(body), piece):
        made.append(body[at : at + piece])
    return made


async def sealed(shard: Shard, make: Any, number: int, body: bytes) -> rows.Seal:
    seal: rows.Seal = make.seal(number, body)
    seal.draft, seal.letter.content = draft(shard, number, body), None
    await shard.writer.seal(seal)
    return seal


def load(shard: Shard, number: int) -> Any:
    with shard.reader() as reader:
        return spool.load(reader, number)


def content(shard: Shard, number: int) -> bytes:
    return spool.content(shard.blobs, load(shard, number))


async def fetched(shard: Shard, number: int) -> bytes:
    """The content, in a thread that may wait for another machine."""
    return await asyncio.to_thread(content, shard, number)


def forget_copies(shard: Shard) -> None:
    for path in shard.blobs.path.iterdir():
        path.unlink()
