"""Lines: the input of a connection, cut into CRLF lines or counted octets, nothing copied twice.

Owned by the servers' engines: wire.smtp.server, wire.pop3.server, wire.managesieve.server.
Never takes a bare CR or (unless asked to) a bare LF for an end, and never scans an octet again for each arriving piece.
`line` fails with LineTooLong; the caller says so and resynchronises with `skip`.
"""

CRLF = b"\r\n"
LF = b"\n"


class LineTooLong(Exception):
    """No CRLF within the limit."""


class Lines:
    """A buffer that appends at the end (`feed`) and is eaten from the front.

    What is here is `data` from offset `at` on, then the pieces in `more`. The engine's hot path reads `data` and
    moves `at` itself.
    """

    __slots__ = ("_held", "at", "data", "more")

    def __init__(self) -> None:
        self.data = b""
        self.at = 0
        self.more: list[bytes] = []  # pieces that came while `data` was not yet eaten
        self._held = 0  # octets in `more`

    def __len__(self) -> int:
        """Octets not yet eaten."""
        return len(self.data) - self.at + self._held

    def feed(self, data: bytes) -> None:
        """Take more input."""
        if self.at == len(self.data) and not self.more:
            self.data = data
            self.at = 0
        else:
            self.more.append(data)
            self._held += len(data)

    def _merge(self) -> bool:
        """Join what waits to what is left; False when nothing waits."""
        if not self.more:
            return False
        self.data = b"".join((self.data[self.at :], *self.more))
        self.at = self._held = 0
        self.more.clear()
        return True

    def line(self, limit: int, mark: bytes = CRLF) -> bytes | None:
        """The next line without its `mark`, None when it is not complete. LineTooLong past `limit` octets with it.

        With LF for a mark the caller sees from the line's last octet whether a CR stood before it.
        """
        while True:
            at = self.at
            end = self.data.find(mark, at, at + limit)
            if end >= 0:
                self.at = end + len(mark)
                return self.data[at:end]
            if len(self.data) - at >= limit:
                raise LineTooLong
            if not self._merge():
                return None

    def skip(self, mark: bytes = CRLF) -> bool:
        """Throw away everything through the next mark; False while it has not come (nothing else is kept then)."""
        while True:
            end = self.data.find(mark, self.at)
            if end >= 0:
                self.at = end + len(mark)
                return True
            half = self.at < len(self.data) and self.data.endswith(b"\r")
            self.at = len(self.data) - half
            if not self._merge():
                return False

    def take(self, most: int) -> bytes:
        """Up to `most` octets of what is here."""
        self._merge()
        if not self.at and len(self.data) <= most:
            data, self.data = self.data, b""
            return data
        at = self.at
        self.at = min(at + most, len(self.data))
        return self.data[at : self.at]

    def rest(self) -> bytes:
        """All that is here; the buffer is empty after it."""
        return self.take(len(self))

    def put(self, data: bytes) -> None:
        """These octets instead of what is here."""
        self.data = data
        self.at = 0
