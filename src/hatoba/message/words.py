"""Encoded words read: header values as people see them. # RFC 2047, RFC 2231 §5

Called by headers and mailbox.
Never returns a control character: CR, LF, NUL and escapes in a decoded word become spaces.
Fails never: a word that cannot be read stays as it stands.
"""

import base64
import binascii
import re

from hatoba.message import charsets

_WORD = re.compile(r"=\?([^?*\s]{1,60})(?:\*[^?\s]{0,60})?\?([bBqQ])\?([^?\r\n]*)\?=")
_BETWEEN = re.compile(r"[ \t\r\n]*")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]")


def decode(value: str | bytes) -> str:
    """`value` (a field's body, folded or not; octets may be in any charset) as text for people."""
    text = raw(value) if isinstance(value, bytes) else value
    if "=?" in text:
        text = _decode_words(text)
    return _CONTROLS.sub(" ", text).strip()


def raw(octets: bytes) -> str:
    """Octets of a header as text: UTF-8, or what Japanese programs left there unencoded."""
    if octets.isascii() and b"\x1b" not in octets:
        return octets.decode("ascii")
    return charsets.decode(octets)


def _decode_words(text: str) -> str:
    """White space between two words goes; octets of neighbours in one charset are joined before they are decoded.

    Programs do split a character over two words, though RFC 2047 §5 forbids it.
    """
    out: list[str] = []
    at, charset, octets = 0, "", b""
    for word in _WORD.finditer(text):
        decoded = _octets(word[2], word[3])
        if decoded is None:
            continue
        gap = text[at : word.start()]
        joined = at > 0 and _BETWEEN.fullmatch(gap) is not None and (octets or charset)
        if joined and charset == word[1].lower():
            octets += decoded
        else:
            out.append(charsets.decode(octets, charset) if octets else "")
            out.append("" if joined else gap)
            charset, octets = word[1].lower(), decoded
        at = word.end()
    out.append(charsets.decode(octets, charset) if octets else "")
    out.append(text[at:])
    return "".join(out)


def _octets(encoding: str, text: str) -> bytes | None:
    """The octets of a word's text; None when it is no such text."""
    if encoding in "qQ":
        body = text.replace("_", " ").encode("utf-8", "replace")
        return _HEX.sub(lambda found: bytes((int(found[1], 16),)), body)
    clean = _NOT_BASE64.sub("", text)
    if len(clean) % 4 == 1:
        clean = clean[:-1]
    try:
        return base64.b64decode(clean + "=" * (-len(clean) % 4))
    except binascii.Error:
        return None
