"""Cut: a header block as its fields, each with all of its octets, so that one can go and the rest stays as it was.

Called by intake's rewriting.
Never parses a value; the pieces joined again are the block.
Fails never: a line that is no field is a piece without a name.
"""

import re

import msgspec

_END = re.compile(rb"(?<=\n)(?![ \t])")
_NAME = re.compile(rb"([!-9;-~]+)[ \t]*:")


class Piece(msgspec.Struct, frozen=True, gc=False):
    """One field. `octets` are all of it, its line ends included; `name` in lower case, b"" for what is no field."""

    name: bytes
    octets: bytes
    start: int = 0  # of the value in octets, just behind the colon

    @property
    def value(self) -> bytes:
        """What stands behind the colon, as it is folded, without the last line end."""
        return self.octets[self.start :].removesuffix(b"\r\n").removesuffix(b"\n")

    @property
    def unfolded(self) -> bytes:
        return self.value.replace(b"\r\n", b"").replace(b"\n", b"").strip()

    def valued(self, value: bytes) -> "Piece":
        """The same field with another value, folded as it is to stand."""
        old = self.octets
        ending = old[self.start + len(self.value) :]
        return Piece(self.name, old[: self.start] + value + ending, self.start)


def pieces(block: bytes) -> list[Piece]:
    """The fields of a header block, top to bottom."""
    return [piece(octets) for octets in _END.split(block) if octets]


def piece(octets: bytes) -> Piece:
    """One field out of its octets."""
    found = _NAME.match(octets)
    return Piece(found[1].lower(), octets, found.end()) if found else Piece(b"", octets)
