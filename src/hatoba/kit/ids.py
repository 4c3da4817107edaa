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


EPOCH = 1_577_836_800_000  # 2020-01-01 in ms since 1970
PARTS = 1024  # makers of ids: 10 bits
_PER_MS = 4096  # ids of one maker in a millisecond: 12 bits


class Numbers:
    """Draws ids that grow with time: 41 bits of ms since 2020, 10 bits of the maker's part, 12 bits of sequence.

    `floor` is an id drawn in an earlier life (0: none): a clock that was set back gives no id twice.
    """

    __slots__ = ("_last", "_part")

    def __init__(self, part: int, floor: int = 0) -> None:
        if not 0 <= part < PARTS:
            raise ValueError(f"an id's part is below {PARTS}, not {part}")
        self._part = part << 12
        self._last = (floor >> 22 << 12) | (floor & 0xFFF)

    def next(self, now: int) -> int:
        """A new id at `now` (ms since 1970); past 4096 in a millisecond it borrows from the next one."""
        last = max((now - EPOCH) << 12, self._last + 1)
        self._last = last
        return last >> 12 << 22 | self._part | last & (_PER_MS - 1)


def part(number: int) -> int:
    """Which maker drew an id."""
    return number >> 12 & (PARTS - 1)
