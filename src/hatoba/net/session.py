"""What a pump drives and what it is answered with: the Engine and Session protocols, and the answers Later and Then.

Called by pump (which runs them) and by doors and delivery (which write sessions).
Never names a protocol's command: an event and an answer are whatever engine and session agree on.
Holds no state; nothing here fails.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any, Protocol

from hatoba.model import status


class Engine(Protocol):
    """A protocol engine (wire.engine): bytes in, one event at a time out, answers to bytes."""

    def receive(self, data: bytes, /) -> None: ...
    def next_event(self) -> Any: ...
    def send(self, answer: Any, /) -> bytes | list[bytes]: ...
    def tls_started(self) -> None: ...


class Session(Protocol):
    """One connection's thinking. An answer goes to engine.send; None says nothing now.

    `on`, `opened` and `tls_started` may also return a Later, an asyncio.Future or a coroutine that ends in an answer.
    """

    def opened(self, pump: Any, /) -> Any:
        """The connection stands (with implicit TLS: the handshake is over). A server answers with its banner.

        `pump` is the net.pump.Pump (Any here: pump imports this module).
        """

    def on(self, event: Any, /) -> Any:
        """One event of the engine."""

    def tls_started(self, tls: str, /) -> Any:
        """The handshake of a STARTTLS is over; `tls` is "TLSv1.3 TLS_AES_256_GCM_SHA384"."""

    def timed_out(self) -> Any:
        """Nothing came for the idle time. The pump closes after the answer."""

    def peer_error(self, error: status.PeerError, /) -> Any:
        """The peer broke the protocol. The pump closes after the answer."""

    def fault(self, error_id: str, /) -> Any:
        """We erred; the pump has logged it whole under `error_id` and closes after the answer."""

    def closed(self, error: BaseException | None, /) -> None:
        """The connection is gone (`error`: why, where it was no orderly end). Called exactly once."""


class Later:
    """An answer that waits for `future`: `finish(future)` makes it. No task: one callback on a future shared or not.

    `finish` is also called when the peer has gone meanwhile (its answer is then dropped); it raises like `on` may.
    """

    __slots__ = ("finish", "future")

    def __init__(self, future: asyncio.Future[Any], finish: Callable[[asyncio.Future[Any]], Any]) -> None:
        self.future = future
        self.finish = finish


class Then:
    """An answer with what follows it: "close" or "tls". `answer` None: no bytes, only what follows."""

    __slots__ = ("answer", "then")

    def __init__(self, then: str, answer: Any = None) -> None:
        self.then = then
        self.answer = answer


class Log(Protocol):
    """The part of a structlog logger the rooms use."""

    def info(self, event: str, /, **fields: Any) -> Any: ...
    def warning(self, event: str, /, **fields: Any) -> Any: ...
    def error(self, event: str, /, **fields: Any) -> Any: ...


# How pump treats an answer, by its type: SAYS has a `then`, PLAIN has none, AWAIT ends in another answer.
SAYS, PLAIN, THEN, LATER, AWAIT = 1, 2, 3, 4, 5
KINDS: dict[type, int] = {list: PLAIN, tuple: PLAIN, bytes: PLAIN, Then: THEN, Later: LATER}


def kind(answer: object) -> int:
    """How an answer of a type not seen before is to be treated; learned once."""
    found = AWAIT if inspect.isawaitable(answer) else SAYS if hasattr(answer, "then") else PLAIN
    KINDS[answer.__class__] = found
    return found
