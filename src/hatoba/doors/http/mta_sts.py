"""Our own MTA-STS policy over HTTPS: /.well-known/mta-sts.txt at mta-sts.DOMAIN, for every local domain. # RFC 8461

Opened by worker for the listener that [mta_sts] asks for; the DNS helper takes the id from `policy_id`.
Never serves anything else, never for a domain that is not ours, never reads a file.
Fails with OSError when the socket cannot be listened on, mtasts.BadPolicy on names that are none.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Any, Protocol

from hatoba.doors.http.settings import MtaSts
from hatoba.mailauth import mtasts
from hatoba.model.status import PeerError
from hatoba.net import server
from hatoba.net.pump import Pump
from hatoba.net.session import Log
from hatoba.wire.http.server import Reply, Request, ServerEngine

PATH = "/.well-known/mta-sts.txt"
_HOST = "mta-sts."
_IDLE = 15.0  # seconds a client may be silent
_MOST = 500  # connections at the same time
_PER_CLIENT = 10  # handshakes of one address under way

_NOT_FOUND = Reply(404, b"There is a policy at https://mta-sts.DOMAIN/.well-known/mta-sts.txt only.\n")
_NOT_ALLOWED = Reply(405, b"GET and HEAD only.\n", fields=(("Allow", "GET, HEAD"),))


class Domains(Protocol):
    """What is asked of the directory here."""

    def domain(self, name: str) -> Any:
        """The domain with its `kind`, None for all that are not ours."""


class Published:
    """The policy of our settings. mtasts.BadPolicy when it would be none."""

    def __init__(self, settings: MtaSts, hostname: str) -> None:
        self.body = b""
        if settings.mode:
            self.body = mtasts.write(settings.mode, settings.mx or (hostname.lower(),), int(settings.max_age))

    @property
    def policy_id(self) -> str:
        """What stands in the DNS as id: another one whenever the policy is another; "" without a policy."""
        return mtasts.identifier(self.body) if self.body else ""


class _Session:
    """One client. See net.session.Session."""

    def __init__(self, published: Published, domains: Domains) -> None:
        self._published = published
        self._domains = domains

    def opened(self, pump: Pump) -> None:
        """The client speaks first."""

    def on(self, request: Request) -> Reply:
        if request.method not in ("GET", "HEAD"):
            return _NOT_ALLOWED
        domain = request.host.removeprefix(_HOST)
        if request.path != PATH or domain == request.host or not self._published.body:
            return _NOT_FOUND
        found = self._domains.domain(domain)
        if found is None or found.kind != "local":
            return _NOT_FOUND
        return Reply(200, self._published.body)

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
        self.kind = "mta-sts"
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
    sock: socket.socket,
    published: Published,
    domains: Domains,
    *,
    tls: Callable[[], ssl.SSLContext] | None,
    log: Log,
) -> Door:
    """Serves a bound, listening socket; `tls` gives the context, None for none."""

    def made() -> Pump:
        return Pump(
            ServerEngine(), _Session(published, domains), loop=asyncio.get_running_loop(), log=log, idle=_IDLE,
            handshake=_IDLE,
        )  # fmt: skip

    listening: server.Server | None = None

    def guard(_ip: str, waiting: int) -> bool:
        return waiting < _PER_CLIENT and (listening is None or len(listening.pumps) < _MOST)

    listening = await server.listen(sock, made, tls=tls, handshake=_IDLE, guard=guard)
    return Door(listening)
