"""Names: modified UTF-7, the writing of mailbox names in IMAP4rev1, and the one form they have inside.

Called by the grammar of this room (decode) and by strings (encode).
Never judges which names a mailbox may have; doors and mailboxes do.
decode fails with ValueError for what is no name.  # RFC 3501 §5.1.3
"""

from __future__ import annotations

import binascii
import re
import unicodedata
from typing import Final

MOST: Final = 1024  # octets of a name on the wire
_SHIFTED = re.compile(r"&([^-]*)-")
_BASE64 = re.compile(r"[A-Za-z0-9+,]+\Z").match
_OUTSIDE = re.compile(r"[^\x20-\x7e]+|&")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]").search


def encode(name: str) -> bytes:
    """To modified UTF-7."""
    if name.isascii() and "&" not in name:
        return name.encode()
    return _OUTSIDE.sub(_shift, name).encode()


def _shift(found: re.Match[str]) -> str:
    run = found.group()
    if run == "&":
        return "&-"
    encoded = binascii.b2a_base64(run.encode("utf-16-be", "surrogatepass"), newline=False)
    return f"&{encoded.decode().rstrip('=').replace('/', ',')}-"


def decode(octets: bytes, utf8: bool) -> str:
    """The name as it is inside: NFC, INBOX in capitals.

    Without `utf8` it is modified UTF-7; 8-bit octets are taken as UTF-8 there too, as clients send them. ValueError.
    """
    if len(octets) > MOST:
        raise ValueError("the name is too long")
    name = octets.decode()  # UnicodeDecodeError is a ValueError
    if not utf8 and "&" in name:
        name = _undo(name)
    if _CONTROL(name):
        raise ValueError("control characters in a name")
    return normal(name)


def normal(name: str) -> str:
    """NFC, and the first level INBOX in capitals."""
    if not name.isascii():
        name = unicodedata.normalize("NFC", name)
    if name[:5].upper() == "INBOX" and name[5:6] in ("", "/"):
        return "INBOX" + name[5:]
    return name


def _undo(name: str) -> str:
    parts = []
    at = 0
    while (start := name.find("&", at)) >= 0:
        found = _SHIFTED.match(name, start)
        if found is None:
            raise ValueError("a shift without its end")
        parts += [name[at:start], _unshift(found[1])]
        at = found.end()
    return "".join((*parts, name[at:]))


def _unshift(run: str) -> str:
    """A run of modified base64; printable ASCII may not stand in one."""
    if not run:
        return "&"
    if not _BASE64(run):
        raise ValueError("no modified base64")
    padded = run.replace(",", "/") + "=" * (-len(run) % 4)
    text = binascii.a2b_base64(padded).decode("utf-16-be")
    if text.isascii() and not _CONTROL(text):
        raise ValueError("printable characters shifted")
    return text
