"""Spans: conditions that pick many UIDs of a box, as few statements as there can be.

Called by marks, copies and trash.
Never sends more marks than a statement may have.
Fails with nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hatoba.model import numbers

_LONG = 8  # UIDs in a row from which on they are a range of their own
_MANY = 400  # single UIDs in one condition, at most


def spans(uids: Iterable[int]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """(condition on `uid`, its parameters), disjoint, together just these UIDs, ascending within each."""
    single: list[int] = []
    for first, last in numbers.merged((uid, uid) for uid in uids):
        if last - first + 1 >= _LONG:
            yield "uid BETWEEN ? AND ?", (first, last)
        else:
            single.extend(range(first, last + 1))
    for start in range(0, len(single), _MANY):
        part = single[start : start + _MANY]
        yield f"uid IN ({', '.join('?' * len(part))})", tuple(part)
