"""Fields: the header of a letter cut into fields once, and the ones a signature names found from the bottom up.

Called by verify and sign of dkim and arc.
Never reads a value and never touches the body: hatoba.message.headers finds where it begins.
Fails never: a line that is no field belongs to no name.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from hatoba.mailauth.dkim import canonical
from hatoba.message import headers

_FIELD_END = re.compile(rb"\r\n(?![ \t])")
_BARE = re.compile(rb"(?<!\r)\n")


class Field(NamedTuple):
    """`name` as written, white space before the colon included; `value` what follows the colon, folds included."""

    name: bytes
    value: bytes


class Fields:
    """The fields of a header block, top to bottom."""

    __slots__ = ("_canonical", "_places", "all", "size")

    def __init__(self, block: bytes) -> None:
        """`block`: header fields that end in CRLF, the last one too or not; a bare LF counts as a line end."""
        if block.count(b"\n") != block.count(b"\r\n"):
            block = _BARE.sub(b"\r\n", block)  # readers take it for one: no field may hide behind it
        self.size = len(block)
        self.all: list[Field] = []
        self._places: dict[bytes, list[int]] = {}
        self._canonical: dict[int, bytes] = {}
        for line in _FIELD_END.split(block):
            name, colon, value = line.partition(b":")
            if colon:
                self._places.setdefault(name.rstrip(b" \t").lower(), []).append(len(self.all))
                self.all.append(Field(name, value))

    def places(self, name: bytes) -> list[int]:
        """Indexes into `all` of the fields of this name (lower case), top to bottom."""
        return self._places.get(name, [])

    def named(self, name: bytes) -> list[bytes]:
        """The values of the fields of this name (lower case), top to bottom."""
        return [self.all[place].value for place in self.places(name)]

    def names(self) -> Iterator[bytes]:
        """Every name there is, in lower case, once."""
        return iter(self._places)

    def selected(self, names: Iterable[bytes], but: int = -1) -> Iterator[int]:
        """What a h= of these names (lower case) selects: of each name the last field first, then the one above it.

        A name without a field left selects nothing. `but`: the signature itself, which is never its own part.
        # RFC 6376 §5.4.2
        """
        taken: dict[bytes, int] = {}
        for name in names:
            places = self._places.get(name)
            if not places:
                continue
            left = taken.get(name, len(places)) - 1
            if left >= 0 and places[left] == but:
                left -= 1
            taken[name] = max(left, 0)
            if left >= 0:
                yield places[left]

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
