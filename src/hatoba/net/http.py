"""http: requests to a service of the operator's over TCP, TLS or a Unix socket, connections kept for the next one.

Made by rspamd and hook, one for each service; needs a running event loop.
Never follows a redirect, never reads proxies or certificates from the environment, never takes more than 1 MiB back.
Fails with OSError when nobody answers, PeerError when the answer is no HTTP or too large; time-outs are the caller's.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import NamedTuple, TypeAlias

import httpx2

from hatoba.model.status import PeerError, Status

ANSWER_MOST = 1 << 20
_REST = 30.0  # seconds a connection waits for its next request


Headers: TypeAlias = Sequence[tuple[str, str]]


class Answer(NamedTuple):
    """`status` is HTTP's code."""

    status: int
    body: bytes


class Http:
    """`url` is "http://host:port/path", "https://…", or "unix:/path/of/socket:/path" over a socket."""

    def __init__(self, url: str, *, parallel: int, agent: str = "hatoba") -> None:
        """ValueError when `url` is none of these."""
        self.url, socket = _parts(url)
        limits = httpx2.Limits(max_connections=parallel, max_keepalive_connections=parallel, keepalive_expiry=_REST)
        secure = self.url.startswith("https:")
        transport = httpx2.AsyncHTTPTransport(uds=socket, limits=limits, trust_env=False, verify=secure)
        self._client = httpx2.AsyncClient(
            transport=transport,
            timeout=None,  # net.service gives the whole question its time
            trust_env=False,
            follow_redirects=False,
            headers={"User-Agent": agent, "Accept-Encoding": "identity"},
        )

    async def post(self, headers: Headers, size: int, pieces: Callable[[], Iterable[bytes]]) -> Answer:
        """One request whose body is `pieces()`, `size` octets in all.

        Repeated once when a kept connection turns out to have been closed by the service meanwhile.
        """
        for last in (False, True):
            try:
                return await self._post(headers, size, pieces)
            except httpx2.RemoteProtocolError as error:
                if last or "without sending a response" not in str(error):
                    raise PeerError(Status("4.3.0", f"HTTP: {error}")) from error
            except httpx2.HTTPError as error:
                raise OSError(str(error) or error.__class__.__name__) from error
        raise AssertionError("the second try returns or raises")

    async def close(self) -> None:
        await self._client.aclose()

    async def _post(self, headers: Headers, size: int, pieces: Callable[[], Iterable[bytes]]) -> Answer:
        given = [(name.encode("ascii"), _value(value)) for name, value in headers]
        given.append((b"Content-Length", str(size).encode("ascii")))
        async with self._client.stream("POST", self.url, headers=given, content=_poured(pieces())) as response:
            parts, octets = [], 0
            async for part in response.aiter_raw():
                octets += len(part)
                if octets > ANSWER_MOST:
                    raise PeerError(Status("4.3.0", f"HTTP: an answer above {ANSWER_MOST} octets"))
                parts.append(part)
            return Answer(response.status_code, b"".join(parts))


def _value(text: str) -> bytes:
    """A header's value: UTF-8, without what would end the line. What strangers say (HELO) ends up here."""
    return _UNPRINTABLE.sub("", text).strip().encode("utf-8", "replace")


_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")


async def _poured(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        if piece:
            yield piece


def _parts(url: str) -> tuple[str, str | None]:
    """(the URL to ask for, the path of the socket). Over a socket the host's name says nothing."""
    if url.startswith("unix:/"):
        socket, _, path = url.removeprefix("unix:").partition(":")
        return f"http://localhost/{path.lstrip('/')}", socket
    try:
        read = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise ValueError(f"{url!r} is no URL: {error}") from None
    if read.scheme not in ("http", "https") or not read.host:
        raise ValueError(f"{url!r} is no URL: write http://host:port/path, https://… or unix:/socket:/path")
    return url, None
