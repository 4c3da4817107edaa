"""Comparators: when two strings are the same, and which comes first. # RFC 4790 §9, RFC 5051

Called by match.
Never holds a script's state.
Fails with KeyError on a comparator that is none; the check has looked before.
"""

import functools
import unicodedata
from collections.abc import Callable

OCTET, CASEMAP, NUMERIC, UNICODE = "i;octet", "i;ascii-casemap", "i;ascii-numeric", "i;unicode-casemap"
USUAL = CASEMAP  # RFC 5228 §2.7.3
SUBSTRINGS = frozenset({OCTET, CASEMAP, UNICODE})  # those that can look within a string


def same(text: str) -> str:
    return text


def ascii_upper(text: str) -> str:
    """a to z in capitals, nothing else changed. # RFC 4790 §9.2"""
    if text.isascii():
        return text.upper()
    return text.encode("utf-8", "surrogatepass").upper().decode("utf-8", "surrogatepass")


@functools.lru_cache(maxsize=4096)
def _title(character: str) -> str:
    title = character.title()  # the full mapping: where it is longer, there is no simple one
    return unicodedata.normalize("NFKD", title if len(title) == 1 else character)


def unicode_title(text: str) -> str:
    """Each character in title case, then decomposed. # RFC 5051 §2"""
    return text.upper() if text.isascii() else "".join(map(_title, text))


def number(text: str) -> tuple[int, str]:
    """The digits that `text` starts with, as something that sorts like their number; without any, infinity.
    # RFC 4790 §9.1.1
    """
    end = 0
    while end < len(text) and "0" <= text[end] <= "9":
        end += 1
    if not end:
        return (1 << 62, "")
    digits = text[:end].lstrip("0")
    return (len(digits), digits)


FOLDS: dict[str, Callable[[str], str]] = {OCTET: same, CASEMAP: ascii_upper, UNICODE: unicode_title}


def equal(comparator: str, one: str, other: str) -> bool:
    if comparator == NUMERIC:
        return number(one) == number(other)
    fold = FOLDS[comparator]
    return one == other or fold(one) == fold(other)


def order(comparator: str, one: str, other: str) -> int:
    """Below 0, 0 or above 0 as `one` comes before, with or after `other`."""
    if comparator == NUMERIC:
        first, second = number(one), number(other)
        return (first > second) - (first < second)
    fold = FOLDS[comparator]
    left, right = fold(one), fold(other)
    return (left > right) - (left < right)
