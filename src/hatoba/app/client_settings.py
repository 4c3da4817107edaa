"""What mail programs and programs that send mail are to be told: hosts, ports, security, and why those.

Called by `hatoba client-settings` and, for the files that mail programs fetch, by worker.
Never names a door that does not listen, nor one that is off for the account; never holds a password.
Fails never.
"""

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from hatoba.app import certificate, listeners, snippets
from hatoba.app.settings import Settings
from hatoba.doors.http.clients import Server, Setup
from hatoba.model.address import Address

Protocol = Literal["smtp", "imap", "pop3", "sieve"]
# What a kind of listener (or a service in [dns_helper]) is to a program: protocol, TLS from the start.
_KINDS: dict[str, tuple[Protocol, bool]] = {
    "submission": ("smtp", False),
    "submissions": ("smtp", True),
    "imaps": ("imap", True),
    "imap": ("imap", False),
    "pop3s": ("pop3", True),
    "pop3": ("pop3", False),
    "sieve": ("sieve", False),
}
_STANDARD = {"submission": 587, "submissions": 465, "imaps": 993, "imap": 143, "pop3s": 995, "pop3": 110, "sieve": 4190}
_SECOND = 2525

WHY_FIRST = "recommended: the port for sending with a login (RFC 6409); open in nearly every network"
WHY_SECOND = "fall-back where a host or network blocks 587; no standard port, otherwise the same"
WHY_IMPLICIT = "fall-back for programs that know only TLS from the start, often called SSL (RFC 8314)"
WHY_OWN = "as this server is set up"
WHY_NOT_25 = (
    "Not port 25: there mail servers talk to each other, without a login, and most providers and clouds block it for"
    " everybody else, so that a program that works today is cut off tomorrow."
)


class Door(msgspec.Struct, frozen=True):
    """A door for programs, in words. `security`: "STARTTLS" or "TLS" (from the start, often called SSL)."""

    protocol: str
    host: str
    port: int
    security: str
    why: str = ""


class Told(msgspec.Struct, frozen=True):
    """All that a person needs: `sending` the recommended first, `reading` IMAP before POP3; texts by program."""

    address: str
    username: str
    sending: tuple[Door, ...]
    reading: tuple[Door, ...]
    filters: tuple[Door, ...]
    not_25: str
    programs: dict[str, str]


def servers(settings: Settings) -> tuple[Server, ...]:
    """The doors for programs: those that [dns_helper] names, else our listeners; the preferred of each kind first."""
    host = certificate.hostname(settings.hostname).lower()
    found = list(_named(settings, host)) or list(_listening(settings, host))
    return tuple(server for _, server in sorted(dict.fromkeys(found), key=lambda pair: pair[0]))


def _named(settings: Settings, host: str) -> Iterator[tuple[int, Server]]:
    for written in settings.dns_helper.services:
        kind, _, rest = written.partition(":")
        port, _, where = rest.partition(":")
        if kind in _KINDS:
            yield _ranked(kind, int(port or _STANDARD[kind]), where or host)


def _listening(settings: Settings, host: str) -> Iterator[tuple[int, Server]]:
    for one in settings.listener or listeners.defaults():
        if one.kind in _KINDS:
            yield _ranked(one.kind, one.port, host)


def _ranked(kind: str, port: int, host: str) -> tuple[int, Server]:
    """(its place in the list, the server): 587, other ports with STARTTLS, then TLS from the start; reading the other
    way round. # RFC 8314 §3, RFC 6409 §3.1"""
    protocol, implicit = _KINDS[kind]
    rank = list(_KINDS).index(kind) * 2 + (port != _STANDARD[kind])
    return rank, Server(protocol, host, port, implicit)


def setup(settings: Settings) -> Setup:
    """For the files that mail programs fetch."""
    return Setup(servers(settings), settings.autoconfig.name)


def told(settings: Settings, address: Address, off: tuple[str, ...] = ()) -> Told:
    """What the owner of an account is told; `off` are protocols the account may not use."""
    found = Setup(tuple(server for server in servers(settings) if server.protocol not in off))
    sending = tuple(_door(server, _why(server)) for server in found.of("smtp"))
    reading = tuple(_door(server) for server in found.of("imap", "pop3"))
    filters = tuple(_door(server) for server in found.of("sieve"))
    facts = snippets.Facts(str(address), found.of("smtp")[:1], found.of("imap", "pop3"))
    return Told(str(address), str(address), sending, reading, filters, WHY_NOT_25, snippets.all_(facts))


def _door(server: Server, why: str = "") -> Door:
    return Door(server.protocol.upper(), server.host, server.port, "TLS" if server.implicit else "STARTTLS", why)


def _why(server: Server) -> str:
    if server.implicit:
        return WHY_IMPLICIT
    return {_STANDARD["submission"]: WHY_FIRST, _SECOND: WHY_SECOND}.get(server.port, WHY_OWN)


def as_values(found: Told) -> dict[str, Any]:
    """For --json."""
    values: dict[str, Any] = msgspec.to_builtins(found)
    return values
