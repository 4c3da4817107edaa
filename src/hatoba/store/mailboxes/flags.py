r"""Flags: how the flags and keywords of a message are bits of one number, by the box it is in.

Used by messages and by the room above, which gets numbers in bulk and asks for their names.
Never reads the database: a box's keywords are handed in.
Fails with TooManyKeywords.  # RFC 9051 §2.3.2
"""

from __future__ import annotations

from collections.abc import Iterable

from hatoba.store.mailboxes.refusals import TooManyKeywords

SYSTEM = ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft")
SEEN, ANSWERED, FLAGGED, DELETED, DRAFT = (1 << bit for bit in range(5))
MOST = 58  # keywords of a box: five flags and they fill 63 bits
_BITS = {name.lower(): 1 << bit for bit, name in enumerate(SYSTEM)}
_RECENT = "\\recent"


class Names:
    """The names of bits in one box, whose keywords are `keywords` in the order of their bits."""

    __slots__ = ("_known", "keywords")

    def __init__(self, keywords: Iterable[str]) -> None:
        self.keywords = tuple(keywords)
        self._known: dict[int, tuple[str, ...]] = {}

    def __call__(self, bits: int) -> tuple[str, ...]:
        """The flags, system flags first; a keyword whose place is empty has none."""
        found = self._known.get(bits)
        if found is None:
            names = [*SYSTEM, *self.keywords]
            found = tuple(name for bit, name in enumerate(names) if bits >> bit & 1 and name)
            if len(self._known) < 4096:
                self._known[bits] = found
        return found

    def mask(self, name: str) -> int:
        """The bit of a flag or keyword, in any case of letters; 0 when no message of the box can have it."""
        name = name.lower()
        if name in _BITS:
            return _BITS[name]
        for bit, keyword in enumerate(self.keywords, len(SYSTEM)):
            if keyword.lower() == name:
                return 1 << bit
        return 0

    def bits(self, flags: Iterable[str]) -> int:
        """What of them the box knows."""
        bits = 0
        for name in flags:
            bits |= self.mask(name)
        return bits


def split(keywords: str) -> list[str]:
    """The column of a box: keywords by spaces, "" where a place is empty."""
    return keywords.split(" ") if keywords else []


def unknown(names: Names, flags: Iterable[str]) -> list[str]:
    r"""Keywords of them that the box does not know yet, each once; \Recent is nobody's to set."""
    found: dict[str, str] = {}
    for flag in flags:
        if flag.lower() != _RECENT and not names.mask(flag):
            found.setdefault(flag.lower(), flag)
    return list(found.values())


def grown(names: Names, new: list[str], used: int) -> Names:
    """With new keywords; `used`: bits that messages have or are to get, so that the others' places may be taken."""
    keywords = list(names.keywords)
    for keyword in new:
        if len(keywords) < MOST:
            used |= 1 << (len(SYSTEM) + len(keywords))  # no later one of `new` may take its place
            keywords.append(keyword)
            continue
        free = [n for n in range(MOST) if not used >> (len(SYSTEM) + n) & 1]
        if not free:
            raise TooManyKeywords(f"{MOST} keywords are in use")
        keywords[free[0]] = keyword
        used |= 1 << (len(SYSTEM) + free[0])
    return Names(keywords)
