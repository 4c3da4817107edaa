"""The engine of a small HTTP/1.1 server: requests without a body out of bytes, one response each. # RFC 9112

Driven by net.pump for the door that serves our MTA-STS policy.
Never takes a body, never reads a field but Host and Connection, never keeps more than one request's head.
Fails with PeerError, whose text says what was wrong; the session answers it with 400.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from hatoba.model.status import PeerError, Status
from hatoba.wire.engine import CLOSED, NEED_DATA, PAUSED, Signal

_HEAD_MOST = 8 * 1024  # octets of request line and fields
_LINE = re.compile(rb"([A-Z]{1,20}) (\S{1,2000}) HTTP/1\.([01])")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*?)[ \t]*")
_WORDS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 500: "Internal Server Error"}


class Request(NamedTuple):
    """`host` in lower case, without a port; `path` without a query."""

    method: str
    host: str
    path: str


class Reply(NamedTuple):
    """`then`: "" keeps the connection for another request, "close" ends it."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    then: str = "close"
    fields: tuple[tuple[str, str], ...] = ()


class ServerEngine:
    """See wire.engine.Engine."""

    def __init__(self) -> None:
        self._buffer = b""
        self._ended = False
        self._paused = False
        self._bare = False  # the request at hand was HEAD

    def receive(self, data: bytes) -> None:
        if not data:
            self._ended = True
            return
        self._buffer += data
        if len(self._buffer) > _HEAD_MOST:
            raise _wrong("the head of the request is too long")

    def next_event(self) -> Request | Signal:
        if self._paused:
            return PAUSED
        self._buffer = self._buffer.removeprefix(b"\r\n")  # RFC 9112 §2.2
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return CLOSED if self._ended else NEED_DATA
        self._buffer = rest
        self._paused = True
        return self._read(head)

    def _read(self, head: bytes) -> Request:
        first, *lines = head.split(b"\r\n")
        found = _LINE.fullmatch(first)
        if not found:
            raise _wrong("the request line is broken")
        hosts = []
        for line in lines:
            field = _FIELD.fullmatch(line)
            if not field:
                raise _wrong("a field is broken")
            name = field[1].lower()
            if name in (b"transfer-encoding", b"content-length") and field[2] != b"0":
                raise _wrong("nothing is taken here")
            if name == b"host":
                hosts.append(field[2])
        if len(hosts) > 1 or (not hosts and found[3] == b"1"):  # RFC 9112 §3.2
            raise _wrong("there must be one Host")
        self._bare = found[1] == b"HEAD"
        host = (hosts[0] if hosts else b"").decode("latin-1").lower()
        target = found[2].decode("latin-1")
        if target.lower().startswith(("http://", "https://")):  # RFC 9112 §3.2.2
            host, _, target = target.partition("://")[2].partition("/")
            target = f"/{target}"
        return Request(found[1].decode("ascii"), host.partition(":")[0], target.partition("?")[0])

    def send(self, answer: Reply) -> bytes:
        self._paused = False
        lines = [
            f"HTTP/1.1 {answer.status} {_WORDS.get(answer.status, 'Status')}",
            f"Content-Type: {answer.content_type}",
            f"Content-Length: {len(answer.body)}",
            *(f"{name}: {value}" for name, value in answer.fields),
            *(("Connection: close",) if answer.then == "close" else ()),
        ]
        head = "\r\n".join((*lines, "", "")).encode("latin-1")
        return head if self._bare else head + answer.body

    def tls_started(self) -> None:
        """TLS begins with the first byte here: there is nothing to forget."""


def _wrong(text: str) -> PeerError:
    return PeerError(Status("5.5.2", text))
