"""Tar: headers of 512 octets, each followed by its file. POSIX.1-2017 pax "ustar" and the long names of GNU.

Called by archive.
Never follows a link and never copies a file that is no archive's member.
Fails with Broken.
"""

import re
from collections.abc import Iterator

from hatoba.message import charsets
from hatoba.message.archives.member import Broken, Member

_BLOCK = 512
_FILES = frozenset(b"0\x007")  # type flags of what has content
_LONG, _PAX, _GLOBAL = ord("L"), ord("x"), ord("g")
_PATH = re.compile(rb"(?:\A|\n)[0-9]+ path=([^\n]*)\n")


def members(octets: bytes) -> Iterator[Member]:
    """The regular files, in order. Hard links and devices are names without a body."""
    at, long = 0, ""
    while at + _BLOCK <= len(octets):
        head = octets[at : at + _BLOCK]
        if not head.strip(b"\0"):
            return
        if _sum(head) != _number(head[148:156]):
            raise Broken("a header's checksum is wrong")
        size, kind = _number(head[124:136]), head[156]
        at += _BLOCK
        body = octets[at : at + size]
        at += -(-size // _BLOCK) * _BLOCK
        if kind in (_LONG, _PAX, _GLOBAL):
            long = _long(body, kind) or long
            continue
        name, long = long or _name(head), ""
        yield Member(name, body if kind in _FILES else None)


def _long(body: bytes, kind: int) -> str:
    if kind == _LONG:
        return charsets.decode(body.partition(b"\0")[0])
    found = _PATH.search(body)
    return charsets.decode(found[1]) if found else ""


def _name(head: bytes) -> str:
    name = head[:100].partition(b"\0")[0]
    prefix = head[345:500].partition(b"\0")[0] if head[257:263] == b"ustar\0" else b""
    return charsets.decode(prefix + b"/" + name if prefix else name)


def _sum(head: bytes) -> int:
    return sum(head) - sum(head[148:156]) + 8 * 0x20


def _number(field: bytes) -> int:
    """Octal digits, or GNU's big-endian number with the first bit set."""
    if field[0] & 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0")
    try:
        return int(digits, 8) if digits else 0
    except ValueError:
        raise Broken("a header holds what is no number") from None
