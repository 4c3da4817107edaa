"""Postings: which letters of a segment have a gram, packed into blocks that are read whole.

Called by indexing, which writes blocks, and by search, which reads a few of each segment.
Never knows a letter: they are numbered from 0 in their segment.
Fails with StoreTrouble (corrupt) for a block that cannot be read.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from hatoba.store.mailboxes.packing import compressed, unpacked

BITS = 10
BLOCKS = 1 << BITS  # of a segment
MOST = 4096  # letters of a segment, at most
SPACES = ("body", "head", "subject", "from", "to", "cc")  # what is indexed apart
_MIX = 0x9E3779B97F4A7C15  # Fibonacci hashing: grams that differ little go to different blocks
_ALL = (1 << 64) - 1

Lists = Mapping[int, "list[int]"]


def key(space: int, gram: int) -> int:
    """A gram of a space as one number of 58 bits."""
    return gram << 3 | space


def block(number: int) -> int:
    """The block that holds a key."""
    return (number * _MIX & _ALL) >> (64 - BITS)


def place(segment: int, at: int) -> int:
    """The id of a block's row."""
    return segment << BITS | at


def pack(lists: Lists, count: int) -> dict[int, bytes]:
    """Blocks by their number, for a segment of `count` letters; each list ascends."""
    sorted_: defaultdict[int, list[int]] = defaultdict(list)
    for number in lists:
        sorted_[(number * _MIX & _ALL) >> (64 - BITS)].append(number)
    return {at: pack_block(lists, numbers, count) for at, numbers in sorted_.items()}


def pack_block(lists: Lists, numbers: list[int], count: int) -> bytes:
    """One block: how many keys, the keys, where the postings of each end, the postings.

    Postings are numbers of two octets, or one bit for each letter where that is less: their length tells which.
    """
    numbers.sort()
    width = (count + 7) // 8
    pieces: list[bytes] = []
    ends = array("I")
    end = 0
    for number in numbers:
        letters = lists[number]
        piece = array("H", letters).tobytes() if 2 * len(letters) < width else bitmap(letters, width)
        end += len(piece)
        ends.append(end)
        pieces.append(piece)
    return compressed(
        b"".join([len(numbers).to_bytes(8, "little"), array("Q", numbers).tobytes(), ends.tobytes(), *pieces])
    )


def bitmap(letters: Iterable[int], width: int) -> bytes:
    """A bit for each letter."""
    bits = bytearray(width)
    for letter in letters:
        bits[letter >> 3] |= 1 << (letter & 7)
    return bytes(bits)


def find(data: bytes, number: int, count: int) -> int:
    """The letters that have a key, as the bits of one number."""
    view = memoryview(unpacked(data))
    keys, ends, start = _parts(view)
    at = bisect_left(keys, number)
    if at == len(keys) or keys[at] != number:
        return 0
    piece = view[start + (ends[at - 1] if at else 0) : start + ends[at]]
    width = (count + 7) // 8
    if len(piece) < width:
        piece = memoryview(bitmap(piece.cast("H"), width))
    return int.from_bytes(piece, "little")


def lists(data: bytes, count: int) -> Iterator[tuple[int, list[int]]]:
    """Every key of a block with its letters: for who joins segments."""
    view = memoryview(unpacked(data))
    keys, ends, start = _parts(view)
    width, first = (count + 7) // 8, 0
    for number, end in zip(keys, ends, strict=True):
        piece = view[start + first : start + end]
        first = end
        yield number, list(piece.cast("H")) if len(piece) < width else ones(int.from_bytes(piece, "little"))


def ones(bits: int) -> list[int]:
    """Which bits are set."""
    return [at for at, digit in enumerate(reversed(f"{bits:b}")) if digit == "1"]


def _parts(view: memoryview) -> tuple[memoryview, memoryview, int]:
    number = int.from_bytes(view[:8], "little")
    keys = view[8 : 8 + 8 * number].cast("Q")
    ends = view[8 + 8 * number : 8 + 12 * number].cast("I")
    return keys, ends, 8 + 12 * number
