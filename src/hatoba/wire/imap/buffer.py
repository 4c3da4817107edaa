"""Buffer: the input of a connection, inflated where it is deflated, cut into lines or counted octets.

Owned by wire.imap.server.
Never inflates more than is asked for: a bomb stays as small as it came.
`line` fails with LineTooLong (go on with `skip`); everything with PeerError when the deflated stream is broken.
"""

from __future__ import annotations

import zlib
from typing import Final

from hatoba.model.status import PeerError, Status

STEP: Final = 65536  # octets inflated at a time
# A bomb costs us time even where it takes no memory: so much more may come out of the stream than went in.
SWELL: Final = 200  # times
FREE: Final = 256 << 20  # octets that are not counted
TAIL: Final = 40  # of a line thrown away: long enough for the head of a literal
_WINDOW: Final = 15  # what a client may have deflated with  # RFC 4978 §3


class LineTooLong(Exception):
    """No LF within the limit."""


class Buffer:
    """Appends at the end (`feed`), is eaten from the front; nothing is looked through or copied twice."""

    __slots__ = (
        "_at",
        "_came",
        "_data",
        "_free",
        "_full",
        "_held",
        "_inflater",
        "_looked",
        "_more",
        "_raw",
        "_ripe",
        "_swollen",
    )

    def __init__(self) -> None:
        self._data = b""
        self._at = 0
        self._looked = 0  # up to here _data has no LF behind _at
        self._more: list[bytes] = []  # pieces that came while _data was not yet eaten
        self._held = 0  # octets in _more
        self._ripe = False  # an LF is in _more
        self._raw = b""  # deflated octets
        self._inflater: zlib._Decompress | None = None
        self._full = False  # the inflater may hold more than it gave
        self._came = 0  # octets that came deflated, and what was made of them
        self._swollen = 0
        self._free = FREE

    def __len__(self) -> int:
        """Octets not yet eaten, deflated ones as they came."""
        return len(self._data) - self._at + self._held + len(self._raw)

    def feed(self, octets: bytes) -> None:
        """Take more input."""
        if self._inflater is None:
            self._add(octets)
        else:
            self._raw += octets
            self._came += len(octets)

    def inflate(self, free: int = FREE) -> None:
        """What is here and what will come is deflated.  # RFC 4978"""
        self._free = free
        self._merge()
        self._raw, self._data, self._at, self._looked = self._data[self._at :], b"", 0, 0
        self._inflater = zlib.decompressobj(-_WINDOW)
        self._came = len(self._raw)

    def clear(self) -> None:
        """Nothing is here."""
        self._data = self._raw = b""
        self._at = self._looked = self._held = 0
        self._ripe = self._full = False
        self._more.clear()

    def line(self, limit: int) -> bytes | None:
        """The next line with its LF, None when it is not complete. LineTooLong: not within `limit` octets."""
        while True:
            end = self._data.find(b"\n", max(self._at, self._looked), self._at + limit)
            if end >= 0:
                line = self._data[self._at : end + 1]
                self._at = end + 1
                return line
            self._looked = min(len(self._data), self._at + limit)
            here = len(self._data) - self._at
            if here >= limit:
                raise LineTooLong
            if self._ripe or here + self._held >= limit:
                self._merge()
            elif not self._pull():
                return None

    def skip(self) -> bytes | None:
        """Throws away through the next LF and gives the last TAIL octets of that line; None while it has not come."""
        while True:
            end = self._data.find(b"\n", self._at)
            if end >= 0:
                tail = self._data[max(self._at, end + 1 - TAIL) : end + 1]
                self._at = end + 1
                return tail
            self._at = max(self._at, len(self._data) - TAIL)
            if not self._more and not self._pull():
                return None
            self._merge()

    def take(self, most: int) -> bytes:
        """Up to `most` octets of what is here, b"" when there is nothing (or nothing is wanted)."""
        if self._at == len(self._data) and not self._more:
            self._pull()
        self._merge()
        if not self._at and len(self._data) <= most:
            data, self._data, self._looked = self._data, b"", 0
            return data
        at = self._at
        self._at = min(at + most, len(self._data))
        return self._data[at : self._at]

    def peek(self, most: int) -> bytes:
        """The first octets, left here."""
        self._merge()
        return self._data[self._at : self._at + most]

    def _add(self, octets: bytes) -> None:
        if self._at == len(self._data) and not self._more:
            self._data, self._at, self._looked = octets, 0, 0
        else:
            self._more.append(octets)
            self._held += len(octets)
            self._ripe = self._ripe or b"\n" in octets

    def _merge(self) -> None:
        if self._more:
            self._looked = max(0, self._looked - self._at)
            self._data = b"".join((self._data[self._at :], *self._more))
            self._at = self._held = 0
            self._ripe = False
            self._more.clear()

    def _pull(self) -> bool:
        """Inflates one step more; False when there is nothing."""
        if self._inflater is None or not (self._raw or self._full):
            return False
        try:
            octets = self._inflater.decompress(self._raw, STEP)
        except zlib.error:
            raise PeerError(Status("5.5.2", "The deflated stream is broken")) from None
        if self._inflater.eof:
            raise PeerError(Status("5.5.2", "The deflated stream has ended"))
        self._raw = self._inflater.unconsumed_tail
        self._full = len(octets) == STEP
        self._swollen += len(octets)
        if self._swollen > self._free + SWELL * self._came:
            raise PeerError(Status("5.7.0", "The deflated stream swells too much"))
        if not octets:
            return False
        self._add(octets)
        return True
