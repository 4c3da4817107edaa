"""Identifiers as text: 63-bit numbers in 13 characters of Crockford's base 32, sortable as text.

Called wherever an id is shown or read (the 250 reply, the command line, logs).
Never draws an id: that needs a clock and belongs to the caller.
Fails with ValueError on text that is no id.
"""

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 13
_TENS = [a + b for a in _ALPHABET for b in _ALPHABET]  # two characters at once: ids are written for every letter
_VALUES = {c: i for i, c in enumerate(_ALPHABET)} | {c.lower(): i for i, c in enumerate(_ALPHABET)}
_VALUES |= {"O": 0, "o": 0, "I": 1, "i": 1, "L": 1, "l": 1}


def text(number: int) -> str:
    """The 13 characters of `number` (0 ≤ number < 2**63)."""
    t = _TENS
    return (
        _ALPHABET[number >> 60 & 31]
        + t[number >> 50 & 1023]
        + t[number >> 40 & 1023]
        + t[number >> 30 & 1023]
        + t[number >> 20 & 1023]
        + t[number >> 10 & 1023]
        + t[number & 1023]
    )


def number(written: str) -> int:
    """The number that `text` wrote; O reads as 0, I and L as 1, case is ignored. ValueError if it is no id."""
    if len(written) != _LENGTH:
        raise ValueError(f"an id has {_LENGTH} characters, {written!r} has {len(written)}")
    value = 0
    for character in written:
        if character not in _VALUES:
            raise ValueError(f"{character!r} cannot stand in an id: {written!r}")
        value = value << 5 | _VALUES[character]
    if value >> 63:
        raise ValueError(f"{written!r} is larger than an id can be")
    return value
