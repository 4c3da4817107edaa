"""LineEngine: the smallest engine there is, a line in, an event out: for tests of the pump and of what drives it.

Called by tests of net.
Never knows a protocol: each CRLF line is an event (bytes), `Words` are answers.
Fails with PeerError on a line "BAD", and on plaintext that is left when TLS starts.
"""

from hatoba.model.status import PeerError, Status
from hatoba.wire import engine


class Words:
    """An answer: its octets and what follows."""

    def __init__(self, wire: bytes, then: str = "") -> None:
        self.wire = wire
        self.then = then


class LineEngine:
    def __init__(self) -> None:
        self.buffer = b""
        self.ended = False
        self.paused = False
        self.peak = 0

    def receive(self, data: bytes) -> None:
        self.buffer += data
        self.ended = self.ended or not data
        self.peak = max(self.peak, len(self.buffer))

    def next_event(self) -> bytes | engine.Signal:
        if self.paused:
            return engine.PAUSED
        line, end, rest = self.buffer.partition(b"\r\n")
        if not end:
            return engine.CLOSED if self.ended else engine.NEED_DATA
        self.buffer = rest
        if line == b"BAD":
            raise PeerError(Status("5.5.2", "bad line"))
        self.paused = not line.startswith(b"quiet")
        return line

    def send(self, answer: object) -> bytes | list[bytes]:
        self.paused = False
        if isinstance(answer, Words):
            return answer.wire
        if isinstance(answer, list):
            return list(answer)
        raise TypeError(answer)

    def tls_started(self) -> None:
        if self.buffer:
            raise PeerError(Status("5.5.1", "plaintext is left"))
