"""The shape every protocol engine has: receive(bytes), next_event(), send(answer), tls_started().

Driven by net.pump; implemented by wire.smtp.server, wire.smtp.client and wire.proxy.
Never does IO and never reads a clock: an engine is a value that eats bytes and gives events.
The only exception that may leave an engine is `model.status.PeerError`; ValueError means a bug of the caller's.
"""

import enum
from typing import Any, Protocol


class Signal(enum.Enum):
    """What `next_event` returns when there is no event."""

    NEED_DATA = "need data"  # nothing complete in the buffer: call receive() first
    PAUSED = "paused"  # an event waits for its answer (or a TLS handshake for its end): call send() first
    CLOSED = "closed"  # the dialogue is over: no event will ever come


NEED_DATA = Signal.NEED_DATA
PAUSED = Signal.PAUSED
CLOSED = Signal.CLOSED


class Answer(Protocol):
    """What a session may say. `then` is what the pump does once `wire` is written: "", "close" or "tls"."""

    @property
    def wire(self) -> bytes: ...

    @property
    def then(self) -> str: ...


class Engine(Protocol):
    """The verbs. After an event the engine is PAUSED until `send`; the input that comes meanwhile is kept."""

    def receive(self, data: bytes) -> None:
        """Take bytes from the peer; b"" is the end of its stream. PeerError when the buffer's bound is passed."""

    def next_event(self) -> Any:
        """The next event or a Signal. PeerError when the peer broke the protocol beyond an answer."""

    def send(self, answer: Any) -> bytes:
        """The bytes to write for this answer (b"" for None); unpauses. Without an open event: unsolicited words."""

    def tls_started(self) -> None:
        """The handshake is done: forget the plaintext dialogue. PeerError when plaintext is still buffered."""
