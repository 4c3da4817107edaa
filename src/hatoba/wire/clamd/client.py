"""ClamdEngine: our side of one dialogue with clamd: a command, for INSTREAM the content in pieces, one reply.

Driven by net.pump for net.clamd; the content is streamed by `pieces`.
Never keeps the content, never looks at a clock; a reply is at most 4 KiB.
Fails with PeerError when the reply is none, ValueError when a second command is sent.

Source: clamd(8), the section COMMANDS: the prefix z, INSTREAM, the replies OK, FOUND and ERROR.
"""

import re
import struct
from collections.abc import Iterable, Iterator

import msgspec

from hatoba.model.status import PeerError, Status
from hatoba.wire.engine import CLOSED, NEED_DATA, Signal

REPLY_MOST = 4096
PIECE_MOST = 1 << 18  # octets in one piece: its length alone would allow 4 GiB

_FOUND = re.compile(r"stream: (\S.*?)(?:\([0-9a-f]{32,64}:\d+\))? FOUND")
_TOO_LARGE = "INSTREAM size limit exceeded"


class Ping(msgspec.Struct, frozen=True, gc=False):
    """Answered with Pong."""

    word = b"zPING\0"


class Version(msgspec.Struct, frozen=True, gc=False):
    """Asks for the version; and what is said of it: engine, signatures and their date."""

    text: str = ""

    word = b"zVERSION\0"


class Scan(msgspec.Struct, frozen=True, gc=False):
    """INSTREAM: `pieces` follow."""

    word = b"zINSTREAM\0"


class Pong(msgspec.Struct, frozen=True, gc=False):
    """clamd is there."""


class Clean(msgspec.Struct, frozen=True, gc=False):
    """Nothing was found."""


class Found(msgspec.Struct, frozen=True, gc=False):
    """`signature` is the name of what was found."""

    signature: str


class Trouble(msgspec.Struct, frozen=True, gc=False):
    """It could not scan. `too_large`: more octets than its StreamMaxLength."""

    text: str
    too_large: bool = False


Command = Ping | Version | Scan
Reply = Pong | Version | Clean | Found | Trouble


class ClamdEngine:
    """One command and its reply; clamd ends the connection behind it."""

    __slots__ = ("_asked", "_buffer", "_done", "_ended")

    def __init__(self) -> None:
        self._asked: Command | None = None
        self._buffer = b""
        self._ended = False
        self._done = False

    def receive(self, data: bytes) -> None:
        """Octets from clamd; b"" is the end of its stream."""
        self._ended = self._ended or not data
        self._buffer += data
        if len(self._buffer) > REPLY_MOST:
            raise wrong(f"a reply above {REPLY_MOST} octets")

    def next_event(self) -> Reply | Signal:
        """The reply, once; then CLOSED. A stream that ends before its NUL had no reply."""
        if self._done:
            return CLOSED
        line, end, rest = self._buffer.partition(b"\0")
        if not end:
            if self._ended and self._buffer:
                raise wrong("a reply that is cut short")
            return CLOSED if self._ended else NEED_DATA
        if self._asked is None or rest:
            raise wrong("more said than was asked")
        self._done = True
        return _read(self._asked, line)

    def send(self, answer: Command | None) -> bytes:
        """The octets of the one command."""
        if answer is None:
            return b""
        if self._asked is not None:
            raise ValueError("a second command on one connection")
        self._asked = answer
        return answer.word

    def pieces(self, content: Iterable[bytes]) -> Iterator[bytes]:
        """What follows Scan on the wire: each piece with its length, and the empty one at the end."""
        for data in content:
            for at in range(0, len(data), PIECE_MOST):
                piece = data[at : at + PIECE_MOST]
                yield struct.pack(">I", len(piece)) + piece
        yield bytes(4)

    def tls_started(self) -> None:
        """clamd speaks no TLS of its own."""


def wrong(what: str) -> PeerError:
    """The exception for a clamd that is none."""
    return PeerError(Status("4.3.0", f"clamd: {what}"))


def _read(asked: Command, line: bytes) -> Reply:
    text = line.decode("utf-8", "replace").strip()
    if not text.isprintable():
        raise wrong("a reply with unprintable octets")
    if isinstance(asked, Version) and text.startswith("ClamAV "):
        return Version(text)
    if isinstance(asked, Ping) and text == "PONG":
        return Pong()
    if isinstance(asked, Scan):
        if text == "stream: OK":
            return Clean()
        if found := _FOUND.fullmatch(text):
            return Found(found[1])
    if text.endswith("ERROR"):
        return Trouble(text, too_large=text.startswith(_TOO_LARGE))
    raise wrong(f"a reply that is none: {text[:80]}")
