"""Grams: the short strings that a text is indexed by, as numbers, and those that a needle must have.

Called by postings for letters and by search for what people look for. A gram is three ASCII characters in a row, or
two characters of which one is none: so a Japanese word of two characters is one gram.
Never reads the database; texts are folded already. Built from slices of octets: in C, 0.1 ms for 4 KiB.
Fails with nothing.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from typing import NamedTuple

# An entry is a number of 64 bits: from below 16 of the letter, 24 of each of two characters, of which the last one's
# upper 3 are the space that the text is of. Three ASCII characters take an octet each and end as no character does.
LETTER = 16
_ASCII = 0x1F
_SPACE = 61
_OUTSIDE = 0xFFFF80 << 16 | 0x1FFF80 << 40  # bits that one of two characters has when it is not ASCII
_SPACED = [bytes(octet & 0x1F | space << 5 for octet in range(256)) for space in range(8)]
_MOST = 8  # grams of a needle that are looked up


class Plan(NamedTuple):
    """Grams that a text must have to hold a needle; `exact`: whoever has them holds it."""

    grams: tuple[int, ...]
    exact: bool

    def entries(self, space: int) -> list[int]:
        """As they stand in a space of the index, for letter 0."""
        return [gram | space << _SPACE for gram in self.grams]


def _nought(error: UnicodeError) -> tuple[bytes, int]:
    assert isinstance(error, UnicodeEncodeError)  # noqa: S101  # it is registered for encoding
    return b"\0" * (error.end - error.start), error.end


codecs.register_error("hatoba.nought", _nought)


def triples(text: str, space: int = 0, letter: int = 0) -> Iterable[int]:
    """An entry for every three characters in a row, each once; characters beyond ASCII stand as noughts."""
    octets = text.encode("ascii", "hatoba.nought")
    count = len(octets) - 2
    if count < 1:
        return ()
    frame = (letter | (_ASCII | space << 5) << 56).to_bytes(8, "little")
    entries = bytearray(frame * count)
    for place in range(3):
        entries[2 + place :: 8] = octets[place : place + count]
    return set(memoryview(entries).cast("Q"))


def pairs(text: str, space: int = 0, letter: int = 0) -> Iterable[int]:
    """An entry for every two characters of which at least one is beyond ASCII, each once."""
    if text.isascii() or len(text) < 2:
        return ()
    octets = text.encode("utf-32-le", "surrogatepass")
    entries = bytearray(letter.to_bytes(8, "little") * (len(text) - 1))
    for place in range(3):
        column = octets[place::4]
        entries[2 + place :: 8] = column[:-1]
        entries[5 + place :: 8] = column[1:] if place < 2 else column[1:].translate(_SPACED[space])
    return [entry for entry in set(memoryview(entries).cast("Q")) if entry & _OUTSIDE]


def plan(needle: str) -> Plan | None:
    """How a needle is looked for; None when it is too short for any gram, and texts must be scanned."""
    found: dict[int, None] = {}
    for at in range(len(needle) - 1):
        two, three = needle[at : at + 2], needle[at : at + 3]
        if not two.isascii():
            found.update(dict.fromkeys(pairs(two)))
        elif len(three) == 3 and three.isascii() and "\0" not in three:
            found.update(dict.fromkeys(triples(three)))
    if not found:
        return None
    exact = len(needle) == (3 if needle.isascii() else 2)
    wanted = list(found)
    if len(wanted) > _MOST:
        step = (len(wanted) - 1) / (_MOST - 1)
        wanted = [wanted[round(number * step)] for number in range(_MOST)]
    return Plan(tuple(wanted), exact)
