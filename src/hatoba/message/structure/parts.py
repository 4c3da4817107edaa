"""Part: one part of a letter and where it lies in the octets; Mail: the tree of them.

Made by the scan; read by all who look into a letter.
Never holds a copy of a body: everything but the fields of the headers is a slice of `raw` when asked.
Fails never; a charset or encoding that nobody knows is as the sender wrote it.
"""

from __future__ import annotations

import msgspec

from hatoba.message import attributes, transfer, words
from hatoba.message import parameters as readable
from hatoba.message.structure.head import Fields, first

MESSAGES = frozenset({"message/rfc822", "message/global"})  # RFC 2046 §5.2.1, RFC 6532 §3.7


class Part(msgspec.Struct, gc=True):
    """Offsets are octets of the letter: header [head, body), with its empty line; body [body, end)."""

    raw: bytes
    number: str  # "1.2"; "" for the root of a letter
    media: str  # "text/plain", in lower case, as it is to be read
    head: int
    body: int
    end: int = 0
    fields: Fields = {}
    type: attributes.Attributes = attributes.NONE  # of Content-Type as written
    encoding: str = "7bit"
    parts: list[Part] = []
    message: Mail | None = None  # of a message/rfc822
    lines: int = 0  # line ends in the body
    default: bool = False  # there was no Content-Type that could be read

    @property
    def header(self) -> bytes:
        return self.raw[self.head : self.body]

    @property
    def octets(self) -> bytes:
        """The body as it is in the letter, its encoding not undone."""
        return self.raw[self.body : self.end]

    @property
    def size(self) -> int:
        return self.end - self.body

    @property
    def decoded(self) -> bytes:
        """The body, its transfer encoding undone as far as it goes."""
        return transfer.decoded(self.octets, self.encoding.encode("latin-1"))

    @property
    def charset(self) -> str:
        return self.type.get(b"charset").decode("latin-1").lower()

    @property
    def parameters(self) -> dict[str, str]:
        """Of Content-Type, decoded for people."""
        return readable.read(first(self.fields, b"content-type")).parameters

    @property
    def disposition(self) -> attributes.Attributes:
        return attributes.read(first(self.fields, b"content-disposition"))

    @property
    def name(self) -> str:
        """The file name it is given, decoded; "" for none."""
        given = readable.read(first(self.fields, b"content-disposition")).parameters.get("filename", "")
        return given or self.parameters.get("name", "")

    @property
    def id(self) -> bytes:
        return first(self.fields, b"content-id")

    @property
    def description(self) -> str:
        return words.decode(first(self.fields, b"content-description"))

    @property
    def leaf(self) -> bool:
        return not self.parts and self.message is None


class Mail(msgspec.Struct):
    """A letter, or a letter within one."""

    root: Part
    size: int
    cut: bool = False  # deeper or more parts than are followed
