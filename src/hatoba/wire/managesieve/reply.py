"""Reply, Challenge and Data: what our ManageSieve server says, as value and as bytes.

Made by doors.sieve and by the faults of this room; constants are made once, at import.
Never puts a text onto the wire that could be taken for the end of its string: it is quoted, or a literal.
Fails with ValueError when made with a status that is none.
"""

import base64
import re
from collections.abc import Iterable

import msgspec

QUOTED_MAX = 1024  # octets between the quotes  # RFC 5804 §4, QUOTED

_PLAIN = re.compile(rb"[^\x00\r\n]*\Z").match
_ESCAPED = re.compile(rb'(["\\])').sub


def string(value: str | bytes) -> bytes:
    """A string: quoted where it may be, else a literal.  # RFC 5804 §4"""
    octets = value.encode("utf-8", "replace") if isinstance(value, str) else value
    if len(octets) <= QUOTED_MAX and _PLAIN(octets):
        return b'"%b"' % _ESCAPED(rb"\\\1", octets)
    return b"{%d}\r\n%b" % (len(octets), octets)


class Reply:
    """The end of an answer of ours: OK, NO or BYE, a response code and a text for a person.

    `code` stands in parentheses as it is ("QUOTA/MAXSIZE"), "" for none; `wire` is the encoding. `then` tells the
    pump what follows: "" go on, "close" (always behind BYE), "tls" the handshake.  # RFC 5804 §1.2, §1.3
    """

    __slots__ = ("code", "status", "text", "then", "wire")

    def __init__(self, status: str, text: str = "", code: str = "", then: str = "") -> None:
        if status not in ("OK", "NO", "BYE"):
            raise ValueError(f"no status: {status}")
        self.status = status
        self.text = text
        self.code = code
        self.then = "close" if status == "BYE" else then
        words = [status.encode()]
        if code:
            words.append(f"({code})".encode())
        if text:
            words.append(string(text))
        self.wire = b" ".join(words) + b"\r\n"

    @property
    def ok(self) -> bool:
        return self.status == "OK"

    def _key(self) -> tuple[str, str, str, str]:
        return (self.status, self.text, self.code, self.then)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reply) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"Reply({self.status!r}, {self.text!r}, {self.code!r}, then={self.then!r})"


class Challenge(msgspec.Struct, frozen=True, gc=False):
    """A SASL challenge, not base64 yet.  # RFC 5804 §2.1"""

    data: bytes

    @property
    def then(self) -> str:
        return ""

    @property
    def wire(self) -> bytes:
        return string(base64.b64encode(self.data)) + b"\r\n"


class Data(msgspec.Struct, frozen=True, gc=False):
    """Lines, or a script, with the OK behind them, in wire form."""

    wire: bytes


def listed(scripts: Iterable[tuple[str, bool]], ok: Reply) -> Data:
    """The answer to LISTSCRIPTS: (name, whether it is the active one) of each.  # RFC 5804 §2.7"""
    lines = [string(name) + (b" ACTIVE" if active else b"") + b"\r\n" for name, active in scripts]
    return Data(b"".join((*lines, ok.wire)))


def script(content: bytes, ok: Reply) -> Data:
    """The answer to GETSCRIPT: a literal, which every client reads.  # RFC 5804 §2.9"""
    return Data(b"{%d}\r\n%b\r\n%b" % (len(content), content, ok.wire))
