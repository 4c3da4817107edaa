"""The parts of a letter as a script walks them. # RFC 2046 §5.1, RFC 5703 §3

Made by view when a test first asks for a part.
Never looks beyond the limits: what is deeper, later or behind the octets that are looked at is not there.
Fails never: what is no multipart is one part.
"""

import re
from collections.abc import Iterator

from hatoba.message import charsets, headers, parameters, pieces
from hatoba.sieve.letter import markup
from hatoba.sieve.limits import Limits

_TAIL = re.compile(rb"(--)?[ \t]*(?:\r?\n|\r?\Z)")
_MEDIA = re.compile(r"[^\s/;]+/[^\s/;]+")
_ENCODINGS = frozenset({b"7bit", b"8bit", b"binary", b"quoted-printable", b"base64", b"x-uuencode", b"uuencode"})
MESSAGES = frozenset({"message/rfc822", "message/global"})


class Part:
    """`media` is "text/plain" in lower case; `octets` the body as it stands; `around` a multipart's own text."""

    def __init__(self, content: bytes, usual: str) -> None:
        self.head = headers.scan(content)
        declared = parameters.read(self.head.first(b"content-type") or b"")
        self.parameters = declared.parameters
        self.media = declared.value or usual
        self.encoding = (self.head.first(b"content-transfer-encoding") or b"7bit").strip().lower()
        if self.encoding not in _ENCODINGS:  # RFC 2045 §6.4
            self.media = "application/octet-stream"
        self.sound = _MEDIA.fullmatch(self.media) is not None
        self.octets = content[self.head.end :] if self.head.end < len(content) else b""
        self.absent = bool(content) and len(self.head.block) == len(content)  # no empty line, so no body at all
        self.children: list[Part] = []
        self.around = b""
        self._decoded: str | None = None

    @property
    def multipart(self) -> bool:
        return self.media.startswith("multipart/") and "boundary" in self.parameters

    @property
    def text(self) -> str:
        """The body decoded. # RFC 5173 §5.2"""
        if self._decoded is None:
            octets = pieces.decoded(self.octets, self.encoding)
            self._decoded = charsets.decode(octets, self.parameters.get("charset", ""))
        return self._decoded

    @property
    def readable(self) -> str:
        """The body as people read it: the tags of HTML taken off."""
        return markup.plain(self.text) if self.media in markup.MEDIA else self.text

    def below(self) -> Iterator["Part"]:
        """This part and all within it, in order."""
        yield self
        for child in self.children:
            yield from child.below()


class _Reader:
    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._count = 0

    def part(self, content: bytes, usual: str, depth: int) -> Part:
        self._count += 1
        part = Part(content, usual)
        if depth >= self._limits.part_depth:
            return part
        if part.multipart:
            inner = "message/rfc822" if part.media == "multipart/digest" else "text/plain"  # RFC 2046 §5.1.5
            around: list[bytes] = []
            for piece, inside in _cut(part.octets, part.parameters["boundary"].encode("utf-8", "replace")):
                if not inside:
                    around.append(piece)
                elif self._count < self._limits.parts:
                    part.children.append(self.part(piece, inner, depth + 1))
            part.around = b"\r\n".join(around)
        elif part.media in MESSAGES and self._count < self._limits.parts:
            part.children.append(self.part(part.octets, "text/plain", depth + 1))
        return part


def read(content: bytes, limits: Limits) -> Part:
    """The root of the tree of a letter's first octets."""
    head = headers.scan(content)
    return _Reader(limits).part(content[: head.end + limits.body], "text/plain", 0)


def _cut(body: bytes, boundary: bytes) -> Iterator[tuple[bytes, bool]]:
    """The pieces of a multipart's body in order; whether each is a part, or text around them."""
    mark = b"--" + boundary
    start, inside = 0, False
    at = body.find(mark)
    while at >= 0:
        found = _TAIL.match(body, at + len(mark)) if at == 0 or body[at - 1] == 0x0A else None
        if found is not None:
            yield body[start:at].removesuffix(b"\n").removesuffix(b"\r") if inside else body[start:at], inside
            start, inside = found.end(), not found[1]
            if found[1]:
                break
        at = body.find(mark, at + len(mark))
    yield body[start:], inside
