"""Reply and Challenge: what our SMTP server says, as value and as bytes.

Made by doors.smtp and by the grammar of this room; constants are made once, at import. (A peer's: peer.py.)
Never lets a CR, LF or any other control character of a text onto the wire: each becomes "?", as does non-ASCII.
Fails with ValueError when made with a code or an enhanced code that is none.
"""

import base64
import functools
import re

import msgspec

LINE_MAX = 512  # octets of a reply line with its CRLF  # RFC 5321 §4.5.3.1.5

_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\Z", re.ASCII).match
_UNSAFE = re.compile(r"[^ -~]").sub
_SHORT = LINE_MAX - 18  # the longest text that fits whatever the codes


class Reply:
    """One reply of ours: a three digit code, an enhanced code ("" for none) and one or more lines of text.

    `wire` is its encoding. `then` tells the pump what follows once it is written: "" go on, "close" the connection,
    "tls" the handshake. ValueError: no such code.  # RFC 5321 §4.2, RFC 2034, RFC 3463
    """

    __slots__ = ("code", "enhanced", "lines", "then", "wire")

    def __init__(self, code: int, enhanced: str, *lines: str, then: str = "") -> None:
        self.code = code
        self.enhanced = enhanced
        self.lines = lines
        self.then = then
        self.wire = encode(code, enhanced, lines)

    def closing(self) -> "Reply":
        """The same words, and the connection ends after them."""
        return Reply(self.code, self.enhanced, *self.lines, then="close")

    def _key(self) -> tuple[int, str, tuple[str, ...], str]:
        return (self.code, self.enhanced, self.lines, self.then)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reply) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        words = ", ".join(repr(line) for line in self.lines)
        return f"Reply({self.code}, {self.enhanced!r}, {words}, then={self.then!r})"


@functools.lru_cache(maxsize=512)
def _head(code: int, enhanced: str) -> tuple[str, str]:
    """("250", "2.0.0 "): what every line begins with. ValueError: no such code."""
    if not 200 <= code <= 599:
        raise ValueError(f"no reply code: {code}")
    if enhanced and not _ENHANCED(enhanced):
        raise ValueError(f"no enhanced status code: {enhanced}")
    return str(code), f"{enhanced} " if enhanced else ""


def encode(code: int, enhanced: str, lines: tuple[str, ...]) -> bytes:
    """A reply as bytes; every line carries the enhanced code, long ones are folded.  # RFC 2034 §4"""
    digits, mark = _head(code, enhanced)
    if len(lines) == 1:
        text = lines[0]
        if len(text) <= _SHORT and text.isascii() and text.isprintable():
            return f"{digits} {mark}{text}\r\n".encode()
    room = LINE_MAX - 6 - len(mark)
    texts: list[str] = []
    for line in lines or ("",):
        safe = _UNSAFE("?", line)
        texts += [safe[at : at + room] for at in range(0, len(safe), room)] or [""]
    last = len(texts) - 1
    return "".join(f"{digits}{'-' if n < last else ' '}{mark}{text}\r\n" for n, text in enumerate(texts)).encode()


class Challenge(msgspec.Struct, frozen=True, gc=False):
    """A SASL challenge as the answer to AUTH or to a response: 334 and base64.  # RFC 4954 §4"""

    data: bytes

    @property
    def code(self) -> int:
        return 334

    @property
    def then(self) -> str:
        return ""

    @property
    def wire(self) -> bytes:
        return b"334 " + base64.b64encode(self.data) + b"\r\n"
