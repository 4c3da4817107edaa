"""Commands: what we say to a filter, one value each, with the octets of its packet.

Made by net.milter, sent by client.
Never decides whether a command may be sent now: the table in states does.
Fails with ValueError on what a packet cannot carry: NUL in a text, a packet above 1 MiB.
"""

import struct
from typing import ClassVar

import msgspec

from hatoba.wire.milter.terms import PACKET_MOST, VERSION, Action, Step


def packet(code: bytes, payload: bytes = b"") -> bytes:
    """Length, letter, data."""
    if len(payload) >= PACKET_MOST:
        raise ValueError(f"a packet of {len(payload)} octets")
    return struct.pack(">I", len(payload) + 1) + code + payload


def text(*words: bytes) -> bytes:
    """Each word with its NUL."""
    if any(b"\0" in word for word in words):
        raise ValueError("NUL in a word of the milter protocol")
    return b"".join(word + b"\0" for word in words)


class Command(msgspec.Struct, frozen=True, gc=False):
    """`code` is its letter, `stage` the macros told before it ("" for none)."""

    code: ClassVar[bytes] = b""
    stage: ClassVar[str] = ""

    def payload(self, leading: bool) -> bytes:
        """The data of the packet; `leading`: a field's value keeps the space behind the colon."""
        return b""


class Negotiate(Command, frozen=True, gc=False):
    """The first word: what we can. What the filter answers binds both."""

    code = b"O"
    actions: Action
    steps: Step
    version: int = VERSION

    def payload(self, leading: bool) -> bytes:
        return struct.pack(">III", self.version, self.actions, self.steps)


class Connect(Command, frozen=True, gc=False):
    """A client connected. `family` is b"4", b"6", b"L" (a path in `address`) or b"U" (nothing is known)."""

    code = b"C"
    stage = "connect"
    host: bytes  # its name, or its address in brackets
    family: bytes = b"U"
    port: int = 0
    address: bytes = b""

    def payload(self, leading: bool) -> bytes:
        if self.family == b"U":
            return text(self.host) + b"U"
        return text(self.host) + self.family + struct.pack(">H", self.port) + text(self.address)


class Helo(Command, frozen=True, gc=False):
    code = b"H"
    stage = "helo"
    name: bytes

    def payload(self, leading: bool) -> bytes:
        return text(self.name)


class Mail(Command, frozen=True, gc=False):
    """`path` with its angle brackets."""

    code = b"M"
    stage = "mail"
    path: bytes
    parameters: tuple[bytes, ...] = ()

    def payload(self, leading: bool) -> bytes:
        return text(self.path, *self.parameters)


class Rcpt(Mail, frozen=True, gc=False):
    code = b"R"
    stage = "rcpt"


class Data(Command, frozen=True, gc=False):
    code = b"T"
    stage = "data"


class Header(Command, frozen=True, gc=False):
    """One field. `value` is all behind the colon, its lines joined by CRLF as in the letter."""

    code = b"L"
    name: bytes
    value: bytes

    def payload(self, leading: bool) -> bytes:
        value = self.value.replace(b"\r\n", b"\n").rstrip(b"\n")
        if not leading and value[:1] == b" ":  # the peer that asked for no leading space never sees the usual one
            value = value[1:]
        return text(self.name, value.replace(b"\0", b""))


class EndOfHeader(Command, frozen=True, gc=False):
    code = b"N"
    stage = "eoh"


class Body(Command, frozen=True, gc=False):
    """A piece of the body, at most `client.MilterEngine.piece` octets."""

    code = b"B"
    data: bytes

    def payload(self, leading: bool) -> bytes:
        return self.data


class End(Command, frozen=True, gc=False):
    """The letter is complete: now the filter may change it."""

    code = b"E"
    stage = "end"


class Unknown(Command, frozen=True, gc=False):
    """A command of the client's that is none."""

    code = b"U"
    line: bytes

    def payload(self, leading: bool) -> bytes:
        return text(self.line)


class Abort(Command, frozen=True, gc=False):
    """The letter comes to nothing; the connection stays."""

    code = b"A"


class QuitNew(Command, frozen=True, gc=False):
    """This client is done with; another Connect follows on the same line."""

    code = b"K"


class Quit(Command, frozen=True, gc=False):
    code = b"Q"
