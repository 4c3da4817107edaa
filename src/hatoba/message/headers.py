"""Headers: the fields of a letter found in one scan over its first octets, and the answers rooms ask of them.

Called by intake for each letter (hot), by notice and delivery when a field is needed.
Never touches the body and never splits what nobody asked for.
Fails never: rubbish has no fields, a broken field has the value that can be read.
"""

import re
from collections.abc import Iterator

from hatoba.message import words

_OBSOLETE = re.compile(rb"[ \t]+:")  # a space before the colon  # RFC 5322 §4.5
_FIELD = re.compile(rb"\n([!-9;-~]+)[ \t]*:")


class Headers:
    """The header block of a content. `end` is the offset of the first octet of the body (0: there is no header).

    Names are given in lower case, in octets: b"message-id".
    """

    __slots__ = ("_lower", "block", "end")

    def __init__(self, block: bytes, end: int) -> None:
        self.block = block  # the fields, with the line end of the last one, without the empty line
        self.end = end
        self._lower = b"\n" + block.lower()

    def count(self, name: bytes) -> int:
        """How many fields of this name there are."""
        mark = b"\n" + name
        count = self._lower.count(mark + b":")
        if count == self._lower.count(mark):
            return count
        return sum(1 for _ in self._places(name))

    def has(self, name: bytes) -> bool:
        """Whether there is a field of this name."""
        return self._place(name) >= 0

    def first(self, name: bytes) -> bytes | None:
        """The unfolded value of the first field of this name, as octets; None when there is none."""
        place = self._place(name)
        return None if place < 0 else self._value(place)

    def all(self, name: bytes) -> list[bytes]:
        """The unfolded values of all fields of this name, top to bottom."""
        return [self._value(place) for place in self._places(name)]

    def text(self, name: bytes) -> str:
        """The first field of this name for people, encoded words decoded; "" when there is none."""
        value = self.first(name)
        return words.decode(value) if value else ""

    def fields(self) -> Iterator[tuple[bytes, bytes]]:
        """(name as written, unfolded value) of every field, top to bottom; lines that are no field are passed over."""
        for found in _FIELD.finditer(b"\n" + self.block):
            yield found[1], self._value(found.end() - 1)

    def _place(self, name: bytes) -> int:
        """The offset just behind the colon of the first field of this name, -1 when there is none."""
        mark = b"\n" + name
        at = self._lower.find(mark)
        if at < 0:
            return -1
        end = at + len(mark)
        if self._lower[end : end + 1] == b":":  # the block's offsets are one less than those of the lowered text
            return end
        return next(self._places(name), -1)

    def _places(self, name: bytes) -> Iterator[int]:
        """Offsets in the block just behind the colon of each field of this name."""
        lower, mark = self._lower, b"\n" + name
        at = lower.find(mark)
        while at >= 0:
            end = at + len(mark)
            if lower[end : end + 1] == b":":
                yield end
            elif space := _OBSOLETE.match(lower, end):
                yield space.end() - 1
            at = lower.find(mark, end)

    def _value(self, start: int) -> bytes:
        block = self.block
        end = block.find(b"\n", start)
        if end < 0:
            return block[start:].strip()
        if block[end + 1 : end + 2] not in (b" ", b"\t"):
            return block[start:end].strip()
        while end >= 0 and block[end + 1 : end + 2] in (b" ", b"\t"):
            end = block.find(b"\n", end + 1)
        folded = block[start:] if end < 0 else block[start:end]
        return folded.replace(b"\r\n", b"").replace(b"\n", b"").strip()


def scan(content: bytes) -> Headers:
    """The Headers of a content, or of its beginning if the whole header is in it. Lines end in CRLF, or all in LF."""
    if content.startswith((b"\r\n", b"\n")):
        return Headers(b"", content.find(b"\n") + 1)
    end = content.find(b"\r\n\r\n")
    if end >= 0:
        return Headers(content[: end + 2], end + 4)
    end = content.find(b"\n\n")
    if end >= 0:
        return Headers(content[: end + 1], end + 2)
    return Headers(content, len(content))


def message_ids(value: bytes) -> list[str]:
    """The ids, brackets included, in a Message-ID, In-Reply-To or References. # RFC 5322 §3.6.4"""
    return [found.decode("utf-8", "replace") for found in re.findall(rb"<[^<>\s\x00-\x1f\x7f]{1,990}>", value)]
