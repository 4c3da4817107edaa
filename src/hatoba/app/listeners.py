"""The listeners in force: those of the settings, or the default set; bound for every worker; in words for people.

Called by supervisor (bind), handover, checks, send and quickstart.
Never accepts a connection. Without root or the capability the defaults are clear unprivileged numbers.
Fails with Unbound, which names address, port and the fix.
"""

import contextlib
import errno
import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from hatoba.app import certificate
from hatoba.app.listener import Kind, Listener
from hatoba.app.places import Places
from hatoba.app.settings import Settings
from hatoba.net import listen

Ports = tuple[tuple[Kind, int], ...]

PRIVILEGED: Ports = (
    ("mx", 25),
    ("submission", 587),
    ("submission", 2525),
    ("submissions", 465),
    ("imap", 143),
    ("imaps", 993),
    ("pop3", 110),
    ("pop3s", 995),
    ("sieve", 4190),
)
UNPRIVILEGED: Ports = (
    ("mx", 8025),
    ("submission", 8587),
    ("submission", 2525),
    ("submissions", 8465),
    ("imap", 8143),
    ("imaps", 8993),
    ("pop3", 8110),
    ("pop3s", 8995),
    ("sieve", 4190),
)
POLICY = -1  # the index of the listener that [mta_sts] and [autoconfig] make
_POLICY_KIND = "mta-sts"
_USES = {
    "mx": "mail from other servers (mx)",
    "submission": "submission, STARTTLS and AUTH",
    "submissions": "submission, implicit TLS and AUTH",
    "lmtp": "mail from a server in front (LMTP)",
    "imap": "mailboxes (IMAP), STARTTLS",
    "imaps": "mailboxes (IMAP), implicit TLS",
    "pop3": "mailboxes (POP3), STLS",
    "pop3s": "mailboxes (POP3), implicit TLS",
    "sieve": "Sieve scripts (ManageSieve), STARTTLS",
    _POLICY_KIND: "our MTA-STS policy and what mail programs ask for",
}
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  a mail server is there for everybody
LOOPBACK = ("127.0.0.1", "::1")
_FIRST_UNPRIVILEGED = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
_CAP_NET_BIND_SERVICE = 10


class Unbound(OSError):
    """A listener cannot be bound; the text names the place and the fix."""


class Place(msgspec.Struct, frozen=True):
    """Where a supervisor listened before its restart: the port as written (0: any) and its sockets by number."""

    address: str
    port: int
    kind: str
    fds: tuple[int, ...] = ()

    @property
    def key(self) -> tuple[str, int, str]:
        """What makes it the same place. The kind is no matter to a socket, but tells apart those with any port."""
        return (self.address, self.port, "" if self.port else self.kind)


class Bound(msgspec.Struct):
    """One address of one listener: a socket for each worker (SO_REUSEPORT). `listener` indexes settings.listener.

    After a restart there may be more (each is listened on, so that nobody who waits in one is cut) or fewer.
    """

    listener: int
    address: str
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
    """The four doors that an article on SMTP ports names, and those to read mail at."""
    return standard(PRIVILEGED if may_bind_low() else UNPRIVILEGED)


def standard(ports: Ports, address: tuple[str, ...] = ()) -> tuple[Listener, ...]:
    """A listener for each (kind, port), everywhere or at the addresses given."""
    return tuple(Listener(kind=kind, port=port, address=address) for kind, port in ports)


def addresses(listener: Listener) -> tuple[str, ...]:
    """Where it listens; without any address: everywhere, IPv4 and IPv6; for LMTP, on loopback."""
    return listener.address or (LOOPBACK if listener.kind == "lmtp" else EVERYWHERE)


def default(given: Sequence[Place]) -> tuple[Listener, ...]:
    """The default set; privileged where such a socket was inherited, though the right to bind it may be gone."""
    mail = [place for place in given if place.kind != _POLICY_KIND]
    return standard(PRIVILEGED) if any(0 < place.port < 1024 for place in mail) else defaults()


def resolved(settings: Settings, places: Places, given: Sequence[Place] = ()) -> Settings:
    """The settings with everything filled in that depends on this machine: listeners, data, name, certificate."""
    name = certificate.hostname(settings.hostname)
    pair = certificate.ensure(settings.tls, name, places)
    tls = msgspec.structs.replace(settings.tls, certificate=pair.certificate, key=pair.key)
    return msgspec.structs.replace(
        settings, hostname=name, data=str(places.data), listener=settings.listener or default(given), tls=tls
    )


def place(settings: Settings, index: int, address: str) -> Place:
    """Of one address of a listener."""
    if index == POLICY:
        return Place(address, settings.mta_sts.port, _POLICY_KIND)
    listener = settings.listener[index]
    return Place(address, listener.port, listener.kind)


def wanted(settings: Settings) -> Iterator[tuple[int, Place]]:
    """(index of the listener, its place) of every address. IPv6 is left out on a machine without it."""
    asked = [(index, bool(one.address), addresses(one)) for index, one in enumerate(settings.listener)]
    if (settings.mta_sts.mode or settings.autoconfig.serve) and settings.mta_sts.port:
        asked.append((POLICY, bool(settings.mta_sts.address), settings.mta_sts.address or EVERYWHERE))
    for index, written, named in asked:
        for address in named:
            if written or ":" not in address or _ipv6():
                yield index, place(settings, index, address)


def bind(settings: Settings, workers: int, given: Sequence[Place] = ()) -> list[Bound]:
    """Every listener for every worker: adopted where its place is `given`, else bound. Who vanished is closed."""
    inherited: dict[tuple[str, int, str], list[int]] = {}
    for place in given:
        inherited.setdefault(place.key, []).extend(place.fds)
    adopted = [(index, place, inherited.pop(place.key, [])) for index, place in wanted(settings)]
    for fd in [fd for fds in inherited.values() for fd in fds]:
        os.close(fd)  # first: a new place may lie where an old one did
    return [
        _adopt(index, place.address, fds, workers) if fds else _bind(index, place.address, place.port, workers)
        for index, place, fds in adopted
    ]


def unbindable(settings: Settings, given: Sequence[Place]) -> Iterator[tuple[int, str]]:
    """(index, why) of every listener that could not be bound now, beside those `given`."""
    known = {place.key for place in given}
    for index, place in wanted(settings):
        if place.key not in known:
            try:
                listen.may_bind(place.address, place.port)
            except OSError as error:
                yield index, f"{error.strerror}. {_fix(error.errno, place.address)}"


def shared_out(bound: Sequence[Bound], workers: int) -> list[list[tuple[int, int]]]:
    """For each worker its (descriptor, index of the listener): every socket has a worker, every worker a socket."""
    doors: list[list[tuple[int, int]]] = [[] for _ in range(workers)]
    for one in bound:
        for turn in range(max(workers, len(one.sockets))):
            doors[turn % workers].append((one.sockets[turn % len(one.sockets)].fileno(), one.listener))
    return doors


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
        if address.startswith(listen.UNIX):  # one for all workers: its file can be bound once
            sockets.append(listen.bind_unix(address.removeprefix(listen.UNIX)))
            return Bound(index, address, address, 0, sockets)
        for _ in range(workers):
            sockets.append(listen.bind(address, port, reuse_port=True))
            port = sockets[0].getsockname()[1]  # 0 was: any; the others take the same
    except OSError as error:
        for sock in sockets:
            sock.close()
        raise Unbound(error.errno, f"{error.strerror}. {_fix(error.errno, address)}") from error
    return Bound(index, address, _where(address, port), port, sockets)


def _adopt(index: int, address: str, fds: Sequence[int], workers: int) -> Bound:
    """The inherited sockets and, where the crew has grown, more; workers share them where no more can be bound."""
    sockets = [listen.inherited(fd) for fd in fds]
    port = listen.port(sockets[0])
    with contextlib.suppress(OSError):  # bound by root, and root is given up
        while len(sockets) < workers and not address.startswith(listen.UNIX):
            sockets.append(listen.bind(address, port, reuse_port=True))
    return Bound(index, address, _where(address, port), port, sockets)


def _where(address: str, port: int) -> str:
    if address.startswith(listen.UNIX):
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _fix(number: int | None, address: str) -> str:
    if address.startswith(listen.UNIX):
        return "Set another path in [[listener]], or make its directory one that this user may write in."
    if number == errno.EADDRINUSE:
        return "Another program listens there: stop it (ss -ltnp), or set another port in [[listener]]."
    if number in (errno.EACCES, errno.EPERM):
        return "Ports below 1024 need root or CAP_NET_BIND_SERVICE; without, set ports above in [[listener]]."
    return "Set an address of this machine in [[listener]]."


def describe(settings: Settings, bound: Bound) -> str:
    """What it is for, in words."""
    kind = place(settings, bound.listener, bound.address).kind
    return _USES.get(kind, kind)


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
        for name in ("networks", "proxy_networks", "xclient_networks"):
            for written in getattr(listener, name):
                yield f"listener[{index}].{name}", written
