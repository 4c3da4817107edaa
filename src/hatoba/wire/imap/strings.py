"""Strings: how values are written to a client: atoms, quoted strings, literals, NIL.

Called by responses and fetched of this room, and by doors.imap for the values of FETCH.
Never lets a CR, LF or NUL into a quoted string: what cannot be quoted becomes a literal.
Cannot fail.  # RFC 9051 §4
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from hatoba.wire.imap import names

NIL: Final = b"NIL"
_QUOTABLE = re.compile(rb"[ !#-\[\]-~]{0,1000}\Z").match  # nothing to escape, 7-bit, not too long for a line
_ESCAPABLE = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x7f]{0,1000}\Z").match
_ESCAPABLE_UTF8 = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\xff]{0,1000}\Z").match
_ATOM = re.compile(rb"[A-Za-z0-9_./:+=@$-]{1,200}\Z").match
_SPECIAL = re.compile(rb'([\\"])').sub


def literal(octets: bytes) -> bytes:
    """{n} and the octets."""
    return b"{%d}\r\n%b" % (len(octets), octets)


def literal8(octets: bytes) -> bytes:
    """~{n} and the octets: NULs may stand in them.  # RFC 3516 §4.2"""
    return b"~{%d}\r\n%b" % (len(octets), octets)


def string(octets: bytes, utf8: bool = False) -> bytes:
    """Quoted where that can be, else a literal (one with NULs a literal8). `utf8`: 8-bit may stand between quotes."""
    if _QUOTABLE(octets):
        return b'"%b"' % octets
    if _ESCAPABLE(octets) or (utf8 and _ESCAPABLE_UTF8(octets)):
        return b'"%b"' % _SPECIAL(rb"\\\1", octets)
    return literal8(octets) if b"\0" in octets else literal(octets)


def nstring(octets: bytes | None, utf8: bool = False) -> bytes:
    """A string, or NIL for None."""
    return NIL if octets is None else string(octets, utf8)


def astring(octets: bytes, utf8: bool = False) -> bytes:
    """An atom where that can be, else a string."""
    return octets if _ATOM(octets) and octets.upper() != NIL else string(octets, utf8)


def mailbox(name: str, utf8: bool) -> bytes:
    """A mailbox name, in modified UTF-7 or as UTF-8.  # RFC 3501 §5.1.3, RFC 6855 §3"""
    return astring(name.encode() if utf8 else names.encode(name), utf8)


def listed(words: Iterable[bytes]) -> bytes:
    """(a b c)."""
    return b"(%b)" % b" ".join(words)


def flags(names_of: Iterable[str]) -> bytes:
    """(\\Seen $Forwarded): the flags as IMAP writes them."""
    return f"({' '.join(names_of)})".encode()
