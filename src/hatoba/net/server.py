"""A listening socket at work: every connection gets a pump; all of them are known until they are gone.

Called by app (through doors) for each listener of a worker.
Never limits what a connection may do: the session does; it only asks `guard` before a TLS handshake costs anything.
Fails with OSError when the socket cannot be listened on; a connection that fails before its first word is dropped.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Any

from hatoba.net import listen as listening
from hatoba.net import preamble
from hatoba.net.pump import Pump
from hatoba.wire import proxy

_AT_ONCE = 64  # connections accepted before the loop does something else
_BREATH = 1.0  # seconds without accepting when descriptors have run out

Guard = Callable[[str, int], bool]  # (the client's ip, its handshakes under way) -> whether to go on


class Server:
    """`pumps` are the open connections. Made by `listen`."""

    def __init__(self, make: Callable[[], Pump]) -> None:
        self._make = make
        self.pumps: set[Pump] = set()
        self._closers: list[Callable[[], object]] = []
        self._empty = asyncio.Event()
        self._empty.set()
        self.port = 0

    def pump(self) -> Pump:
        """A fresh pump, kept in `pumps` until its connection is gone."""
        pump = self._make()
        pump.on_gone = self.forget
        self.pumps.add(pump)
        self._empty.clear()
        return pump

    def forget(self, pump: Any) -> None:
        """A pump whose connection is gone, or never came to be."""
        self.pumps.discard(pump)
        if not self.pumps:
            self._empty.set()

    def at_stop(self, closer: Callable[[], object]) -> None:
        """What ends the listening."""
        self._closers.append(closer)

    def stop_listening(self) -> None:
        """No new connection is taken; those that stand go on. Twice is once."""
        closers, self._closers = self._closers, []
        for closer in closers:
            closer()

    async def emptied(self, timeout: float) -> bool:
        """Waits until no connection is left; False when `timeout` seconds were not enough."""
        try:
            async with asyncio.timeout(timeout):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True

    def abort(self) -> None:
        """Cuts every connection."""
        for pump in list(self.pumps):
            pump.abort()


async def listen(
    sock: socket.socket,
    make: Callable[[], Pump],
    *,
    tls: Callable[[], ssl.SSLContext] | None = None,
    handshake: float = 30.0,
    guard: Guard | None = None,
    proxies: preamble.Proxies | None = None,
    backlog: int = 2048,
) -> Server:
    """Serves `sock`, bound and listening, with a pump from `make` for each connection.

    `tls`: implicit TLS with the context it gives at the moment, `handshake` seconds for the handshake and, where
    `proxies` names the peer's network, for the PROXY preamble before it.
    """
    server = Server(make)
    server.port = listening.port(sock)
    if tls is None and proxies is None and sock.family != socket.AF_UNIX:
        under = await asyncio.get_running_loop().create_server(server.pump, sock=sock, backlog=backlog)
        server.at_stop(under.close)
    else:
        _Porch(sock, server, tls, handshake, guard, proxies).open()
    return server


class _Porch:
    """Accepts by hand, for connections with something to do before their pump: a PROXY preamble, a TLS handshake.

    And for Unix sockets: the loops' own servers differ in whether they remove the socket's file at their end.
    """

    def __init__(
        self,
        sock: socket.socket,
        server: Server,
        tls: Callable[[], ssl.SSLContext] | None,
        handshake: float,
        guard: Guard | None,
        proxies: preamble.Proxies | None,
    ) -> None:
        self._sock, self._server, self._tls, self._handshake = sock, server, tls, handshake
        self._guard, self._proxies = guard, proxies
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: dict[str, int] = {}
        self._shut = False

    def open(self) -> None:
        self._sock.setblocking(False)
        self._server.at_stop(self._close)
        self._loop.add_reader(self._sock, self._accept)

    def _close(self) -> None:
        self._shut = True
        self._loop.remove_reader(self._sock)
        self._sock.close()
        for task in self._tasks:
            task.cancel()

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                connection, address = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:  # no descriptor left: let some be closed first
                self._loop.remove_reader(self._sock)
                self._loop.call_later(_BREATH, self._again)
                return
            connection.setblocking(False)
            task = self._loop.create_task(self._welcome(connection, address[0] if isinstance(address, tuple) else ""))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _again(self) -> None:
        if not self._shut:
            self._loop.add_reader(self._sock, self._accept)

    async def _welcome(self, connection: socket.socket, ip: str) -> None:
        origin = None
        if self._proxies is not None and self._proxies.trust(ip):
            origin = await self._origin(connection)
            if origin is None:
                return
            ip = origin.source_ip if origin.known else ip
        waiting = self._waiting.get(ip, 0)
        if self._tls is not None and self._guard is not None and not self._guard(ip, waiting):
            connection.close()
            return
        self._waiting[ip] = waiting + 1
        try:
            await self._lead_in(connection, origin)
        finally:
            left = self._waiting[ip] - 1
            if left:
                self._waiting[ip] = left
            else:
                del self._waiting[ip]

    async def _origin(self, connection: socket.socket) -> proxy.Proxied | None:
        """Who connected to the proxy; None: it did not say, and the connection is closed."""
        try:
            async with asyncio.timeout(self._handshake):
                return await preamble.read(connection)
        except (OSError, TimeoutError, preamble.BadPreamble):
            connection.close()
            return None
        except asyncio.CancelledError:
            connection.close()
            raise

    async def _lead_in(self, connection: socket.socket, origin: proxy.Proxied | None) -> None:
        """Hands the connection to the loop, through the TLS handshake where there is one."""
        pump = self._server.pump()
        if origin is not None and origin.known:
            pump.origin = (origin.source_ip, origin.source_port)
            pump.origin_tls = origin.tls or ""
        try:
            await self._loop.connect_accepted_socket(
                lambda: pump,
                connection,
                ssl=self._tls() if self._tls is not None else None,
                ssl_handshake_timeout=self._handshake if self._tls is not None else None,
            )
        except (OSError, TimeoutError):  # SSLError is an OSError
            self._server.forget(pump)
        except asyncio.CancelledError:
            self._server.forget(pump)
            raise
