"""Line: a client's connection whose owner awaits one event after the other: the session for a dialogue in turns.

Opened by milter and clamd over TCP or a Unix socket; the pump drives it.
Never judges what is said; keeps at most the events the engine gives for what was read.
Fails with OSError (Lost when the peer left), PeerError when it broke the protocol; time-outs are the owner's.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Iterator
from typing import Any

import msgspec

from hatoba.model.status import PeerError
from hatoba.net import pump as pumps
from hatoba.net import session as sessions
from hatoba.wire import engine as engines

_IDLE = 86400.0  # the pump's own idle time: whoever asks has a time-out, whoever keeps a line a shorter one


class Lost(ConnectionResetError):
    """The peer ended the connection before the answer was whole."""


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where a service listens: a host and port, or the path of a Unix socket."""

    host: str = ""
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"unix:{self.path}" if self.path else f"{host}:{self.port}"


_TCP = re.compile(r"(?:tcp:|inet:)?(?:\[([0-9A-Fa-f:.]+)\]|([^:@/\[\]\s]+)):(\d{1,5})")


def place(written: str) -> Place:
    """From "host:port", "[::1]:port" or "unix:/path" (or just "/path"). ValueError when it is none of these."""
    path = written.removeprefix("unix:")
    if path.startswith("/"):
        return Place(path=path)
    found = _TCP.fullmatch(written)
    if found is None or not 0 < int(found[3]) < 65536:
        raise ValueError(f"{written!r} is no place: write host:port or unix:/path")
    return Place(found[1] or found[2], int(found[3]))


class Line:
    """Made by `connect`. `broken` is why no more can be said, None while it stands."""

    def __init__(self, engine: sessions.Engine) -> None:
        self.engine = engine
        self.broken: Exception | None = None
        self._events: deque[Any] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self.pump: pumps.Pump

    # ---- what the owner calls

    def say(self, command: Any) -> None:
        """Sends what the engine makes of `command`."""
        self.pump.push(command)

    def stream(self, pieces: Iterator[bytes]) -> None:
        """Sends large content as the peer takes it."""
        self.pump.stream(pieces)

    async def hear(self) -> Any:
        """The next event. Raises what ended the line when none will come."""
        while not self._events:
            if self.broken is not None:
                raise self.broken
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._events.popleft()

    def unheard(self) -> bool:
        """Something came that nobody has asked for."""
        return bool(self._events)

    def cut(self) -> None:
        """Ends it at once."""
        self._ends(Lost("the line was cut"))
        self.pump.abort()

    def close(self) -> None:
        """Ends it behind what was said."""
        self._ends(Lost("the line was closed"))
        self.pump.close()

    # ---- what the pump calls (net.session.Session)

    def opened(self, pump: pumps.Pump) -> None:
        self.pump = pump

    def on(self, event: Any) -> None:
        self._events.append(event)
        self._wake()

    def tls_started(self, tls: str) -> None:
        """Never: nothing upgrades here."""

    def timed_out(self) -> None:
        self._ends(Lost("idle for too long"))

    def peer_error(self, error: PeerError) -> None:
        self._ends(error)

    def fault(self, error_id: str) -> None:
        self._ends(RuntimeError(f"internal error {error_id}"))

    def closed(self, error: BaseException | None) -> None:
        """Takes what was said before the end: a peer may answer and leave while content is still on its way."""
        try:
            while self.broken is None and not isinstance(event := self.engine.next_event(), engines.Signal):
                self._events.append(event)
        except PeerError as wrong:
            self._ends(wrong)
        self._ends(Lost(str(error) if error else "the connection was closed"))

    def _ends(self, why: Exception) -> None:
        self.broken = self.broken or why
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


async def connect(where: Place, engine: sessions.Engine, log: sessions.Log) -> Line:
    """A line to `where`. OSError when nobody listens there."""
    loop = asyncio.get_running_loop()
    line = Line(engine)

    def make() -> pumps.Pump:
        return pumps.Pump(engine, line, loop=loop, log=log, server_side=False, idle=_IDLE)

    if where.path:
        await loop.create_unix_connection(make, where.path)
    else:
        await loop.create_connection(make, where.host, where.port)
    return line
