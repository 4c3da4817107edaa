"""Grams: the short strings that a text is indexed by, as numbers, and those that a needle must have.

Called by indexing for letters and by search for what people look for. A gram is three ASCII characters in a row, or
two characters of which one is none: so a Japanese word of two characters is one gram.
Never reads the database; texts are folded already.
Fails with nothing.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from typing import NamedTuple

_OUTSIDE = 0xFFFFFF80_FFFFFF80  # bits that one of two characters has when it is not ASCII
_PAIR = 1 << 54  # set in the number of a pair: three ASCII characters never reach it
_MOST = 8  # grams of a needle that are looked up


class Plan(NamedTuple):
    """Grams that a text must have to hold a needle; `exact`: whoever has them holds it."""

    grams: tuple[int, ...]
    exact: bool


def _nought(error: UnicodeError) -> tuple[bytes, int]:
    assert isinstance(error, UnicodeEncodeError)  # noqa: S101  # it is registered for encoding
    return b"\0" * (error.end - error.start), error.end


codecs.register_error("hatoba.nought", _nought)


def triples(text: str) -> Iterable[int]:
    """Every three characters in a row, as one number each; characters beyond ASCII stand as noughts. In C: 4 KiB in
    0.1 ms where slices would take 0.6."""
    octets = text.encode("ascii", "hatoba.nought")
    count = len(octets) - 2
    if count < 1:
        return ()
    windows = bytearray(4 * count)
    for place in range(3):
        windows[place::4] = octets[place : place + count]
    return set(memoryview(windows).cast("I"))


def pairs(text: str) -> Iterable[int]:
    """Every two characters of which at least one is beyond ASCII, as one number each."""
    if text.isascii() or len(text) < 2:
        return ()
    octets = text.encode("utf-32-le", "surrogatepass")
    view = memoryview(octets)
    even = len(octets) // 8 * 8
    odd = (len(octets) - 4) // 8 * 8
    found = {*view[:even].cast("Q"), *view[4 : 4 + odd].cast("Q")}
    return [pair | _PAIR for pair in found if pair & _OUTSIDE]


def grams(text: str) -> list[int]:
    """All of a text, each once."""
    return [*triples(text), *pairs(text)]


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
