"""Reply, Challenge and Data: what our POP3 server says, as value and as bytes.

Made by doors.pop3 and by the faults of this room; constants are made once, at import.
Never lets a CR, LF or any other control character of a text onto the wire: each becomes "?".
Fails with ValueError when made with a response code that is none.
"""

import base64
import re
from typing import Final

import msgspec

LINE_MAX: Final = 512  # octets of a reply's first line with its CRLF  # RFC 2449 §4

_CODES: Final = frozenset(
    ("", "IN-USE", "LOGIN-DELAY", "SYS/TEMP", "SYS/PERM", "AUTH", "UTF8")
)  # RFC 2449 §8, RFC 3206
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]").sub


class Reply:
    """One line of ours: +OK or -ERR, a response code ("" for none) and a text.

    `wire` is its encoding, UTF-8 where the text is not ASCII. `then` tells the pump what follows once it is written:
    "" go on, "close" the connection, "tls" the handshake. ValueError: no such code.  # RFC 1939 §3, RFC 2449 §8
    """

    __slots__ = ("code", "ok", "text", "then", "wire")

    def __init__(self, ok: bool, text: str = "", code: str = "", then: str = "") -> None:
        if code not in _CODES:
            raise ValueError(f"no response code: {code}")
        self.ok = ok
        self.text = text
        self.code = code
        self.then = then
        self.wire = encode(ok, code, text)

    def in_words(self, text: str) -> "Reply":
        """The same reply in other words (another language)."""
        return Reply(self.ok, text, self.code, self.then)

    def closing(self) -> "Reply":
        """The same words, and the connection ends after them."""
        return Reply(self.ok, self.text, self.code, "close")

    def _key(self) -> tuple[bool, str, str, str]:
        return (self.ok, self.text, self.code, self.then)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reply) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"Reply({self.ok}, {self.text!r}, {self.code!r}, then={self.then!r})"


def encode(ok: bool, code: str, text: str) -> bytes:
    """The line with its CRLF; a text beyond the line's room is cut."""
    words = ("+OK" if ok else "-ERR", f"[{code}]" if code else "", _UNSAFE("?", text))
    line = " ".join(word for word in words if word).encode()
    return line[: LINE_MAX - 2].decode(errors="ignore").encode() + b"\r\n"


class Challenge(msgspec.Struct, frozen=True, gc=False):
    """A SASL challenge, not base64 yet.  # RFC 5034 §4"""

    data: bytes

    @property
    def ok(self) -> bool:
        return False

    @property
    def then(self) -> str:
        return ""

    @property
    def wire(self) -> bytes:
        return b"+ " + base64.b64encode(self.data) + b"\r\n"


class Data(msgspec.Struct, frozen=True, gc=False):
    """A whole multi-line reply in wire form, from its +OK to its dot (content.whole, content.listed).

    It is written before another event is taken, so that a peer who pipelines and does not read holds nothing of ours.
    """

    wire: bytes
