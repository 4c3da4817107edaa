"""Door: one listening socket with its policy; opened, swept once a second, drained.

Called by app for each listener of a worker: `await open_door(sock, listener, house)`.
Never takes a letter itself: sessions do.
Fails with OSError when the socket cannot be listened on, ValueError on listener settings that make no sense.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import cast

from hatoba.doors.smtp.greet import per_network
from hatoba.doors.smtp.house import House
from hatoba.doors.smtp.place import Place
from hatoba.doors.smtp.session import Session
from hatoba.doors.smtp.settings import Listener
from hatoba.kit import networks
from hatoba.net import preamble, server
from hatoba.net.pump import Pump
from hatoba.wire.smtp.server import ServerEngine

_HANDSHAKES = 20  # TLS handshakes of one client under way at the same time


def serve(listener: Listener, house: House) -> Callable[[], Pump]:
    """The factory of one listener: a pump with its session for each connection."""
    place = Place(house, listener)
    return lambda: _pump(place)


def _pump(place: Place) -> Pump:
    engine = ServerEngine(place.plain, place.limits, lmtp=place.policy.lmtp)
    settings = place.house.settings
    return Pump(
        engine,
        Session(place, engine),
        loop=asyncio.get_running_loop(),
        log=place.house.log,
        idle=settings.idle,
        handshake=settings.handshake,
    )


class Door:
    """`port` is the one listened on. Made by `open_door`."""

    def __init__(self, house: House, place: Place, listening: server.Server) -> None:
        self.house = house
        self.kind = place.kind
        self.port = listening.port
        self._server = listening
        house.doors.append(self)

    @property
    def sessions(self) -> list[Session]:
        """Those that are open."""
        return [cast("Session", pump.session) for pump in self._server.pumps]

    def sweep(self) -> None:
        """Ends the sessions whose transaction takes too long."""
        now = asyncio.get_running_loop().time()
        most = self.house.settings.transaction
        for session in self.sessions:
            if session.since and now - session.since > most and not session.pump.waiting:
                session.overdue()

    def retire(self) -> None:
        """Takes nobody in any more; the sessions that are open go on to their own end."""
        self._server.stop_listening()

    async def drain(self, grace: float) -> None:
        """Takes nobody in any more; idle sessions end now, busy ones within `grace` seconds, then all are cut."""
        self._server.stop_listening()
        for session in self.sessions:
            if session.started:
                session.drain()
        if not await self._server.emptied(grace):
            self._server.abort()
            await self._server.emptied(1.0)
        if self in self.house.doors:
            self.house.doors.remove(self)


async def open_door(sock: socket.socket, listener: Listener, house: House) -> Door:
    """Serves a bound, listening socket."""
    place = Place(house, listener)
    tls = house.tls
    if place.policy.implicit and tls is None:
        raise ValueError(f"a listener of kind {listener.kind} needs a certificate")
    proxies = preamble.Proxies(listener.proxy_networks) if listener.proxy_networks else None
    listening = await server.listen(
        sock,
        lambda: _pump(place),
        tls=(lambda: tls.context) if place.policy.implicit and tls is not None else None,
        handshake=house.settings.handshake,
        guard=lambda ip, waiting: _admits(place, ip, waiting),
        proxies=proxies,
    )
    return Door(house, place, listening)


def _admits(place: Place, ip: str, waiting: int) -> bool:
    """Whether a client may cost us a handshake."""
    if not place.admits(ip):
        return False
    if place.unlimited.trust(ip):
        return True
    held = place.house.counters.count(per_network(networks.counted(ip)))
    return waiting < _HANDSHAKES and held < place.house.settings.connections_per_ip
