"""Member: one file of an archive, the budget for unpacking, and the words for why there is none.

Made by the formats of this folder, read by archive.
Never holds more than the budget allowed.
Fails with TooMuch when the budget is spent; formats raise Broken, Locked and Unread.
"""

from collections.abc import Callable
from typing import NamedTuple


class Broken(ValueError):
    """The archive breaks its own format."""


class Locked(ValueError):
    """Even the names need a password."""


class Unread(ValueError):
    """It is packed in a way that is not read here."""


class TooMuch(ValueError):
    """More than may be unpacked; the text says what was passed."""


class Member(NamedTuple):
    """`body` is None where it was not unpacked: `locked`, or `trouble` ("broken", "unread") says why."""

    name: str
    body: bytes | None = None
    locked: bool = False
    trouble: str = ""


class Budget:
    """Octets that may still be unpacked or read, and how many for each packed one."""

    def __init__(self, left: int, ratio: int, floor: int) -> None:
        self.left = left
        self._ratio = ratio
        self._floor = floor

    def most(self, packed: int) -> int:
        """How much `packed` octets may become, at most."""
        return max(0, min(self.left, max(self._floor, packed * self._ratio)))

    def spend(self, octets: int, packed: int) -> None:
        """So much was unpacked of so much. TooMuch."""
        if octets > self.most(packed):
            raise TooMuch(
                "more than is unpacked of one letter" if octets > self.left else f"more than {self._ratio}:1 packed"
            )
        self.left -= max(octets, packed)  # what is read counts, too: entries may share octets that make nothing
        if self.left < 0:
            raise TooMuch("more than is unpacked of one letter")


PIECE = 1 << 16


def inflated(octets: bytes, decompress: Callable[[bytes, int], bytes], budget: Budget, packed: int) -> bytes:
    """What `decompress(octets, most)` makes, with one octet more than allowed asked for, so that excess shows."""
    made = decompress(octets, budget.most(packed) + 1)
    budget.spend(len(made), packed)
    return made
