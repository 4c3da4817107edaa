"""Documents out of what carries them: a letter, a zip, a gzip, or nothing at all; never more than a budget allows.

Called by the readers of reports (DMARC's XML, TLS-RPT's JSON), with what a stranger sent.
Never writes a file, never follows a directory of an archive, and never inflates beyond the budget.
Fails with BadPack; a part that is no document is passed over.
"""

import struct
import zlib
from collections.abc import Iterator

from hatoba.message import parts

MOST = 32 << 20  # octets that all documents of one letter may have, unpacked
_LAYERS = 2  # a gzip within a zip is seen; deeper nests are made by nobody honest
_FILES = 10  # of one archive
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_LOCAL = struct.Struct("<4s5H3I2H")  # a local file header of a zip
_ENCRYPTED, _TRAILED = 0x0001, 0x0008
_MEMBERS = 100  # of one gzip
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")  # byte order marks
_SPACES = b" \t\r\n\x00"


class BadPack(ValueError):
    """The archive is broken, locked or too large; the message says which."""


class _Budget:
    def __init__(self, left: int) -> None:
        self.left = left

    def spend(self, octets: bytes) -> bytes:
        self.left -= len(octets)
        if self.left < 0:
            raise BadPack("it is too large when unpacked")
        return octets


def documents(octets: bytes, opening: bytes, *, most: int = MOST) -> Iterator[bytes]:
    """Every document in `octets` that begins with `opening` (b"<", b"{"), in order. BadPack.

    `octets`: the document itself, a gzip or zip of it, or a letter with any of these in its parts.
    """
    budget = _Budget(most)
    bare = _packed(octets) or _opens(octets, opening)
    for body in [octets] if bare else [leaf.body for leaf in parts.leaves(octets)]:
        if _packed(body):
            yield from _inside(body, opening, budget, _LAYERS)
        elif _opens(body, opening):
            yield budget.spend(body)


def _inside(octets: bytes, opening: bytes, budget: _Budget, layers: int) -> Iterator[bytes]:
    """The documents of an archive; all that is inflated was spent, document or not."""
    if not layers:
        raise BadPack("archives lie within archives")
    for file in iter([_gunzip(octets, budget)]) if octets.startswith(_GZIP) else _unzip(octets, budget):
        if _packed(file):
            yield from _inside(file, opening, budget, layers - 1)
        elif _opens(file, opening):
            yield file


def _packed(octets: bytes) -> bool:
    return octets.startswith((_GZIP, _ZIP))


def _opens(octets: bytes, opening: bytes) -> bool:
    start = octets[:64]
    for mark in _MARKS:
        start = start.removeprefix(mark)
    return start.lstrip(_SPACES).startswith(opening)


def _inflate(octets: bytes, bits: int, budget: _Budget) -> tuple[bytes, bytes]:
    """(inflated, what stands behind the stream). BadPack."""
    engine = zlib.decompressobj(bits)
    try:
        made = engine.decompress(octets, budget.left + 1)
    except zlib.error as error:
        raise BadPack(f"it is broken: {error}") from None
    budget.spend(made)
    if not engine.eof:
        raise BadPack("it breaks off")
    return made, engine.unused_data


def _gunzip(octets: bytes, budget: _Budget) -> bytes:
    """All members of a gzip as one; what follows the last is passed over. # RFC 1952 §2.2"""
    made: list[bytes] = []
    while octets.startswith(_GZIP) and len(made) < _MEMBERS:
        file, octets = _inflate(octets, zlib.MAX_WBITS | 16, budget)
        made.append(file)
    return b"".join(made)


def _unzip(octets: bytes, budget: _Budget) -> Iterator[bytes]:
    """The files of a zip, read in the order in which they stand; its directory is not looked at.

    So no file can be counted twice, and none can claim to be shorter than it is.
    """
    for _ in range(_FILES):
        if not octets.startswith(_ZIP) or len(octets) < _LOCAL.size:
            return
        _, _, flags, method, _, _, crc, packed, _, name, extra = _LOCAL.unpack_from(octets)
        body = octets[_LOCAL.size + name + extra :]
        if flags & _ENCRYPTED:
            raise BadPack("it is locked with a password")
        if method == 8:
            file, octets = _inflate(body, -zlib.MAX_WBITS, budget)
        elif method == 0 and not flags & _TRAILED:
            file, octets = budget.spend(body[:packed]), body[packed:]
        else:
            raise BadPack("it is packed in a way we do not read")
        if flags & _TRAILED:  # a descriptor of 12 to 24 octets stands between
            at = octets.find(_ZIP, 0, 24 + len(_ZIP))
            octets = octets[at:] if at >= 0 else b""
        elif zlib.crc32(file) != crc:
            raise BadPack("its checksum is wrong")
        yield file
