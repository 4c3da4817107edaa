"""The listeners in force: those of the settings, or the default set; bound for every worker; in words for people.

Called by supervisor (bind), checks, send and quickstart.
Never accepts a connection. Without root or the capability the defaults are clear unprivileged numbers.
Fails with Unbound, which names address, port and the fix.
"""

import contextlib
import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from hatoba.app import certificate
from hatoba.app.places import Places
from hatoba.app.settings import Settings
from hatoba.doors.smtp.settings import Listener
from hatoba.net import listen

Kind = Literal["mx", "submission", "submissions"]
Ports = tuple[tuple[Kind, int], ...]

PRIVILEGED: Ports = (("mx", 25), ("submission", 587), ("submission", 2525), ("submissions", 465))
UNPRIVILEGED: Ports = (
    ("mx", 8025),
    ("submission", 8587),
    ("submission", 2525),
    ("submissions", 8465),
)
_USES = {
    "mx": "mail from other servers (mx)",
    "submission": "submission, STARTTLS and AUTH",
    "submissions": "submission, implicit TLS and AUTH",
}
_FIRST_UNPRIVILEGED = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
_CAP_NET_BIND_SERVICE = 10


class Unbound(OSError):
    """A listener cannot be bound; the text names the place and the fix."""


class Bound(msgspec.Struct):
    """One address of one listener: a socket for each worker (SO_REUSEPORT). `listener` indexes settings.listener."""

    listener: int
    where: str  # "127.0.0.1:8025", "[::]:25"
    port: int
    sockets: list[socket.socket]


def may_bind_low() -> bool:
    """Whether ports below 1024 are ours to bind: root, the capability, or a machine that allows everybody."""
    if os.geteuid() == 0:
        return True
    with contextlib.suppress(OSError, ValueError):
        if int(_FIRST_UNPRIVILEGED.read_text()) <= min(port for _, port in PRIVILEGED):
            return True
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("CapEff:"):
                return bool(int(line.split()[1], 16) >> _CAP_NET_BIND_SERVICE & 1)
    return False


def defaults() -> tuple[Listener, ...]:
    """The four kinds of door an article on SMTP ports names."""
    return standard(PRIVILEGED if may_bind_low() else UNPRIVILEGED)


def standard(ports: Ports, address: tuple[str, ...] = ()) -> tuple[Listener, ...]:
    """A listener for each (kind, port), everywhere or at the addresses given."""
    return tuple(Listener(kind=kind, port=port, address=address) for kind, port in ports)


def addresses(listener: Listener) -> tuple[str, ...]:
    """Where it listens; without any address: everywhere, IPv4 and IPv6."""
    return listener.address or ("0.0.0.0", "::")  # noqa: S104  a mail server is there for everybody


def resolved(settings: Settings, places: Places) -> Settings:
    """The settings with everything filled in that depends on this machine: listeners, data, name, certificate."""
    name = certificate.hostname(settings.hostname)
    pair = certificate.ensure(settings.tls, name, places)
    tls = msgspec.structs.replace(settings.tls, certificate=pair.certificate, key=pair.key)
    return msgspec.structs.replace(
        settings, hostname=name, data=str(places.data), listener=settings.listener or defaults(), tls=tls
    )


def bind(settings: Settings, workers: int) -> list[Bound]:
    """Binds every listener for every worker. An IPv6 address is left out on a machine without IPv6."""
    bound: list[Bound] = []
    for index, listener in enumerate(settings.listener):
        for address in addresses(listener):
            if ":" in address and not listener.address and not _ipv6():
                continue
            bound.append(_bind(index, address, listener.port, workers))
    return bound


def _ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _bind(index: int, address: str, port: int, workers: int) -> Bound:
    sockets: list[socket.socket] = []
    try:
        for _ in range(workers):
            sockets.append(listen.bind(address, port, reuse_port=True))
            port = sockets[0].getsockname()[1]  # 0 was: any; the others take the same
    except OSError as error:
        for sock in sockets:
            sock.close()
        raise Unbound(error.errno, f"{error.strerror}. {_fix(error.errno)}") from error
    where = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    return Bound(index, where, port, sockets)


def _fix(number: int | None) -> str:
    if number == errno.EADDRINUSE:
        return "Another program listens there: stop it (ss -ltnp), or set another port in [[listener]]."
    if number in (errno.EACCES, errno.EPERM):
        return "Ports below 1024 need root or CAP_NET_BIND_SERVICE; without, set ports above in [[listener]]."
    return "Set an address of this machine in [[listener]]."


def describe(listener: Listener) -> str:
    """What it is for, in words."""
    return _USES.get(listener.kind, listener.kind)


def submission_ports(settings: Settings) -> list[tuple[int, bool]]:
    """(port, implicit TLS) of our own submission listeners, in the order a client should try them."""
    listed = settings.listener or defaults()
    starttls = [(one.port, False) for one in listed if one.kind == "submission"]
    implicit = [(one.port, True) for one in listed if one.kind == "submissions"]
    return starttls + implicit


def networks(settings: Settings) -> Iterator[tuple[str, str]]:
    """(key, network) of every network written in the settings."""
    for written in settings.intake.relay_networks:
        yield "intake.relay_networks", written
    for written in settings.smtp.unlimited:
        yield "smtp.unlimited", written
    for index, listener in enumerate(settings.listener):
        for name in ("proxy_networks", "xclient_networks"):
            for written in getattr(listener, name):
                yield f"listener[{index}].{name}", written
