"""Kept contents: written with the letter's own commit, found by id, emptied from the old end by age and by size."""

import asyncio
from typing import Any

import pytest

from hatoba.store import contents, rows
from hatoba.store.contents import Keep
from hatoba.store.shard import Shard

HEAD = b"Subject: x\r\nFrom: a@b.example\r\n"


def plain(letter: int, octets: bytes) -> bytes:
    return octets


def sealed(make: Any, number: int, body: bytes, keep: Keep | None) -> rows.Seal:
    seal: rows.Seal = make.seal(number, body)
    seal.keep = keep
    return seal


def put(opened: Shard, *seals: rows.Seal) -> None:
    async def all_of_them() -> None:
        await asyncio.gather(*(opened.writer.seal(one) for one in seals))

    asyncio.run(all_of_them())


def kept(opened: Shard, number: int) -> contents.Kept | None:
    with opened.reader() as reader:
        return contents.find(reader, number)


def test_what_is_kept(opened: Shard, make: Any) -> None:
    body = HEAD + b"\r\nhello\r\n"
    whole, headers = Keep("whole", 4096, plain), Keep("headers", 4096, plain)
    put(
        opened,
        sealed(make, 1, body, whole),
        sealed(make, 2, body, headers),
        sealed(make, 3, body, None),
        sealed(make, 4, body, Keep("whole", 20, plain)),
        sealed(make, 5, b"no header at all", headers),
        sealed(make, 6, body, Keep("whole", 4096, lambda letter, octets: b"%d" % letter + octets[::-1])),
    )
    assert kept(opened, 1) == contents.Kept(1, make.now + 1, "whole", len(body), len(body), body)
    found = [kept(opened, number) for number in range(2, 7)]
    assert [one.data if one else None for one in found] == [
        HEAD,
        None,
        body[:20],
        b"no header at all",
        b"6" + body[::-1],
    ]


@pytest.mark.parametrize("way", ["content", "draft"])
def test_a_large_letter(opened: Shard, make: Any, way: str) -> None:
    """Above store.inline its body is a file (or, on a server, in its row); what stands before it is kept with it."""
    body = HEAD + b"\r\n" + b"x" * 20_000
    seal = sealed(make, 7, body, Keep("whole", 9000, plain))
    top = b"Top: 1\r\n" if way == "draft" else b""
    if way == "draft":
        seal.letter.top, seal.letter.size = top, len(top) + len(body)
        seal.draft = opened.blobs.draft(7)
        seal.draft.append(body)
        seal.letter.content = None
    put(opened, seal)
    found = kept(opened, 7)
    assert found is not None
    assert (found.size, found.data) == (len(top) + len(body), (top + body)[:9000])


def test_a_letter_that_is_not_taken_leaves_nothing(opened: Shard, make: Any) -> None:
    first = sealed(make, 1, HEAD, Keep("whole", 99, plain))
    put(opened, first)
    again = sealed(make, 1, HEAD, Keep("whole", 99, lambda letter, octets: b"other"))  # the id is there already
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        put(opened, again)
    found = kept(opened, 1)
    assert found is not None
    assert found.data == HEAD


def test_what_is_old_or_too_much_goes(opened: Shard, make: Any) -> None:
    keep = Keep("whole", 100, lambda letter, octets: bytes(10))
    put(opened, *(sealed(make, number, HEAD, keep) for number in range(1, 31)))
    with opened.reader() as reader:
        assert (contents.total(reader), contents.total(reader, 25)) == (300, 50)
        steps = [opened.write(lambda tx: contents.discard(tx, make.now + 8, 0, 5)) for _ in range(2)]
        assert (steps, contents.total(reader)) == ([False, True], 230)  # 1 to 7 are older
        steps = [opened.write(lambda tx: contents.discard(tx, 0, contents.total(tx) - 55, 10)) for _ in range(3)]
        assert (steps, contents.total(reader)) == ([False, True, True], 50)
        assert opened.write(lambda tx: contents.discard(tx, 0, 0, 10))
        assert contents.total(reader) == 50
