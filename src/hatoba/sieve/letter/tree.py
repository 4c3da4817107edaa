"""The parts of a letter as a script walks them, over the scan of message.structure. # RFC 2046 §5.1, RFC 5703 §3

Made by view when a test first asks for a part.
Never looks beyond the limits: what is deeper, later or behind the octets that are looked at is not there.
Fails never: what is no multipart is one part.
"""

import functools
import re
from collections.abc import Iterator

from hatoba.message import charsets, headers, structure
from hatoba.message.structure import head, prose
from hatoba.sieve.limits import Limits

_MEDIA = re.compile(r"[^\s/;]+/[^\s/;]+")
_ENCODINGS = frozenset({"7bit", "8bit", "binary", "quoted-printable", "base64", "x-uuencode", "uuencode"})
_MARKUP = frozenset({"text/html", "application/xhtml+xml"})
OPAQUE = "application/octet-stream"


class Part:
    """`media` is "text/plain" in lower case; `children` what a multipart or a letter within the letter holds."""

    def __init__(self, found: structure.Part, children: list["Part"]) -> None:
        self._found = found
        self.children = children
        self.multipart = found.media.startswith("multipart/")
        declared = head.first(found.fields, b"content-type").partition(b";")[0].strip().decode("latin-1").lower()
        self.sound = found.default or _MEDIA.fullmatch(declared) is not None
        known = found.encoding in _ENCODINGS  # RFC 2045 §6.4: else nobody knows what it is
        self.media = found.media if known and self.sound else OPAQUE

    @functools.cached_property
    def head(self) -> headers.Headers:
        return headers.scan(self._found.header)

    @property
    def absent(self) -> bool:
        """There is no empty line, so no body at all. # RFC 5173 §4"""
        found = self._found
        return found.body > found.head and not found.header.endswith((b"\n\n", b"\n\r\n")) and found.size == 0

    @property
    def size(self) -> int:
        """Octets of the body as it stands."""
        return self._found.size

    @property
    def octets(self) -> bytes:
        """The body as it stands."""
        return self._found.octets

    @property
    def content(self) -> bytes:
        """The part as if it were a letter."""
        return self._found.raw[self._found.head : self._found.end]

    @functools.cached_property
    def text(self) -> str:
        """The body decoded. # RFC 5173 §5.2"""
        return charsets.decode(self._found.decoded, self._found.charset)

    @functools.cached_property
    def readable(self) -> str:
        """The body as people read it: the tags of HTML taken off. # RFC 5173 §5.3"""
        return prose.plain(self.text) if self.media in _MARKUP else self.text

    @property
    def around(self) -> tuple[str, str]:
        """The prologue and the epilogue of a multipart."""
        found, boundary = self._found, b"--" + self._found.type.get(b"boundary").rstrip()
        if not found.parts:
            return found.octets.decode("utf-8", "replace"), ""
        start = found.raw.rfind(boundary, found.body, found.parts[0].head)
        end = found.raw.find(boundary + b"--", found.parts[-1].end, found.end)
        line = found.raw.find(b"\n", end, found.end) if end >= 0 else -1
        pieces = (found.raw[found.body : start], found.raw[line + 1 : found.end] if line >= 0 else b"")
        return pieces[0].decode("utf-8", "replace"), pieces[1].decode("utf-8", "replace")

    def below(self) -> Iterator["Part"]:
        """This part and all within it, in order."""
        yield self
        for child in self.children:
            yield from child.below()


class _Reader:
    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._count = 0

    def part(self, found: structure.Part, depth: int) -> Part:
        self._count += 1
        children: list[Part] = []
        inside = found.parts if found.message is None else [found.message.root]
        for each in inside if depth < self._limits.part_depth else ():
            if self._count >= self._limits.parts:
                break
            children.append(self.part(each, depth + 1))
        return Part(found, children)


def read(content: bytes, limits: Limits) -> Part:
    """The root of the tree of a letter's first octets."""
    end = headers.scan(content).end
    return _Reader(limits).part(structure.scan(content[: end + limits.body]).root, 0)
