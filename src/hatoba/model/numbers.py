"""Numbers: a set of message numbers or UIDs as clients write it, "1:4,7,10:*", and what it comes to.

Made by wire.imap (parse) and doors; asked by mailboxes and store.
Never knows whether its numbers are UIDs or sequence numbers, nor which of them exist.
Fails with ValueError for what is no sequence-set.  # RFC 9051 §9 (sequence-set)
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

STAR = 0  # "*" in a range: the highest number there is
MOST = 0xFFFFFFFF  # a number has 32 bits and is no nought
_SET = re.compile(
    r"(?:\*|[1-9][0-9]{0,9})(?::(?:\*|[1-9][0-9]{0,9}))?(?:,(?:\*|[1-9][0-9]{0,9})(?::(?:\*|[1-9][0-9]{0,9}))?)*"
)


class Numbers(msgspec.Struct, frozen=True, gc=False):
    """`ranges` as written: (first, last) pairs in any order, STAR for "*"; a single number is a pair of itself."""

    ranges: tuple[tuple[int, int], ...] = ()

    def __str__(self) -> str:
        return ",".join(
            _text(first) if first == last else f"{_text(first)}:{_text(last)}" for first, last in self.ranges
        )

    def within(self, highest: int) -> list[tuple[int, int]]:
        """Ascending, disjoint (first, last) pairs, nothing above `highest` and nothing below 1; "*" is `highest`.

        "5:*" with 3 as the highest is 3:5, so it holds 3.  # RFC 9051 §6.4.9
        """
        if highest <= 0:
            return []
        pairs = []
        for first, last in self.ranges:
            low, high = sorted((first or highest, last or highest))
            if low <= highest:
                pairs.append((low, min(high, highest)))
        return merged(pairs)


def parse(written: str) -> Numbers:
    """From "1:4,7,10:*"."""
    if not _SET.fullmatch(written):
        raise ValueError(f"{written[:40]!r} is no sequence set")
    ranges = []
    for part in written.split(","):
        first, _, last = part.partition(":")
        ranges.append((_number(first), _number(last or first)))
    return Numbers(tuple(ranges))


def of(numbers: Iterable[int]) -> Numbers:
    """The shortest set that holds exactly these."""
    return Numbers(tuple(merged((number, number) for number in numbers)))


def merged(pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ascending and disjoint, neighbours joined; each pair ascending already."""
    result: list[tuple[int, int]] = []
    for low, high in sorted(pairs):
        if result and low <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(high, result[-1][1]))
        else:
            result.append((low, high))
    return result


def _number(written: str) -> int:
    if written == "*":
        return STAR
    number = int(written)
    if number > MOST:
        raise ValueError(f"{written} has more than 32 bits")
    return number


def _text(number: int) -> str:
    return str(number) if number else "*"
