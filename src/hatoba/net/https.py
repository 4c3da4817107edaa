"""HTTPS: one page of a host from addresses the caller chose, or one document posted there.

Called by delivery for MTA-STS policies, by reports to hand TLS reports in.
Never looks up a name, never follows a redirect, never reads proxies or certificates from the environment.
Fails with Failed, whose `kind` says at which step: "connect", "tls", "http".
"""

from __future__ import annotations

import asyncio
import importlib
import ipaddress
import ssl
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    import httpx2

AGENT = "hatoba"
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the IPv4 address stands in the last 32 bits


class Failed(Exception):
    """There is no page; the message says why."""

    def __init__(self, kind: Literal["connect", "tls", "http"], text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Page(NamedTuple):
    """What the server said."""

    status: int
    content_type: str
    body: bytes


def public(ip: str) -> bool:
    """Whether an address that somebody else's DNS named may be connected to: none of ours, of our networks, of a
    document's. # RFC 6890"""
    address = ipaddress.ip_address(ip)
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if address in _TRANSLATED:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return inner.is_global and not inner.is_multicast
    return address.is_global and not address.is_multicast


async def get(
    host: str,
    path: str,
    addresses: Sequence[str],
    *,
    context: ssl.SSLContext,
    port: int = 443,
    most: int,
    timeout: float,
) -> Page:
    """The page at https://HOST:PORT/PATH. Failed. `timeout`: seconds for all of it; `most`: octets of its body."""
    request = _Request("GET", host, path, {"Accept": "text/plain"}, b"", most)
    return await _asked(request, addresses, context, port, timeout)


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
) -> Page:
    """What the host says to `octets`, posted to https://HOST:PORT/PATH with these fields. As `get` else."""
    named = host if port == 443 else f"{host}:{port}"
    request = _Request("POST", host, path, {**fields, "Host": named}, octets, most)
    return await _asked(request, addresses, context, port, timeout)


class _Request(NamedTuple):
    verb: str
    host: str
    path: str
    fields: Mapping[str, str]
    octets: bytes
    most: int


async def _asked(
    request: _Request, addresses: Sequence[str], context: ssl.SSLContext, port: int, timeout: float
) -> Page:
    host = request.host
    # Loaded with the first policy, in a thread: it takes a third of a second, and most processes never need it.
    httpx2 = await asyncio.to_thread(importlib.import_module, "httpx2")

    failure = Failed("connect", f"{host} has no address")
    try:
        async with asyncio.timeout(timeout):
            for ip in addresses:
                transport = httpx2.AsyncHTTPTransport(verify=context, trust_env=False)
                try:
                    async with httpx2.AsyncClient(transport=transport, trust_env=False, timeout=None) as client:
                        return await _fetch(client, request, f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}")
                except httpx2.ConnectError as error:
                    failure = _unconnected(host, ip, error)
                except httpx2.HTTPError as error:
                    raise Failed("http", f"{host}: {error or error.__class__.__name__}") from None
    except TimeoutError:
        raise Failed("connect", f"no answer from {host} within {timeout:g} s") from None
    raise failure


async def _fetch(client: httpx2.AsyncClient, request: _Request, place: str) -> Page:
    """One request to an address; the certificate is the host's, not the address's. # RFC 8461 §3.3"""
    host, most = request.host, request.most
    headers = {"Host": host, "User-Agent": AGENT, "Accept-Encoding": "identity", **request.fields}
    extensions = {"sni_hostname": host}
    body = bytearray()
    url, content = f"https://{place}{request.path}", request.octets or None
    async with client.stream(request.verb, url, headers=headers, extensions=extensions, content=content) as response:
        async for part in response.aiter_raw():
            body += part
            if len(body) > most:
                raise Failed("http", f"{host}: the page has more than {most} octets")
        return Page(response.status_code, response.headers.get("content-type", ""), bytes(body))


def _unconnected(host: str, ip: str, error: BaseException) -> Failed:
    """No connection, or no TLS: the cause below says which."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Failed("tls", f"the certificate of {host}[{ip}] is not valid: {cause.verify_message}")
        if isinstance(cause, ssl.SSLError):
            return Failed("tls", f"TLS with {host}[{ip}] failed: {cause.reason or cause}")
        cause = cause.__cause__ or cause.__context__
    return Failed("connect", f"{host}[{ip}]: {error}")
