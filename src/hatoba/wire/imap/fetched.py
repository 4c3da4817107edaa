"""Fetched: FETCH responses, written with as little Python for each message as there can be.

Called by doors.imap for FETCH and STORE answers.
Never looks into the values: they come as ready bytes, in wire form (strings.py writes them).
`streamed` fails with ValueError when a body has not the size that was announced: half a literal cannot be mended.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from hatoba.wire.imap import strings

FETCH: Final = b"FETCH"
UIDFETCH: Final = b"UIDFETCH"  # the first number is a UID then  # RFC 9586 §3.3


def fetch(number: int, items: Iterable[tuple[bytes, bytes]], verb: bytes = FETCH) -> bytes:
    """One response: fetch(5, [(b"UID", b"17"), (b"FLAGS", b"(\\\\Seen)")])."""
    return b"* %d %b (%b)\r\n" % (number, verb, b" ".join([b"%b %b" % item for item in items]))


class Row:
    """A FETCH with the same items for every message: the names once, then a tuple of values a message.

    Row((b"UID", b"FLAGS")).lines([(1, b"17", b"(\\\\Seen)"), (2, b"18", b"()")]) are the octets of both responses.
    `literals` are the names whose values are written as literals here (give the octets alone).
    """

    __slots__ = ("_line", "_literal")

    def __init__(self, names: Sequence[bytes], verb: bytes = FETCH, literals: Iterable[bytes] = ()) -> None:
        escaped = [name.replace(b"%", b"%%") for name in names]
        self._line = b"* %%d %b (%b)\r\n" % (verb, b" ".join([name + b" %b" for name in escaped]))
        wanted = set(literals)
        self._literal = [place for place, name in enumerate(names, 1) if name in wanted]

    def line(self, row: tuple[Any, ...]) -> bytes:
        """One response: (number, value, value …)."""
        if self._literal:
            values = list(row)
            for place in self._literal:
                values[place] = strings.literal(values[place])
            row = tuple(values)
        return self._line % row

    def lines(self, rows: Iterable[tuple[Any, ...]]) -> bytes:
        """Many."""
        if self._literal:
            return b"".join([self.line(row) for row in rows])
        line = self._line
        return b"".join([line % row for row in rows])


class Body:
    """A value that is not in memory: `size` octets in `pieces`. `eight`: NULs may stand in it (BINARY)."""

    __slots__ = ("eight", "pieces", "size")

    def __init__(self, size: int, pieces: Iterable[bytes], eight: bool = False) -> None:
        self.size = size
        self.pieces = pieces
        self.eight = eight


def streamed(number: int, items: Sequence[tuple[bytes, bytes | Body]], verb: bytes = FETCH) -> Iterator[bytes]:
    """One response in pieces. ValueError, after what was written, when a body is shorter or longer than it said."""
    head = b"* %d %b (" % (number, verb)
    between = b""
    for name, value in items:
        if isinstance(value, bytes):
            head += b"%b%b %b" % (between, name, value)
        else:
            yield head + b"%b%b %b{%d}\r\n" % (between, name, b"~" if value.eight else b"", value.size)
            yield from _checked(value)
            head = b""
        between = b" "
    yield head + b")\r\n"


def _checked(body: Body) -> Iterator[bytes]:
    left = body.size
    for piece in body.pieces:
        left -= len(piece)
        if left < 0:
            break
        yield piece
    if left:
        raise ValueError(f"a body of {body.size} octets has {body.size - left} or more")


string, literal, literal8, nstring = strings.string, strings.literal, strings.literal8, strings.nstring
