"""Walks: sets of letters that are never held whole, each asked for its highest id that is not above another.

Made by search: terms of the index, joined by "all of" and "any of"; letters of the queue; all letters there are.
Never verifies anything: what a walk gives is a proposal.
Fails with StoreTrouble.
"""

import bisect
from collections.abc import Callable, Sequence
from typing import Protocol

from hatoba.journal import terms
from hatoba.store import words
from hatoba.store.sql import Reader

PAGE = 256  # ids fetched at once
TOP = 2**63 - 1


class Walk(Protocol):
    def at_most(self, letter: int) -> int:
        """The highest id of the set that is not above `letter`, -1 when there is none."""


class _Paged:
    """What walks that read pages share. `_page` ascends and holds every id of the set from its first one to `_top`;
    between `_answer` and `_asked` there is none."""

    __slots__ = ("_answer", "_asked", "_page", "_top")

    def __init__(self) -> None:
        self._page: list[int] = []
        self._top = self._asked = -1
        self._answer = -1

    def at_most(self, letter: int) -> int:
        page = self._page
        if page and page[0] <= letter <= self._top:
            return page[bisect.bisect_right(page, letter) - 1]
        if self._answer <= letter <= self._asked:
            return self._answer
        page = self._fetch(letter)
        self._asked, self._answer = letter, page[-1] if page else -1
        if page:
            self._page, self._top = page, letter
        return self._answer

    def _fetch(self, letter: int) -> list[int]:
        """The next ids that are not above `letter`, ascending."""
        raise NotImplementedError


class Term(_Paged):
    """The letters that the index has under a term, in the spans `first` to `last`."""

    __slots__ = ("_first", "_last", "_number", "_reader")

    def __init__(self, reader: Reader, term: str, first: int, last: int) -> None:
        super().__init__()
        self._reader = reader
        self._number = terms.number(term)
        self._first, self._last = first, last

    def _fetch(self, letter: int) -> list[int]:
        below = min(letter + 1, TOP)
        for span in range(min(terms.span(letter), self._last), self._first - 1, -1):
            found = words.find(self._reader, span, self._number, below, PAGE)
            if found:
                return found[::-1]
        return []


class Listed(_Paged):
    """The letters that a statement lists: all, or those in the queue."""

    __slots__ = ("_list", "_reader")

    def __init__(self, reader: Reader, listing: Callable[[Reader, int, int], list[int]]) -> None:
        super().__init__()
        self._reader = reader
        self._list = listing

    def _fetch(self, letter: int) -> list[int]:
        return self._list(self._reader, min(letter + 1, TOP), PAGE)[::-1]


class All:
    """Letters that every walk has: each jumps to where the slowest stands."""

    __slots__ = ("_answer", "_asked", "_walks")

    def __init__(self, walks: Sequence[Walk]) -> None:
        self._walks = walks
        self._asked, self._answer = -1, -1

    def at_most(self, letter: int) -> int:
        if not self._answer <= letter <= self._asked:
            self._asked, self._answer = letter, self._seek(letter)
        return self._answer

    def _seek(self, letter: int) -> int:
        while True:
            lowest = letter
            for walk in self._walks:
                lowest = walk.at_most(lowest)
                if lowest < 0:
                    return -1
            if lowest == letter:
                return letter
            letter = lowest


class Any:
    """Letters that some walk has."""

    __slots__ = ("_walks",)

    def __init__(self, walks: Sequence[Walk]) -> None:
        self._walks = walks

    def at_most(self, letter: int) -> int:
        return max((walk.at_most(letter) for walk in self._walks), default=-1)
