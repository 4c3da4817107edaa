"""Door: one listening socket of the POP3 service; opened, retired, drained.

Called by app for each listener of a worker: `await open_door(sock, listener, house)`.
Never reads a maildrop itself: sessions do.
Fails with OSError when the socket cannot be listened on, ValueError on listener settings that make no sense.
"""

from __future__ import annotations

import asyncio
import socket
from typing import cast

from hatoba.doors.pop3.greet import per_network
from hatoba.doors.pop3.house import House
from hatoba.doors.pop3.place import Place
from hatoba.doors.pop3.session import Session
from hatoba.doors.pop3.settings import Listener
from hatoba.kit import networks
from hatoba.net import preamble, server
from hatoba.net.pump import Pump
from hatoba.wire.pop3.server import ServerEngine

_HANDSHAKES = 20  # TLS handshakes of one client under way at the same time


def _pump(place: Place) -> Pump:
    engine = ServerEngine(place.plain, place.limits)
    settings = place.house.settings
    return Pump(
        engine,
        Session(place, engine),
        loop=asyncio.get_running_loop(),
        log=place.house.log,
        idle=settings.login,
        handshake=settings.handshake,
    )


class Door:
    """`port` is the one listened on. Made by `open_door`."""

    def __init__(self, house: House, place: Place, listening: server.Server) -> None:
        self.house = house
        self.kind = place.kind
        self.port = listening.port
        self._server = listening

    @property
    def sessions(self) -> list[Session]:
        """Those that are open."""
        return [cast("Session", pump.session) for pump in self._server.pumps]

    def sweep(self) -> None:
        """Nothing here has a time of its own."""

    def retire(self) -> None:
        """Takes nobody in any more; the sessions that are open go on to their own end."""
        self._server.stop_listening()

    async def drain(self, grace: float) -> None:
        """Takes nobody in any more; idle sessions end now, others within `grace` seconds, then all are cut."""
        self._server.stop_listening()
        for session in self.sessions:
            if session.started:
                session.drain()
        if not await self._server.emptied(grace):
            self._server.abort()
            await self._server.emptied(1.0)


async def open_door(sock: socket.socket, listener: Listener, house: House) -> Door:
    """Serves a bound, listening socket."""
    place = Place(house, listener)
    tls = house.tls
    if place.implicit and tls is None:
        raise ValueError(f"a listener of kind {listener.kind} needs a certificate")
    proxies = preamble.Proxies(listener.proxy_networks) if listener.proxy_networks else None
    listening = await server.listen(
        sock,
        lambda: _pump(place),
        tls=(lambda: tls.context) if place.implicit and tls is not None else None,
        handshake=house.settings.handshake,
        guard=lambda ip, waiting: _admits(place, ip, waiting),
        proxies=proxies,
    )
    return Door(house, place, listening)


def _admits(place: Place, ip: str, waiting: int) -> bool:
    """Whether a client may cost us a handshake."""
    if place.unlimited.trust(ip):
        return True
    held = place.house.counters.count(per_network(networks.counted(ip)))
    return waiting < _HANDSHAKES and held < place.house.settings.connections_per_ip
