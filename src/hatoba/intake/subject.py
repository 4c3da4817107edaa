"""Subject: a complete letter as the content checks see it: header found, body to be read as often as they like.

Made by transaction at the end of the content; read by the checks and by the services they consult.
Never holds a large letter in memory: its pieces come from the draft again.
Fails with StoreTrouble when the draft cannot be read, ValueError when `content` is asked of a letter too large for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from hatoba.intake.case import Case
from hatoba.intake.heading import Heading
from hatoba.intake.watches import NONE, Watches
from hatoba.message import parts


class Subject:
    """`pieces()` gives the whole content as it will be queued, without what goes on top; it may be called again.

    `block` is the header as it will be queued, without the empty line; `heading` what intake knows of it as it came.
    `size` counts octets, `id` is the letter's. `watched.get(name)` is the Watch of a check that had one.
    """

    __slots__ = ("_content", "_most", "_parts", "_rest", "block", "case", "heading", "id", "size", "watched")

    def __init__(
        self,
        case: Case,
        heading: Heading,
        number: int,
        block: bytes,
        rest: bytes | Callable[[], Iterable[bytes]],
        size: int,
        most: int,
        watched: Watches = NONE,
    ) -> None:
        """`rest`: what follows the header's fields, the empty line first; `most`: the largest `content` in octets."""
        self.case = case
        self.heading = heading
        self.id = number
        self.block = block
        self.size = size
        self.watched = watched
        self._rest = rest
        self._most = most
        self._content: bytes | None = None
        self._parts: tuple[parts.Leaf, ...] | None = None

    @property
    def large(self) -> bool:
        """Not in memory: only `pieces` gives it."""
        return self.size > self._most or not isinstance(self._rest, bytes)

    def pieces(self) -> Iterable[bytes]:
        """The content, of a large letter a piece at a time, read from a file in the page cache."""
        if self._content is not None:
            return (self._content,)
        if isinstance(self._rest, bytes):
            return (self.block, self._rest)
        return self._read(self._rest)

    def _read(self, rest: Callable[[], Iterable[bytes]]) -> Iterator[bytes]:
        yield self.block
        yield from rest()

    def content(self) -> bytes:
        """The same as one piece. ValueError for a letter that is larger than settings.spill."""
        if self._content is None:
            if self.large:
                raise ValueError(f"a letter of {self.size} octets is read in pieces")
            self._content = b"".join(self.pieces())
        return self._content

    @property
    def parts(self) -> tuple[parts.Leaf, ...]:
        """The MIME parts, leaves only, decoded at the first call. ValueError for a large letter."""
        if self._parts is None:
            self._parts = tuple(parts.leaves(self.content()))
        return self._parts
