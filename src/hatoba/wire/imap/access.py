"""Commands about the connection and the login: CAPABILITY, ID, AUTHENTICATE, LOGIN, ENABLE, COMPRESS and their like.

Called by commands.py's table.
Never knows whether a name or a password is good.
Fails with Bad.  # RFC 9051 §6.1, §6.2, RFC 2971, RFC 4959, RFC 5161, RFC 4978
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from hatoba.wire.imap import events
from hatoba.wire.imap.scanner import Bad, Scanner

_ID_PAIRS: Final = 30  # RFC 2971 §3.3
_ID_OCTETS: Final = 1024


def identify(scanner: Scanner, tag: str) -> events.Id:
    scanner.space()
    if scanner.data[scanner.at : scanner.at + 3].upper() == b"NIL":
        scanner.at += 3
        return events.Id(tag)
    words = scanner.listed(lambda: _id_word(scanner), empty=True)
    if len(words) % 2 or len(words) > 2 * _ID_PAIRS:
        raise Bad("ID takes pairs of a name and a value, thirty at most")
    if None in words[::2]:
        raise Bad("A field of ID has no name")
    pairs = zip(words[::2], words[1::2], strict=True)
    return events.Id(tag, tuple((name or "", value) for name, value in pairs))


def _id_word(scanner: Scanner) -> str | None:
    word = scanner.nstring("A field of ID")
    if word is not None and len(word) > _ID_OCTETS:
        raise Bad("A field of ID is too long")
    return None if word is None else word.decode("utf-8", "replace")


def authenticate(scanner: Scanner, tag: str) -> events.Authenticate:
    scanner.space()
    mechanism = scanner.word("A mechanism")
    if scanner.over:
        return events.Authenticate(tag, mechanism)
    scanner.space()
    written = scanner.data[scanner.at :]
    scanner.at = len(scanner.data)
    initial = b"" if written == b"=" else base64_of(written)
    if initial is None:
        raise Bad("The initial response is not base64")
    return events.Authenticate(tag, mechanism, initial)


def base64_of(octets: bytes) -> bytes | None:
    """Decoded strictly; None when it is none."""
    try:
        return base64.b64decode(octets, validate=True)
    except (binascii.Error, ValueError):
        return None


def login(scanner: Scanner, tag: str) -> events.Login:
    scanner.space()
    name = scanner.text("A user name")
    scanner.space()
    return events.Login(tag, name, scanner.text("A password"))


def enable(scanner: Scanner, tag: str) -> events.Enable:
    words: list[str] = []
    while not scanner.over or not words:
        scanner.space()
        words.append(scanner.word("A capability"))
    return events.Enable(tag, tuple(dict.fromkeys(words)))


def compress(scanner: Scanner, tag: str) -> events.Compress:
    scanner.space()
    if scanner.word("A mechanism") != "DEFLATE":
        raise Bad("No such compression", "NO")
    return events.Compress(tag)
