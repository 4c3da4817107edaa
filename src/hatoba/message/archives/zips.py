"""Zip: by its directory and by the headers in front of its files; where the two differ, both are shown.

Called by archive.
Never believes a size; what the directory leaves out is found by walking the local headers.
Fails with Broken, TooMuch.
"""

import bz2
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from hatoba.message import charsets
from hatoba.message.archives.member import Broken, Budget, Member

_LOCAL = struct.Struct("<4s5H3I2H")
_ENTRY = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_LOCAL_MARK, _ENTRY_MARK, _END_MARK = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_COMMENT = 65535  # octets of the longest comment behind the end
_LOCKED, _UTF8 = 0x0001, 0x0800
_HIDDEN = 5000  # headers that the directory does not name, or octets that look so
_MOST = 70_000  # entries of one directory: more cannot be counted without ZIP64


class _Entry(NamedTuple):
    name: str
    flags: int
    method: int
    packed: int  # as declared, 0 where nobody says
    local: int  # offset of its local header


def members(octets: bytes, budget: Budget) -> Iterator[Member]:
    """Every file of the directory, then every local header it does not name."""
    seen: set[int] = set()
    entries = list(_directory(octets))
    for entry in entries:
        seen.add(entry.local)
        own = _local(octets, entry.local)
        if own is not None and own.name != entry.name:
            yield Member(own.name)  # programs differ in which of the two they show
        yield _unpacked(octets, entry, budget) if own is not None else Member(entry.name, trouble="broken")
    found = hidden = 0
    at = octets.find(_LOCAL_MARK)
    while at >= 0:
        if at not in seen and (own := _local(octets, at)) is not None and own.name:
            hidden += 1
            if hidden > _HIDDEN:
                raise Broken("it has more headers than its directory names")
            member = _unpacked(octets, own, budget)
            if member.body is not None or not entries:  # else the mark stood within a file
                found += 1
                yield member
        at = octets.find(_LOCAL_MARK, at + 4)
    if not entries and not found and not octets.startswith(_END_MARK):
        raise Broken("it has neither a directory nor a file")


def _directory(octets: bytes) -> Iterator[_Entry]:
    """The entries of the central directory; none where there is no directory to be found."""
    end = octets.rfind(_END_MARK, max(0, len(octets) - _END.size - _COMMENT))
    if end < 0 or end + _END.size > len(octets):
        return
    _, _, _, _, _, size, offset, _ = _END.unpack_from(octets, end)
    at = end - size  # what stands before the archive (a program that unpacks itself) moves every offset
    if at < 0 or octets[at : at + 4] != _ENTRY_MARK:
        at = octets.find(_ENTRY_MARK)
        if at < 0:
            return
        shift = 0
    else:
        shift = at - offset
    for _ in range(_MOST):
        if at + _ENTRY.size > len(octets) or octets[at : at + 4] != _ENTRY_MARK:
            return
        (_, _, _, flags, method, _, _, _, packed, _, name, extra, comment, _, _, _, local) = _ENTRY.unpack_from(
            octets, at
        )
        start = at + _ENTRY.size
        yield _Entry(_text(octets[start : start + name], flags), flags, method, packed, local + shift)
        at = start + name + extra + comment


def _local(octets: bytes, at: int) -> _Entry | None:
    if at < 0 or at + _LOCAL.size > len(octets) or octets[at : at + 4] != _LOCAL_MARK:
        return None
    _, _, flags, method, _, _, _, packed, _, name, _ = _LOCAL.unpack_from(octets, at)
    start = at + _LOCAL.size
    return _Entry(_text(octets[start : start + name], flags), flags, method, packed, at)


def _text(name: bytes, flags: int) -> str:
    return charsets.decode(name, "utf-8" if flags & _UTF8 else "")


def _unpacked(octets: bytes, entry: _Entry, budget: Budget) -> Member:
    if entry.name.endswith("/"):
        return Member(entry.name)
    if entry.flags & _LOCKED or entry.method == 99:
        return Member(entry.name, locked=True)
    *_, name, extra = _LOCAL.unpack_from(octets, entry.local)
    start = entry.local + _LOCAL.size + name + extra
    try:
        if entry.method == 0:
            body = octets[start : start + entry.packed]
            budget.spend(len(body), len(body))
            return Member(entry.name, body)
        if entry.method in (8, 12):
            return Member(entry.name, _inflated(memoryview(octets)[start:], entry.method, budget))
    except (zlib.error, OSError, EOFError):
        budget.spend(0, len(octets) - start)  # nobody knows how far it read
        return Member(entry.name, trouble="broken")
    return Member(entry.name, trouble="unread")


def _inflated(body: memoryview, method: int, budget: Budget) -> bytes:
    """The file, to where its stream ends, whatever size was declared: programs go by either."""
    engine = zlib.decompressobj(-zlib.MAX_WBITS) if method == 8 else bz2.BZ2Decompressor()
    made = engine.decompress(body, budget.most(len(body)) + 1)
    packed = len(body) - len(engine.unused_data) if engine.eof else len(body)
    budget.spend(len(made), packed)
    return made
