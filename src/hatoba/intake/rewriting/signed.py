"""Signed: which header fields of a letter DKIM signatures answer for, so that none of them breaks unsaid.

Called by header before a field is changed.
Never verifies: a signature that stands there is taken for good, as the next reader may take it.
Fails never: what is no signature covers nothing.
"""

import re
from collections import Counter
from collections.abc import Sequence

from hatoba.message.cut import Piece

_SIGNATURES = (b"dkim-signature", b"arc-message-signature")
_NAMES = re.compile(rb"(?:^|;)[ \t\r\n]*h[ \t\r\n]*=([^;]*)")
_SPACE = re.compile(rb"[ \t\r\n]+")


class Signed:
    """`covered` are the names (lower case) that some signature holds, and how often at most. # RFC 6376 §3.5, §5.4.2"""

    __slots__ = ("_covered",)

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._covered: dict[bytes, int] = {}
        for piece in pieces:
            if piece.name in _SIGNATURES and (found := _NAMES.search(piece.value)):
                for name, count in Counter(_SPACE.sub(b"", found[1]).lower().split(b":")).items():
                    self._covered[name] = max(self._covered.get(name, 0), count)

    def covers(self, name: bytes) -> bool:
        """A change of a field of this name would break a signature."""
        return name in self._covered

    def closed(self, name: bytes, there: int) -> bool:
        """One more field of this name, with `there` of them in place, would break a signature."""
        return self._covered.get(name, 0) > there
