"""Door: one listening socket of the ManageSieve service; opened, retired, drained.

Called by app for each listener of a worker: `await open_door(sock, listener, house)`.
Never reads a script itself: sessions do.
Fails with OSError when the socket cannot be listened on, ValueError on networks that are none.
"""

from __future__ import annotations

import asyncio
import socket
from typing import cast

from hatoba.doors.sieve.house import House
from hatoba.doors.sieve.place import Place
from hatoba.doors.sieve.session import Session
from hatoba.doors.sieve.settings import Listener
from hatoba.net import preamble, server
from hatoba.net.pump import Pump
from hatoba.wire.managesieve.server import ServerEngine


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
    proxies = preamble.Proxies(listener.proxy_networks) if listener.proxy_networks else None
    listening = await server.listen(sock, lambda: _pump(place), handshake=house.settings.handshake, proxies=proxies)
    return Door(house, place, listening)
