"""Ahead: letters read before they are asked for, since a client that takes one letter takes the next.

Held by a session's state; retr reads by it.
Never holds more than `MOST` octets, and nothing once the client goes another way.
Fails never.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hatoba.wire.pop3.reply import Data

MOST = 256 * 1024  # octets read in one step; a larger letter is never read ahead, nor held whole
_LETTERS = 64


class Ahead:
    """`key` is what is asked for (RETR, TOP and how many lines). The more letters in a row, the more are read."""

    __slots__ = ("_count", "_key", "_next", "_ready")

    def __init__(self) -> None:
        self._key: object = None
        self._next = 0  # the number that would go on in the row
        self._count = 0  # letters of the last step
        self._ready: dict[int, Data] = {}

    def take(self, key: object, number: int) -> Data | None:
        """The answer about this letter, where it is there already."""
        if key != self._key or number != self._next:
            self._ready.clear()
            return None
        found = self._ready.pop(number, None)
        if found is not None:
            self._next = number + 1
        return found

    def plan(self, key: object, number: int, last: int, size: Callable[[int], int]) -> list[int]:
        """The letters to be read now: this one, and as many behind it, up to `last`, as are likely to be asked for."""
        goes_on = key == self._key and number == self._next
        self._count = min(2 * self._count, _LETTERS) if goes_on else 1
        self._key, self._next = key, number + 1
        octets = 0
        planned: list[int] = []
        for each in range(number, min(number + self._count - 1, last) + 1):
            octets += size(each)
            if planned and octets > MOST:
                break
            planned.append(each)
        return planned

    def keep(self, numbers: Sequence[int], answers: Sequence[Data]) -> Data:
        """What was read of them; the first is given out."""
        self._ready = dict(zip(numbers[1:], answers[1:], strict=True))
        return answers[0]
