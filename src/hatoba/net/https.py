"""HTTPS: one page of a host from addresses the caller chose, or one document posted there.

Called by delivery for MTA-STS policies, by app for TLS reports, and by the command line.
Never looks up a name, never follows a redirect, never sends a cookie, never connects to an address it was not given.
Fails with Failed, whose `kind` says at which step: "connect", "tls", "http".
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from hatoba.model.status import PeerError
from hatoba.wire.http.response import Response

_READ = 16 * 1024


class Failed(Exception):
    """There is no page; the message says why."""

    def __init__(self, kind: Literal["connect", "tls", "http"], text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Page(NamedTuple):
    """What the server said. `fields` in lower case."""

    status: int
    fields: dict[str, str]
    body: bytes


def public(ip: str) -> bool:
    """Whether an address that somebody else's DNS named may be connected to: none of ours, of our networks, of a
    document's. # RFC 6890"""
    address = ipaddress.ip_address(ip)
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if inner is not None and not inner.is_global:
            return False
        if address in _TRANSLATED:  # RFC 6052: the IPv4 address stands in the last 32 bits
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF).is_global
    return address.is_global and not address.is_multicast


_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")


async def get(
    host: str,
    path: str,
    addresses: Sequence[str],
    *,
    context: ssl.SSLContext,
    port: int = 443,
    most: int,
    timeout: float,
    agent: str = "hatoba",
) -> Page:
    """The page at https://HOST:PORT/PATH. Failed. `timeout`: seconds for all of it; `most`: octets of its body."""
    asked = _request("GET", path, host, {"User-Agent": agent, "Accept": "text/plain"})
    return await _asked(host, addresses, asked, context=context, port=port, most=most, timeout=timeout)


async def post(
    host: str,
    path: str,
    addresses: Sequence[str],
    fields: Mapping[str, str],
    octets: bytes,
    *,
    context: ssl.SSLContext,
    port: int = 443,
    most: int,
    timeout: float,
    agent: str = "hatoba",
) -> Page:
    """What the server says to `octets`, posted to https://HOST:PORT/PATH with these fields. As `get` else."""
    given = {"User-Agent": agent, **fields, "Content-Length": str(len(octets))}
    asked = _request("POST", path, host if port == 443 else f"{host}:{port}", given) + octets
    return await _asked(host, addresses, asked, context=context, port=port, most=most, timeout=timeout)


def _request(verb: str, path: str, host: str, fields: Mapping[str, str]) -> bytes:
    """The head of a request. Failed when a value is not what a field carries."""
    every = {"Host": host, **fields, "Accept-Encoding": "identity", "Connection": "close"}
    lines = [f"{verb} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in every.items())]
    if not all(line.isascii() and line.isprintable() for line in lines) or " " in path:
        raise Failed("http", f"{host}: this cannot be asked over HTTP")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


async def _asked(
    host: str,
    addresses: Sequence[str],
    request: bytes,
    *,
    context: ssl.SSLContext,
    port: int,
    most: int,
    timeout: float,
) -> Page:
    failure = Failed("connect", f"{host} has no address")
    try:
        async with asyncio.timeout(timeout):
            for ip in addresses:
                try:
                    reader, writer = await asyncio.open_connection(
                        ip, port, ssl=context, server_hostname=host, limit=_READ
                    )
                except ssl.SSLError as error:
                    reason = getattr(error, "verify_message", "") or error.reason or str(error)
                    failure = Failed("tls", f"TLS with {host}[{ip}] failed: {reason}")
                    continue
                except OSError as error:
                    failure = Failed("connect", f"{host}[{ip}]:{port}: {error.strerror or error}")
                    continue
                try:
                    return await _fetch(reader, writer, host, request, most)
                finally:
                    writer.transport.abort()
    except TimeoutError:
        raise Failed("connect", f"no answer from {host} within {timeout:g} s") from None
    raise failure


async def _fetch(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, request: bytes, most: int
) -> Page:
    response = Response(most)
    try:
        writer.write(request)
        while not response.done:
            data = await reader.read(_READ)
            if data:
                response.receive(data)
            else:
                response.ended()
    except PeerError as error:
        raise Failed("http", f"{host}: {error.status.text}") from None
    except (OSError, asyncio.IncompleteReadError) as error:
        raise Failed("http", f"{host}: {error}") from None
    return Page(response.status, response.fields, response.body)
