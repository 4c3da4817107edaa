"""Pieces: every part of a letter that is no multipart, letters within letters opened too, with names and octets.

Called by intake's content rules. (parts does the same for reports alone, and opens less.)
Never follows more parts or deeper nests than it is told; `Limits` say how many.
Fails never: what is no multipart is one piece, an encoding is undone as far as it goes. # RFC 2045, RFC 2046
"""

from collections.abc import Iterator
from typing import NamedTuple

from hatoba.message import charsets, parameters
from hatoba.message.structure import tree
from hatoba.message.structure.head import first
from hatoba.message.structure.parts import MESSAGES, Part

_TEXTS = frozenset({"text/plain", "text/html", "text/enriched", "text/richtext", "text/calendar", "text/markdown"})


class Piece(NamedTuple):
    """`type`: "text/plain", as declared. `names`: the file names it is given, without doubles. `body`: decoded."""

    type: str
    names: tuple[str, ...]
    charset: str
    body: bytes
    attached: bool  # not meant to be shown within the letter

    @property
    def text(self) -> str:
        """The body as text. Meant for pieces that `readable` is true of."""
        return charsets.decode(self.body, self.charset)

    @property
    def readable(self) -> bool:
        """A text that a mail program shows."""
        return self.type in _TEXTS and not (self.attached and self.names)


class Limits(NamedTuple):
    parts: int = 200  # pieces of one letter
    depth: int = 12  # multiparts and letters within each other


class Walk:
    """One pass over a letter. `cut`: some of it was beyond the limits and not seen."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.cut = False
        self._count = 0

    def pieces(self, content: bytes) -> Iterator[Piece]:
        """The pieces of a content, header included, in order."""
        yield from self._letter(content, 0)

    def _letter(self, content: bytes, depth: int) -> Iterator[Piece]:
        mail = tree.scan(content)
        self.cut = self.cut or mail.cut
        yield from self._walk(mail.root, depth)

    def _walk(self, part: Part, depth: int) -> Iterator[Piece]:
        if depth > self.limits.depth or self._count >= self.limits.parts:
            self.cut = True
            return
        if part.parts:
            for child in part.parts:
                yield from self._walk(child, depth + 1)
            return
        self._count += 1
        disposition = parameters.read(first(part.fields, b"content-disposition"))
        type_ = parameters.read(first(part.fields, b"content-type"))
        names = (disposition.parameters.get("filename", ""), type_.parameters.get("name", ""))
        body = part.decoded
        yield Piece(
            "text/plain" if part.media.startswith("multipart/") else part.media,  # one in which no part was found
            tuple(dict.fromkeys(name for name in names if name)),
            type_.parameters.get("charset", ""),
            body,
            disposition.value == "attachment",
        )
        if part.message is not None:
            yield from self._walk(part.message.root, depth + 1)
        elif part.media in MESSAGES:  # encoded, against RFC 2046 §5.2.1: some programs show it
            yield from self._letter(body, depth + 1)
