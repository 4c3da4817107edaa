"""Strings: values as IMAP writes them: quoted, as literals, or NIL. # RFC 9051 §4.3, §9

Called by the writers of ENVELOPE and BODYSTRUCTURE.
Never leaves an octet out but NUL, which no string may hold.
Fails never.
"""

import re

NIL = b"NIL"
_PLAIN = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-!#-\[\]-\x7f]*")
_ASCII = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x7f]*")
_QUOTED_MOST = 4096  # octets; longer ones go as literals, whoever reads lines has a limit


def string(value: bytes) -> bytes:
    """A string; "" for an empty value."""
    if len(value) <= _QUOTED_MOST:
        if _PLAIN.fullmatch(value):
            return b'"' + value + b'"'
        if _ASCII.fullmatch(value):
            return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    clean = value.replace(b"\0", b"")
    return b"{%d}\r\n" % len(clean) + clean


def nstring(value: bytes | None) -> bytes:
    """NIL for None."""
    return NIL if value is None else string(value)
