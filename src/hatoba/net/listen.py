"""Listening sockets: bound by the supervisor, inherited by workers; and the word to systemd.

Called by app. One socket speaks one IP version, so that each address is written as it is.
Never accepts: server.py does.
Fails with OSError that names address and port.
"""

from __future__ import annotations

import ipaddress
import os
import socket

BACKLOG = 2048
_FIRST_PASSED = 3  # sd_listen_fds(3)


def bind(address: str, port: int, *, reuse_port: bool = False, backlog: int = BACKLOG) -> socket.socket:
    """A bound, listening, non-blocking TCP socket. `address` is an IPv4 or IPv6 address ("::" is IPv6 only)."""
    version = ipaddress.ip_address(address).version
    family = socket.AF_INET6 if version == 6 else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if version == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, port))
        sock.listen(backlog)
    except OSError as error:
        sock.close()
        where = f"[{address}]:{port}" if version == 6 else f"{address}:{port}"
        raise OSError(error.errno, f"{where}: {error.strerror}") from error
    return sock


def may_bind(address: str, port: int) -> None:
    """OSError, which names address and port, where `bind` would fail. Never listens: no client comes in by mistake."""
    version = ipaddress.ip_address(address).version
    family = socket.AF_INET6 if version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if version == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            sock.bind((address, port))
        except OSError as error:
            where = f"[{address}]:{port}" if version == 6 else f"{address}:{port}"
            raise OSError(error.errno, f"{where}: {error.strerror}") from error


def inherited(fd: int) -> socket.socket:
    """The listening socket handed down under this number. OSError when it is none."""
    sock = socket.socket(fileno=fd)
    sock.setblocking(False)
    os.set_inheritable(fd, False)
    return sock


def passed(environ: dict[str, str], pid: int) -> list[socket.socket]:
    """The sockets systemd activated us with, in its order; [] when there are none. # sd_listen_fds(3)"""
    if environ.get("LISTEN_PID") != str(pid):
        return []
    count = int(environ.get("LISTEN_FDS", "0"))
    return [inherited(fd) for fd in range(_FIRST_PASSED, _FIRST_PASSED + count)]


def notify(state: str) -> bool:
    """Tells systemd "READY=1", "STOPPING=1" …; False when nobody listens. Never raises. # sd_notify(3)"""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return False
    address = "\0" + path[1:] if path.startswith("@") else path
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.sendto(state.encode(), address)
    except OSError:
        return False
    return True
