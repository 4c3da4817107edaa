"""Content on its way out: the check against smuggling, dot-stuffing and the end-of-data mark.

Called by commands (whole content) and by delivery's sessions (a large letter piece by piece).
Never reads content: data.py takes it in. Never copies a body that needs no stuffing.
Fails with ValueError on a bare CR or LF: to another server it could look like the end of the letter.
"""

END = b".\r\n"


def check(data: bytes) -> None:
    """ValueError when a CR or an LF stands alone. # RFC 5321 §2.3.8"""
    pairs = data.count(b"\r\n")
    if data.count(b"\n") != pairs or data.count(b"\r") != pairs:
        raise ValueError("the content has a bare CR or LF")


def content(data: bytes, dotted: bool = True, *, vouched: bool = False) -> list[bytes]:
    """The content as it follows a 354, its end included, as parts to write one after the other. # RFC 5321 §4.5.2

    `dotted` says that a line begins with a dot; it is believed only when `vouched`. `vouched` says that the content
    was checked on its way in: no bare CR or LF, `dotted` is true to it. A CRLF is added where the content ends in none.
    """
    if not vouched:
        check(data)
        dotted = True
    parts = [data]
    if dotted:
        parts = [data.replace(b"\r\n.", b"\r\n..")]
        if data[:1] == b".":
            parts.insert(0, b".")
    parts.append(END if not data or data[-2:] == b"\r\n" else b"\r\n.\r\n")
    return parts


class Stuffing:
    """The same for content that comes in pieces, cut anywhere. The end-of-data mark is the `Dot` command's."""

    __slots__ = ("_dotted", "_fresh", "_held", "_vouched")

    def __init__(self, dotted: bool = True, *, vouched: bool = False) -> None:
        self._dotted = dotted or not vouched
        self._vouched = vouched
        self._fresh = True  # what was given out so far ends in CRLF, or is nothing
        self._held = b""  # a CR whose next octet is not here yet

    def piece(self, data: bytes) -> list[bytes]:
        """The piece as parts to write. ValueError on a bare CR or LF."""
        if self._held:
            data, self._held = self._held + data, b""
        if data[-1:] == b"\r":
            data, self._held = data[:-1], b"\r"
        if not data:
            return []
        if not self._vouched:
            check(data)
        parts = [data]
        if self._dotted:
            parts = [data.replace(b"\r\n.", b"\r\n..")]
            if self._fresh and data[:1] == b".":
                parts.insert(0, b".")
        self._fresh = data[-2:] == b"\r\n"
        return parts

    def finish(self) -> bytes:
        """What must stand between the last piece and the dot: b"" or a CRLF."""
        if self._held and not self._vouched:
            raise ValueError("the content has a bare CR or LF")
        return b"" if self._fresh and not self._held else self._held + b"\r\n"
