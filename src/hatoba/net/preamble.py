"""The PROXY preamble, read off a fresh socket before anything else stands on it: who connected to the proxy.

Called by server for listeners that stand behind a proxy, and only for peers in its networks.
Never takes an octet more than the preamble: what follows (a command, a TLS handshake) stays in the kernel.
Fails with BadPreamble; a connection from elsewhere is never asked, so a header it sends is just rubbish to us.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence

from hatoba.model import status
from hatoba.wire import engine as engines
from hatoba.wire import proxy

_PEEK = 8192  # more than the longest preamble


class BadPreamble(Exception):
    """The proxy did not say who connected, or what it said is malformed."""


class Proxies:
    """Networks (CIDR or single addresses) whose word counts. ValueError on what is neither."""

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks = [ipaddress.ip_network(text) for text in networks]
        self._known: dict[str, bool] = {}

    def trust(self, ip: str) -> bool:
        """Whether `ip` is in one of them. Remembered: proxies are few."""
        found = self._known.get(ip)
        if found is None:
            if len(self._known) >= 4096:
                self._known.clear()
            try:
                address = ipaddress.ip_address(ip)
            except ValueError:
                return False
            found = self._known[ip] = any(address in network for network in self._networks)
        return found


async def read(sock: socket.socket) -> proxy.Proxied:
    """Reads the preamble of a connected, non-blocking socket that no transport owns yet. Bound the time outside."""
    engine = proxy.ProxyEngine()
    while True:
        await _readable(sock)
        try:
            seen = sock.recv(_PEEK, socket.MSG_PEEK)
        except BlockingIOError:
            continue
        if not seen:
            raise BadPreamble("the proxy left before its preamble was whole")
        engine.receive(seen)
        try:
            event = engine.next_event()
        except status.PeerError as error:
            raise BadPreamble(str(error)) from error
        if isinstance(event, engines.Signal):
            sock.recv(len(seen))  # all of it belongs to the preamble
            continue
        sock.recv(len(seen) - len(engine.rest()))
        return event


async def _readable(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(sock, wake)
    try:
        await ready
    finally:
        loop.remove_reader(sock)
