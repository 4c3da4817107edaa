"""Web: the HTTPS listener for small fixed pages, asked one after the other whether a request is for them.

Opened by worker for the listener that [mta_sts] or [autoconfig] asks for; the pages are mta_sts and autoconfig.
Never reads a file, never keeps anything of a request, never tells of a domain that is not ours.
Fails with OSError when the socket cannot be listened on.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from hatoba.model.status import PeerError
from hatoba.net import server
from hatoba.net.pump import Pump
from hatoba.net.session import Log
from hatoba.wire.http.server import Reply, Request, ServerEngine

BODY = 16 * 1024  # octets of a request's body
_IDLE = 15.0  # seconds a client may be silent
_MOST = 500  # connections at the same time
_PER_CLIENT = 10  # handshakes of one address under way

_NOT_FOUND = Reply(404, b"There is nothing here but what mail servers and mail programs ask for.\n")
_NOT_ALLOWED = Reply(405, b"GET, HEAD and POST only.\n", fields=(("Allow", "GET, HEAD, POST"),))

Page = Callable[[Request], Reply | None]  # None: the request is for another page


class Domains(Protocol):
    """What the pages ask of the directory."""

    def domain(self, name: str) -> Any:
        """The domain with its `kind`, None for all that are not ours."""


class _Session:
    """One client. See net.session.Session."""

    def __init__(self, pages: Sequence[Page]) -> None:
        self._pages = pages

    def opened(self, pump: Pump) -> None:
        """The client speaks first."""

    def on(self, request: Request) -> Reply:
        if request.method not in ("GET", "HEAD", "POST"):
            return _NOT_ALLOWED
        for page in self._pages:
            said = page(request)
            if said is not None:
                return said
        return _NOT_FOUND

    def tls_started(self, tls: str) -> None:
        """There is no STARTTLS here."""

    def timed_out(self) -> None:
        """Closed without a word."""

    def peer_error(self, error: PeerError) -> Reply:
        return Reply(400, f"{error.status.text}\n".encode())

    def fault(self, error_id: str) -> Reply:
        return Reply(500, f"internal error {error_id}\n".encode())

    def closed(self, error: BaseException | None) -> None:
        """Nothing is left to do."""


class Door:
    """Made by `open_door`; has the verbs of the SMTP doors, for whom keeps them all."""

    def __init__(self, listening: server.Server) -> None:
        self.kind = "web"
        self.port = listening.port
        self._server = listening

    @property
    def sessions(self) -> list[Any]:
        """Those that are open."""
        return list(self._server.pumps)

    def sweep(self) -> None:
        """Nobody stays longer than _IDLE."""

    def retire(self) -> None:
        self._server.stop_listening()

    async def drain(self, grace: float) -> None:
        """Takes nobody in any more; requests take no time."""
        self._server.stop_listening()
        if not await self._server.emptied(min(grace, 1.0)):
            self._server.abort()
            await self._server.emptied(1.0)


async def open_door(
    sock: socket.socket, pages: Sequence[Page], *, tls: Callable[[], ssl.SSLContext] | None, log: Log
) -> Door:
    """Serves a bound, listening socket; `tls` gives the context, None for none."""

    def made() -> Pump:
        return Pump(
            ServerEngine(BODY), _Session(pages), loop=asyncio.get_running_loop(), log=log, idle=_IDLE, handshake=_IDLE
        )

    listening: server.Server | None = None

    def guard(_ip: str, waiting: int) -> bool:
        return waiting < _PER_CLIENT and (listening is None or len(listening.pumps) < _MOST)

    listening = await server.listen(sock, made, tls=tls, handshake=_IDLE, guard=guard)
    return Door(listening)
