"""Listening sockets: bound by the supervisor, inherited by workers; and the word to systemd.

Called by app. One socket speaks one IP version, so that each address is written as it is.
Never accepts: server.py does.
Fails with OSError that names address and port.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from pathlib import Path

BACKLOG = 2048
UNIX = "unix:"  # how the path of a Unix socket is told from an address
_MODE = 0o660  # its user and group may connect
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


def bind_unix(path: str, backlog: int = BACKLOG) -> socket.socket:
    """A listening, non-blocking Unix socket, its file open to our user and group; a file nobody listens at is replaced.

    OSError, which names the path: EADDRINUSE where somebody listens there, or a file that is no socket lies there.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        _may_bind_unix(path)
        Path(path).unlink(missing_ok=True)
        sock.bind(path)
        Path(path).chmod(_MODE)
        sock.listen(backlog)
    except OSError as error:
        sock.close()
        raise OSError(error.errno, f"{path}: {error.strerror or error}") from error
    return sock


def _may_bind_unix(path: str) -> None:
    found = Path(path)
    if not os.access(found.parent, os.W_OK | os.X_OK):
        raise OSError(errno.EACCES if found.parent.is_dir() else errno.ENOENT, "its directory is not ours to write in")
    if not found.exists():
        return
    if not found.is_socket():
        raise OSError(errno.EADDRINUSE, "a file is there that is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return  # left behind by a process that is gone
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def port(sock: socket.socket) -> int:
    """The port listened on; 0 for a Unix socket."""
    name = sock.getsockname()
    return int(name[1]) if isinstance(name, tuple) else 0


def may_bind(address: str, port: int) -> None:
    """OSError, which names address and port, where `bind` would fail. Never listens: no client comes in by mistake."""
    if address.startswith(UNIX):
        path = address.removeprefix(UNIX)
        try:
            _may_bind_unix(path)
        except OSError as error:
            raise OSError(error.errno, f"{path}: {error.strerror}") from error
        return
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
