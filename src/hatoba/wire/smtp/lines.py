"""Lines: the input of a connection, cut into CRLF lines or counted octets, nothing copied twice.

Owned by wire.smtp.server.
Never takes a bare CR or a bare LF for an end, and never scans an octet again for each arriving piece.
`line` fails with LineTooLong; the caller says so and resynchronises with `skip`.
"""

CRLF = b"\r\n"


class LineTooLong(Exception):
    """No CRLF within the limit."""


class Lines:
    """A buffer that appends at the end (`feed`) and is eaten from the front."""

    __slots__ = ("_at", "_data", "_held", "_more")

    def __init__(self) -> None:
        self._data = b""
        self._at = 0
        self._more: list[bytes] = []  # pieces that came while `_data` was not yet eaten
        self._held = 0  # octets in `_more`

    def __len__(self) -> int:
        """Octets not yet eaten."""
        return len(self._data) - self._at + self._held

    def feed(self, data: bytes) -> None:
        """Take more input."""
        if self._at == len(self._data) and not self._more:
            self._data = data
            self._at = 0
        else:
            self._more.append(data)
            self._held += len(data)

    def _merge(self) -> bool:
        """Join what waits to what is left; False when nothing waits."""
        if not self._more:
            return False
        self._data = b"".join((self._data[self._at :], *self._more))
        self._at = self._held = 0
        self._more.clear()
        return True

    def line(self, limit: int) -> bytes | None:
        """The next line without its CRLF, None when it is not complete. LineTooLong past `limit` octets with CRLF."""
        while True:
            at = self._at
            end = self._data.find(CRLF, at, at + limit)
            if end >= 0:
                self._at = end + 2
                return self._data[at:end]
            if len(self._data) - at >= limit:
                raise LineTooLong
            if not self._merge():
                return None

    def skip(self) -> bool:
        """Throw away everything through the next CRLF; False while it has not come (nothing else is kept then)."""
        while True:
            end = self._data.find(CRLF, self._at)
            if end >= 0:
                self._at = end + 2
                return True
            half = self._at < len(self._data) and self._data.endswith(b"\r")
            self._at = len(self._data) - half
            if not self._merge():
                return False

    def take(self, most: int) -> bytes:
        """Up to `most` octets of what is here."""
        self._merge()
        if not self._at and len(self._data) <= most:
            data, self._data = self._data, b""
            return data
        at = self._at
        self._at = min(at + most, len(self._data))
        return self._data[at : self._at]

    def peek(self) -> tuple[bytes, int]:
        """All that is here, as (data, offset of the first octet not eaten)."""
        self._merge()
        return self._data, self._at

    def eat(self, to: int) -> None:
        """Eat through offset `to` of what `peek` gave."""
        self._at = to

    def rest(self) -> bytes:
        """All that is here; the buffer is empty after it."""
        return self.take(len(self))

    def give_back(self, data: bytes) -> None:
        """Put octets back in front; only after `rest`."""
        self._data = data
        self._at = 0
