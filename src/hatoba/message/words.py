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
_GAP = re.compile(r"[ \t\r\n]*")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]")


def decode(value: str | bytes) -> str:
    """`value` (a field's body, folded or not; octets may be in any charset) as text for people."""
    if isinstance(value, str):
        text = _decode_words(value) if "=?" in value else value
    elif b"=?" not in value:
        text = raw(value)
    elif value.isascii():
        text = _decode_words(raw(value))
    else:  # octets within a word are in its charset, those between words in any
        text = _decode_words(value.decode("latin-1"), octets=True)
    return (text if text.isprintable() else _CONTROLS.sub(" ", text)).strip()


def raw(octets: bytes) -> str:
    """Octets of a header as text: UTF-8, or what Japanese programs left there unencoded."""
    if octets.isascii() and b"\x1b" not in octets:
        return octets.decode("ascii")
    return charsets.decode(octets)


def _decode_words(text: str, octets: bool = False) -> str:
    """White space between two words goes; octets of neighbours in one charset are joined before they are decoded.

    Programs do split a character over two words, though RFC 2047 §5 forbids it. `octets`: each character is one.
    """
    out: list[str] = []
    at, charset, held = 0, "", b""
    for word in _WORD.finditer(text):
        decoded = _octets(word[2], word[3], "latin-1" if octets else "utf-8")
        if decoded is None:
            continue
        gap = text[at : word.start()]
        joined = at > 0 and _GAP.fullmatch(gap) is not None and (held or charset)
        if joined and charset == word[1].lower():
            held += decoded
        else:
            out.append(charsets.decode(held, charset) if held else "")
            out.append("" if joined else _between(gap, octets))
            charset, held = word[1].lower(), decoded
        at = word.end()
    out.append(charsets.decode(held, charset) if held else "")
    out.append(_between(text[at:], octets))
    return "".join(out)


def _between(text: str, octets: bool) -> str:
    return raw(text.encode("latin-1")) if octets else text


def _octets(encoding: str, text: str, charset: str) -> bytes | None:
    """The octets of a word's text, which is in `charset` itself where it must not be; None when it is no such text."""
    if encoding in "qQ":
        body = text.replace("_", " ").encode(charset, "replace")
        return _HEX.sub(lambda found: bytes((int(found[1], 16),)), body)
    clean = _NOT_BASE64.sub("", text)
    if len(clean) % 4 == 1:
        clean = clean[:-1]
    try:
        return base64.b64decode(clean + "=" * (-len(clean) % 4))
    except binascii.Error:
        return None
