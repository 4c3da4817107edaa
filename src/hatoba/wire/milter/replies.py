"""Replies: what a filter says, read from its packets into one value each.

Called by client with a whole packet.
Never decides whether a reply is due: client and states do.
Fails with PeerError on an unknown letter, on data cut short and on a field that would break out of its line.
"""

import re
import struct
from collections.abc import Callable

import msgspec

from hatoba.model.status import PeerError, Status
from hatoba.wire.milter.terms import STAGES, VERSION_LEAST, Action, Step


class Negotiated(msgspec.Struct, frozen=True, gc=False):
    """What both sides can. `macros`: stage → the macros it wants there; a stage that is missing gets our own list."""

    version: int
    actions: Action
    steps: Step
    macros: dict[str, tuple[bytes, ...]] = {}


class Continue(msgspec.Struct, frozen=True, gc=False):
    """Go on; at the end of a letter: it may pass, with the changes asked for."""


class Accept(msgspec.Struct, frozen=True, gc=False):
    """The rest of the letter (or of the connection) need not be shown."""


class Reject(msgspec.Struct, frozen=True, gc=False):
    """550, in our own words."""


class TempFail(msgspec.Struct, frozen=True, gc=False):
    """451, in our own words."""


class Discard(msgspec.Struct, frozen=True, gc=False):
    """250, and nobody gets it."""


class Skip(msgspec.Struct, frozen=True, gc=False):
    """No more pieces of the body; the end is still to be said."""


class Shutdown(msgspec.Struct, frozen=True, gc=False):
    """421 to the client."""


class ConnectionFailure(msgspec.Struct, frozen=True, gc=False):
    """The client's connection is to be closed as if it had failed."""


class ReplyCode(msgspec.Struct, frozen=True, gc=False):
    """A refusal in the filter's words: `code` is 4xx or 5xx, `enhanced` may be ""; lines of the text are joined."""

    code: int
    enhanced: str
    text: str


class Progress(msgspec.Struct, frozen=True, gc=False):
    """Still at work: wait on."""


class AddHeader(msgspec.Struct, frozen=True, gc=False):
    """A field at the end of the header. Lines of a value are joined by CRLF and begin with white space."""

    name: bytes
    value: bytes


class InsertHeader(msgspec.Struct, frozen=True, gc=False):
    """A field at place `index`: 0 stands above our own Received, 1 below it and above all that the filter saw."""

    index: int
    name: bytes
    value: bytes


class ChangeHeader(msgspec.Struct, frozen=True, gc=False):
    """The `index`th field of the name, counted from 1, gets a new value; b"" removes it."""

    index: int
    name: bytes
    value: bytes


class ReplaceBody(msgspec.Struct, frozen=True, gc=False):
    """A piece of the new body; the first one ends the old body."""

    data: bytes


class AddRecipient(msgspec.Struct, frozen=True, gc=False):
    """`path` as it came, with or without angle brackets."""

    path: bytes
    parameters: bytes = b""


class DeleteRecipient(msgspec.Struct, frozen=True, gc=False):
    path: bytes


class ChangeSender(msgspec.Struct, frozen=True, gc=False):
    path: bytes
    parameters: bytes = b""


class Quarantine(msgspec.Struct, frozen=True, gc=False):
    reason: bytes


Reply = (
    Negotiated | Continue | Accept | Reject | TempFail | Discard | Skip | Shutdown | ConnectionFailure | ReplyCode
    | Progress | AddHeader | InsertHeader | ChangeHeader | ReplaceBody | AddRecipient | DeleteRecipient | ChangeSender
    | Quarantine
)  # fmt: skip
VERDICTS = (Continue, Accept, Reject, TempFail, Discard, Skip, Shutdown, ConnectionFailure, ReplyCode)
FINAL = (Accept, Reject, TempFail, Discard, Shutdown, ConnectionFailure, ReplyCode)  # they end the letter

_REPLY = re.compile(rb"([45][0-9]{2})(?:[ -]([245]\.[0-9]{1,3}\.[0-9]{1,3})(?=[ ]|$))?[ -]?([^\r\n]*)")
_NAME = re.compile(rb"[!-9;-~]+")
_NEW_LINE = re.compile(rb"\r\n|\n|\r")


def read(code: bytes, data: bytes) -> Reply:
    """The reply in a packet. PeerError when it is none."""
    reader = _READERS.get(code)
    if reader is None:
        raise wrong(f"an unknown answer {code!r}")
    return reader(data)


def negotiated(data: bytes) -> Negotiated:
    """The answer to Negotiate. # SMFIC_OPTNEG"""
    if len(data) < 12:
        raise wrong("a negotiation that is cut short")
    version, actions, steps = struct.unpack_from(">III", data)
    if version < VERSION_LEAST:
        raise wrong(f"version {version} of the protocol")
    macros: dict[str, tuple[bytes, ...]] = {}
    at = 12
    while at < len(data):
        if at + 4 > len(data):
            raise wrong("a list of macros that is cut short")
        (stage,) = struct.unpack_from(">I", data, at)
        if stage >= len(STAGES):
            raise wrong(f"macros for a stage {stage}")
        names, at = _word(data, at + 4)
        macros[STAGES[stage]] = tuple(names.replace(b",", b" ").split())
    return Negotiated(version, Action(actions), Step(steps), macros)


def wrong(what: str) -> PeerError:
    """The exception for a filter that breaks the protocol."""
    return PeerError(Status("4.3.0", f"milter: {what}"))


def _word(data: bytes, at: int) -> tuple[bytes, int]:
    """The text up to the next NUL, and where the next begins."""
    end = data.find(b"\0", at)
    if end < 0:
        raise wrong("a text without its end")
    return data[at:end], end + 1


def _words(data: bytes, least: int, most: int) -> list[bytes]:
    words = []
    at = 0
    while at < len(data):
        word, at = _word(data, at)
        words.append(word)
    if not least <= len(words) <= most:
        raise wrong(f"{len(words)} texts where {least} to {most} belong")
    return words


def _field(data: bytes) -> tuple[bytes, bytes]:
    """Name and value of a field, the value's lines ended by CRLF. # RFC 5322 §2.2.3"""
    name, value = _words(data, 2, 2)
    if not _NAME.fullmatch(name):
        raise wrong("a field whose name is none")
    lines = _NEW_LINE.split(value.rstrip(b"\r\n"))
    if any(line[:1] not in (b" ", b"\t") for line in lines[1:]):
        raise wrong(f"a field {name.decode('ascii')} that breaks out of its line")
    return name, b"\r\n".join(lines)


def _indexed(data: bytes) -> tuple[int, bytes, bytes]:
    if len(data) < 4:
        raise wrong("a field without its place")
    (index,) = struct.unpack_from(">I", data)
    return int(index), *_field(data[4:])


def _nothing(make: Callable[[], Reply]) -> Callable[[bytes], Reply]:
    """Replies without data; what stands there all the same is passed over, as libmilter does."""
    return lambda data: make()


def _reply_code(data: bytes) -> ReplyCode:
    (word,) = _words(data, 1, 1)
    found = [_REPLY.fullmatch(line) for line in word.rstrip(b"\r\n").split(b"\n") for line in [line.rstrip(b"\r")]]
    first = found[0]
    if first is None or None in found or len({line[1] for line in found if line}) != 1:
        raise wrong("a reply that is none")
    said = " ".join(line[3].decode("utf-8", "replace") for line in found if line)
    if not said.isprintable():
        raise wrong("a reply with unprintable octets")
    return ReplyCode(int(first[1]), (first[2] or b"").decode("ascii"), said)


def _quarantine(data: bytes) -> Quarantine:
    return Quarantine(*_words(data, 1, 1))


_READERS: dict[bytes, Callable[[bytes], Reply]] = {
    b"O": negotiated,
    b"c": _nothing(Continue),
    b"a": _nothing(Accept),
    b"r": _nothing(Reject),
    b"t": _nothing(TempFail),
    b"d": _nothing(Discard),
    b"s": _nothing(Skip),
    b"4": _nothing(Shutdown),
    b"f": _nothing(ConnectionFailure),
    b"p": _nothing(Progress),
    b"y": _reply_code,
    b"h": lambda data: AddHeader(*_field(data)),
    b"i": lambda data: InsertHeader(*_indexed(data)),
    b"m": lambda data: ChangeHeader(*_indexed(data)),
    b"b": ReplaceBody,
    b"+": lambda data: AddRecipient(*_words(data, 1, 1)),
    b"2": lambda data: AddRecipient(*_words(data, 1, 2)),
    b"-": lambda data: DeleteRecipient(*_words(data, 1, 1)),
    b"e": lambda data: ChangeSender(*_words(data, 1, 2)),
    b"q": _quarantine,
}
