"""Fields: the header of a letter cut into fields once, and the ones a signature names found from the bottom up.

Called by verify and sign of dkim and arc.
Never reads a value and never touches the body: hatoba.message.headers finds where it begins.
Fails never: a line that is no field belongs to no name.
"""

import re
from collections.abc import Iterable
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
    """

    __slots__ = ("_canonical", "all", "places", "size")

    def __init__(self, block: bytes) -> None:
        """`block`: header fields that end in CRLF, the last one too or not; a bare LF counts as a line end."""
        if block.count(b"\n") != block.count(b"\r\n"):
            block = _BARE.sub(b"\r\n", block)  # readers take it for one: no field may hide behind it
        self.size = len(block)
        self.all: list[Field] = []
        self.places: dict[bytes, list[int]] = {}
        self._canonical: dict[int, bytes] = {}
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

    def selected(self, names: Iterable[bytes], but: int = -1) -> list[int]:
        """What a h= of these names (lower case) selects: of each name the last field first, then the one above it.

        A name without a field left selects nothing. `but`: the signature itself, which is never its own part.
        # RFC 6376 §5.4.2
        """
        chosen: list[int] = []
        left: dict[bytes, list[int]] = {}
        for name in names:
            places = left.get(name)
            if places is None:
                places = left[name] = [place for place in self.places.get(name, ()) if place != but]
            if places:
                chosen.append(places.pop())
        return chosen

    def canonical(self, place: int, form: canonical.Form) -> bytes:
        """The field in its canonical form, without a last line end."""
        name, value = self.all[place]
        if form == "simple":
            return name + b":" + value
        known = self._canonical.get(place)
        if known is None:
            known = self._canonical[place] = canonical.field(name, value, form)
        return known


def split(content: bytes) -> tuple[Fields, bytes]:
    """(the fields, the body) of a letter. One whose lines end in LF alone is read as if they ended in CRLF."""
    found = headers.scan(content)
    body = content[found.end :]
    if found.block.find(b"\n") != found.block.find(b"\r\n") + 1:
        body = _BARE.sub(b"\r\n", body)
    return Fields(found.block), body
