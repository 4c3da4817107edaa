"""Postings: which letters of a segment have a gram, in blocks by the order of the grams, each read whole.

Called by indexing, which writes blocks, and by search, which reads a few of each segment.
Never knows a letter: they are numbered from 0 in their segment. No step holds the interpreter's lock for long.
Fails with StoreTrouble (corrupt) for a block that cannot be read.
"""

from __future__ import annotations

import heapq
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence

from hatoba.store import trouble
from hatoba.store.mailboxes import grams
from hatoba.store.mailboxes.packing import compressed, unpacked

BITS = 13
BLOCKS = 1 << BITS  # of a segment, at most
MOST = 4096  # letters of a segment, at most
SPACES = ("body", "head", "subject", "from", "to", "cc")  # what is indexed apart
_RUN = 16  # letters whose entries are sorted together
_BLOCK = 6000  # entries in a block, about
_SAMPLE = 200  # each of them says where a block could begin

Block = tuple[int, bytes]  # the first key of it, what is stored


class Builder:
    """The entries of letters, in sorted runs. `count`: letters."""

    def __init__(self) -> None:
        self.count = 0
        self._fresh: list[int] = []  # of the letters since the last run, each sorted
        self._runs: list[array[int]] = []

    def add(self, head: str, body: str) -> None:
        """The next letter."""
        found: list[int] = []
        texts = (body, head, *(field(head, name) for name in SPACES[2:]))
        for space, text in enumerate(texts):
            found += grams.triples(text, space, self.count)
            found += grams.pairs(text, space, self.count)
        found.sort()
        self._fresh += found
        self.count += 1
        if self.count % _RUN == 0:
            self._gather()

    def _gather(self) -> None:
        if self._fresh:
            self._fresh.sort()
            self._runs.append(array("Q", self._fresh))
            self._fresh = []

    def blocks(self) -> Iterator[Block]:
        """All of them, in order."""
        self._gather()
        samples = sorted(entry for run in self._runs for entry in run[::_SAMPLE])
        step = max(_BLOCK // _SAMPLE, len(samples) // (BLOCKS // 2))
        last = -1
        starts = [0] * len(self._runs)
        for sample in samples[step::step]:
            fence = sample >> grams.LETTER << grams.LETTER
            if fence > last:
                yield from self._range(starts, fence)
                last = fence
        yield from self._range(starts, None)

    def _range(self, starts: list[int], fence: int | None) -> Iterator[Block]:
        """The block of all entries below a fence that no block has yet."""
        entries: list[int] = []
        for number, run in enumerate(self._runs):
            end = len(run) if fence is None else bisect_left(run, fence, starts[number])
            entries += run[starts[number] : end]
            starts[number] = end
        if entries:
            entries.sort()
            yield _packed(entries, self.count)


def field(head: str, name: str) -> str:
    """The values of a header field, by lines."""
    prefix = name + ":"
    if prefix not in head:
        return ""
    return "\n".join([line[len(prefix) :] for line in head.split("\n") if line.startswith(prefix)])


def place(segment: int, at: int) -> int:
    """The id of a block's row."""
    return segment << BITS | at


def block_of(fences: Sequence[int], key: int) -> int:
    """Which block of a segment has a key, by the blocks' first keys; -1: none."""
    return bisect_right(fences, key) - 1


def _packed(entries: list[int], count: int) -> Block:
    """A block of sorted entries."""
    raw = array("Q", entries).tobytes()
    letters = bytearray(2 * len(entries))
    letters[0::2], letters[1::2] = raw[0::8], raw[1::8]
    noughts = bytes(len(entries))
    keys = bytearray(raw)
    keys[0::8] = keys[1::8] = noughts
    ends = dict(zip(memoryview(keys).cast("Q"), range(2, 2 * len(entries) + 2, 2), strict=True))  # the last one counts
    width = (count + 7) // 8
    pieces: list[bytes | bytearray] = []
    start = 0
    for end in ends.values():
        piece = letters[start:end]
        pieces.append(piece if end - start < width else bitmap(memoryview(piece).cast("H"), width))
        start = end
    return _joined(list(ends), pieces)


def _joined(keys: list[int], pieces: Sequence[bytes | bytearray]) -> Block:
    """How many keys, the keys, where the postings of each end, the postings.

    Postings are numbers of two octets, or one bit for each letter where that is less: their length tells which.
    """
    ends = array("I")
    end = 0
    for piece in pieces:
        end += len(piece)
        ends.append(end)
    head = (len(keys).to_bytes(8, "little"), array("Q", keys).tobytes(), ends.tobytes())
    return keys[0], compressed(b"".join([*head, *pieces]))


def bitmap(letters: Iterable[int], width: int) -> bytes:
    """A bit for each letter."""
    digits = bytearray(b"0" * (8 * width))
    for letter in letters:
        digits[letter] = 49
    return int(digits[::-1], 2).to_bytes(width, "little")


def find(data: memoryview, key: int, count: int) -> int:
    """The letters that have a key, as the bits of one number; `data` is an unpacked block."""
    keys, ends, start = _parts(data)
    at = bisect_left(keys, key)
    if at == len(keys) or keys[at] != key:
        return 0
    piece = data[start + (ends[at - 1] if at else 0) : start + ends[at]]
    width = (count + 7) // 8
    return int.from_bytes(piece if len(piece) == width else bitmap(piece.cast("H"), width), "little")


def opened(data: bytes) -> memoryview:
    """A block as it is read. StoreTrouble."""
    view = memoryview(unpacked(data))
    if len(view) < 8 or len(view) < 8 + 12 * int.from_bytes(view[:8], "little"):
        raise trouble.StoreTrouble("a block of the index is damaged", trouble.CORRUPT)
    return view


def lists(data: bytes, count: int, before: int = 0) -> Iterator[tuple[int, list[int]]]:
    """Every key of a block with its letters, `before` added to each: for who joins segments."""
    view = opened(data)
    keys, ends, start = _parts(view)
    width, first = (count + 7) // 8, 0
    for key, end in zip(keys, ends, strict=True):
        piece = view[start + first : start + end]
        first = end
        letters = piece.cast("H").tolist() if len(piece) < width else ones(int.from_bytes(piece, "little"))
        yield key, [before + letter for letter in letters] if before else letters


def join(sources: Sequence[Iterator[tuple[int, list[int]]]], count: int) -> Iterator[Block]:
    """Blocks of `count` letters out of what `lists` gives, whose letters ascend from source to source."""
    width = (count + 7) // 8
    keys: list[int] = []
    found: list[list[int]] = []
    held = 0
    for key, letters in heapq.merge(*sources):
        if keys and keys[-1] == key:
            found[-1] += letters
        else:
            if held >= _BLOCK:
                yield _joined(keys, [_piece(some, width) for some in found])
                keys, found, held = [], [], 0
            keys.append(key)
            found.append(letters)
        held += len(letters)
    if keys:
        yield _joined(keys, [_piece(some, width) for some in found])


def _piece(letters: list[int], width: int) -> bytes:
    return array("H", letters).tobytes() if 2 * len(letters) < width else bitmap(letters, width)


def ones(bits: int) -> list[int]:
    """Which bits are set."""
    return [at for at, digit in enumerate(reversed(f"{bits:b}")) if digit == "1"]


def _parts(view: memoryview) -> tuple[memoryview, memoryview, int]:
    number = int.from_bytes(view[:8], "little")
    keys = view[8 : 8 + 8 * number].cast("Q")
    ends = view[8 + 8 * number : 8 + 12 * number].cast("I")
    return keys, ends, 8 + 12 * number
