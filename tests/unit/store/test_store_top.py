"""A large letter whose header stands beside its blob: one content for all who read it, wherever the blob lies."""

import asyncio
from typing import Any

import pytest
from tests.support.object_shard import Opening

from hatoba.store import rows, spool
from hatoba.store.shard import Shard

HEAD = b"Authentication-Results: us; spf=pass\r\nSubject: x\r\n"
REST = b"\r\n" + b"0123456789abcdef" * 4000
WHOLE = HEAD + REST


def apart(shard: Shard, make: Any, number: int = 1) -> rows.Seal:
    seal: rows.Seal = make.seal(number, WHOLE)
    seal.draft = shard.blobs.draft(number)
    seal.draft.append(REST)
    seal.letter.top, seal.letter.content = HEAD, None
    return seal


def loaded(shard: Shard, number: int = 1) -> Any:
    with shard.reader() as reader:
        return spool.load(reader, number)


def test_it_is_read_back_as_one(opened: Shard, make: Any, run: asyncio.Runner) -> None:
    async def main() -> None:
        await opened.writer.seal(apart(opened, make))

    run.run(main())
    letter = loaded(opened)
    assert letter.size == len(WHOLE)
    assert spool.content(opened.blobs, letter) == WHOLE
    if letter.blob:
        assert (letter.top, letter.content, letter.apart) == (HEAD, None, len(REST))
        assert (opened.blobs.path / letter.blob).read_bytes() == REST
        pieces = list(spool.chunks(opened.blobs, letter, 1000))
        assert (pieces[0], b"".join(pieces)) == (HEAD, WHOLE)
    else:  # a server keeps every body in its row
        assert (letter.top, letter.content) == (b"", WHOLE)


def test_a_letter_that_contradicts_itself_is_not_sealed(opened: Shard, make: Any, run: asyncio.Runner) -> None:
    async def main() -> None:
        seal = apart(opened, make)
        assert seal.draft is not None
        seal.letter.size -= 1
        try:
            with pytest.raises(ValueError, match=r"its draft has|comes without them"):
                opened.writer.seal(seal)
        finally:
            if seal.draft is not None:
                seal.draft.discard()

    run.run(main())


async def test_in_an_object_store(opening: Opening, make: Any) -> None:
    with opening() as shard:
        await shard.writer.seal(apart(shard, make))
        letter = loaded(shard)
        assert (letter.top, letter.apart) == (HEAD, len(REST))
        assert await asyncio.to_thread(spool.content, shard.blobs, letter) == WHOLE
        for path in shard.blobs.path.iterdir():
            path.unlink()
        await asyncio.wrap_future(shard.blobs.bring(letter.blob, letter.apart))
        assert spool.content(shard.blobs, letter) == WHOLE
        shard.blobs.let_go(letter.blob, True)
