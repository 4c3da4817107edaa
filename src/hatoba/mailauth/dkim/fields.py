"""Fields: the header of a letter cut into fields once, and the ones a signature names found from the bottom up.

Called by verify and sign of dkim and arc.
Never reads a value and never touches the body: hatoba.message.headers finds where it begins.
Fails never: a line that is no field belongs to no name.
"""

import re
from collections.abc import Sequence
from typing import TypeAlias

from hatoba.mailauth.dkim import canonical
from hatoba.message import headers

_FIELD_END = re.compile(rb"\r\n(?![ \t])")
_BARE = re.compile(rb"(?<!\r)\n")


# (name as written, white space before the colon included; what follows the colon, folds included)
Field: TypeAlias = tuple[bytes, bytes]


class Fields:
    """The fields of a header block, top to bottom.

    `all`: every field. `places`: name in lower case → the indexes into `all`, top to bottom. `size`: octets.
    `parted`: there is an empty line between them, which some reader takes for the end of the header.
    """

    __slots__ = ("_block", "_relaxed", "all", "parted", "places", "size")

    def __init__(self, block: bytes) -> None:
        """`block`: header fields that end in CRLF, the last one too or not; a bare LF counts as a line end."""
        if block.count(b"\n") != block.count(b"\r\n"):
            block = _BARE.sub(b"\r\n", block)  # readers take it for one: no field may hide behind it
        self.size = len(block)
        self.parted = b"\r\n\r\n" in block or block.startswith(b"\r\n")
        self.all: list[Field] = []
        self.places: dict[bytes, list[int]] = {}
        self._block = block
        self._relaxed: list[bytes] | None = None
        for line in _FIELD_END.split(block):
            name, colon, value = line.partition(b":")
            if colon:
                key = name.rstrip(b" \t").lower()
                places = self.places.get(key)
                if places is None:
                    places = self.places[key] = []
                places.append(len(self.all))
                self.all.append((name, value))

    def named(self, name: bytes) -> list[bytes]:
        """The values of the fields of this name (lower case), top to bottom."""
        return [self.all[place][1] for place in self.places.get(name, ())]

    def selected(self, names: Sequence[bytes], but: int = -1) -> list[int]:
        """What a h= of these names (lower case) selects: of each name the last field first, then the one above it.

        A name without a field left selects nothing. `but`: the signature itself, which is never its own part.
        # RFC 6376 §5.4.2
        """
        places = self.places
        if but >= 0 and (own := self.all[but][0].rstrip(b" \t").lower()) in names:
            places = places | {own: [place for place in places[own] if place != but]}
        chosen: list[int] = []
        taken: dict[bytes, int] = {}
        for name in names:
            found = places.get(name)
            if found:
                taken[name] = count = taken.get(name, 0) + 1
                if count <= len(found):
                    chosen.append(found[-count])
        return chosen

    def canonical(self, place: int, form: canonical.Form) -> bytes:
        """The field in its canonical form, without a last line end."""
        if form == "simple":
            name, value = self.all[place]
            return name + b":" + value
        return (self._relaxed or self._relax())[place]

    def _relax(self) -> list[bytes]:
        """All fields in the relaxed form: unfolded and squeezed in one pass over the block.  # RFC 6376 §3.4.2"""
        text = canonical.squeeze(self._block.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" "))
        self._relaxed = relaxed = []
        for line in text.split(b"\r\n"):
            name, colon, value = line.partition(b":")
            if colon:
                relaxed.append(name.rstrip(b" ").lower() + b":" + value.strip(b" "))
        return relaxed


def split(content: bytes) -> tuple[Fields, bytes]:
    """(the fields, the body) of a letter. One with a bare LF in its header is read as if all its lines ended in CRLF.

    So the header ends where any reader sees it end: no text is let in between header and body.
    """
    found = headers.scan(content)
    if found.block.count(b"\n") != found.block.count(b"\r\n"):
        content = _BARE.sub(b"\r\n", content)
        found = headers.scan(content)
    return Fields(found.block), content[found.end :]
