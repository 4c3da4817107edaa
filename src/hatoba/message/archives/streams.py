"""Packed streams of one file: gzip, bzip2, xz. # RFC 1952

Called by archive.
Never unpacks beyond the budget.
Fails with Broken, TooMuch.
"""

import bz2
import lzma
import zlib
from collections.abc import Iterator

from hatoba.message import charsets
from hatoba.message.archives.member import Broken, Budget, Member, inflated

_MEMBERS = 100  # streams in a row
_MEMORY = 96 << 20  # octets an xz dictionary may want
_SUFFIXES = (".gz", ".bz2", ".xz", ".tgz", ".tbz2", ".txz", ".z")
_FNAME, _FEXTRA = 8, 4  # RFC 1952 §2.3.1


def members(octets: bytes, kinds: frozenset[str], name: str, budget: Budget) -> Iterator[Member]:
    """The one file in the stream, all members joined."""
    made: list[bytes] = []
    rest: bytes = octets
    try:
        for _ in range(_MEMBERS):
            engine = _engine(kinds)
            made.append(inflated(rest, engine.decompress, budget, len(rest)))
            if not engine.eof:
                raise Broken("it breaks off")
            rest = engine.unused_data
            if not rest.startswith(octets[:2]):
                break
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise Broken(str(error)) from None
    yield Member(_inner(octets, kinds, name.rpartition("/")[2]), b"".join(made))


def _engine(kinds: frozenset[str]):  # type: ignore[no-untyped-def] # three types with one face and no common name
    if "gzip" in kinds:
        return zlib.decompressobj(zlib.MAX_WBITS | 16)
    return bz2.BZ2Decompressor() if "bzip2" in kinds else lzma.LZMADecompressor(memlimit=_MEMORY)


def _inner(octets: bytes, kinds: frozenset[str], name: str) -> str:
    """The name in a gzip's header, else the archive's without its suffix."""
    if "gzip" in kinds and len(octets) > 10 and octets[3] & _FNAME:
        start = 10
        if octets[3] & _FEXTRA:
            start += 2 + int.from_bytes(octets[10:12], "little")
        end = octets.find(b"\0", start, start + 1024)
        if end > start:
            return charsets.decode(octets[start:end])
    suffix = next((suffix for suffix in _SUFFIXES if name.lower().endswith(suffix)), "")
    return name[: -len(suffix)] if suffix else name
