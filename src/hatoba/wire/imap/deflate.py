"""Deflate: our half of COMPRESS=DEFLATE, for answers in one piece and for streamed ones.

Owned by wire.imap.server once a client has asked for it.
Never holds an answer back: each ends on an octet boundary that the client can inflate up to.
Cannot fail.  # RFC 4978
"""

from __future__ import annotations

import zlib
from typing import Final

# A window of 4 KiB and small tables: 32 KiB of memory for a connection where zlib's defaults take 256.
_WINDOW: Final = -12
_TABLES: Final = 5
_LEVEL: Final = 3


class Deflate:
    """The stream of one connection."""

    __slots__ = ("_deflater",)

    def __init__(self) -> None:
        self._deflater = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, _TABLES)

    def part(self, octets: bytes) -> bytes:
        """Some of an answer; what comes out may lag behind."""
        return self._deflater.compress(octets)

    def whole(self, octets: bytes = b"") -> bytes:
        """The end of an answer: nothing lags behind it."""
        return self._deflater.compress(octets) + self._deflater.flush(zlib.Z_SYNC_FLUSH)
