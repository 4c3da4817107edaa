"""Canonical forms: what of a header field or of a body goes into the hash, "simple" and "relaxed".

Called by verify and sign of dkim and arc; hot: a body costs a few searches when nothing has to change.
Never walks a body octet by octet or line by line in Python, and holds back no more than a run of white space.
Fails never: any octets have a canonical form, bare CR and LF are octets like others.
"""

import hashlib
from typing import Literal

Form = Literal["simple", "relaxed"]

_WSP = b" \t"
_ENDS = b"\r\n"
_BLANK = b" \t\r\n"


def squeeze(text: bytes) -> bytes:
    """Each run of spaces and tabs becomes one space."""
    if b"\t" in text:
        text = text.replace(b"\t", b" ")
    while b"  " in text:  # a run shrinks to a quarter, an eighth…: few passes, however long it is
        text = text.replace(b"    ", b" ").replace(b"  ", b" ")
    return text


def field(name: bytes, value: bytes, form: Form) -> bytes:
    """A header field without its last line end; `name` as written, `value` what follows the colon, folds included.

    `simple` gives it back as it is.  # RFC 6376 §3.4.1, §3.4.2
    """
    if form == "simple":
        return name + b":" + value
    value = value.replace(b"\r\n", b"")
    if b"\t" in value or b"  " in value:
        value = squeeze(value)
    return name.rstrip(_WSP).lower() + b":" + value.strip(_WSP)


def _without_last_lines(text: bytes) -> bytes:
    """`text` without the CRLFs at its end; a CR or LF that is part of no CRLF stops there."""
    if not text.endswith(b"\r\n"):
        return text
    stripped = text.rstrip(_ENDS)
    tail = text[len(stripped) :]
    start = max(tail.rfind(b"\r\r"), tail.rfind(b"\n\n")) + 1  # behind it CR and LF alternate
    if tail[start : start + 1] == b"\n":
        start += 1
    return stripped + tail[:start]


def body(text: bytes, form: Form) -> bytes:
    """A whole body in its canonical form.  # RFC 6376 §3.4.3, §3.4.4"""
    if form == "relaxed":
        text = _relaxed(text)
        if text.endswith(b" "):  # at the end of a last line that has no line end
            text = text[:-1]
        text = _without_last_lines(text)
        return text + b"\r\n" if text else b""
    return _without_last_lines(text) + b"\r\n"


def _relaxed(text: bytes) -> bytes:
    """Runs of white space squeezed, none left before a CRLF."""
    if b"\t" in text or b"  " in text:
        text = squeeze(text)
    return text.replace(b" \r\n", b"\r\n") if b" \r\n" in text else text


class BodyHash:
    """SHA-256 of a body that comes in pieces. `length` is the number of canonical octets to hash (l=), None for all.

    `size` counts the canonical octets seen, once `digest` was called.
    """

    __slots__ = ("_begun", "_hash", "_held", "_left", "form", "size")

    def __init__(self, form: Form, length: int | None = None) -> None:
        self.form = form
        self.size = 0
        self._hash = hashlib.sha256()
        self._left = length
        self._held: list[bytes] = []  # white space and line ends whose fate the next piece decides
        self._begun = False

    def update(self, piece: bytes) -> None:
        """The next octets of the body, cut anywhere."""
        firm = piece.rstrip(_BLANK if self.form == "relaxed" else _ENDS)
        if not firm:
            self._held.append(piece)
            return
        tail = piece[len(firm) :]
        if self._held:
            firm = b"".join((*self._held, firm))
        self._held = [tail] if tail else []
        self._take(_relaxed(firm) if self.form == "relaxed" else firm)

    def digest(self) -> bytes:
        """Ends the body: its hash. To be called once."""
        held = b"".join(self._held)
        if self.form == "relaxed":
            held = _relaxed(held)
            held = held[:-1] if held.endswith(b" ") else held
            held = _without_last_lines(held)
            self._take(held + b"\r\n" if held or self._begun else b"")
        else:
            self._take(_without_last_lines(held) + b"\r\n")
        return self._hash.digest()

    def _take(self, text: bytes) -> None:
        if text:
            self._begun = True
        self.size += len(text)
        if self._left is not None:
            text = text[: self._left]
            self._left -= len(text)
        self._hash.update(text)
