"""The engine of a small HTTP/1.1 server: requests with small bodies or none out of bytes, one response each. # RFC 9112

Driven by net.pump for the door of small pages.
Never takes a body but of POST with its length said before, never reads a field but Host and Content-Length, never
keeps more than one request.
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
    """`host` in lower case, without a port; `path` without the query, which stands in `query` as it was sent."""

    method: str
    host: str
    path: str
    query: str = ""
    body: bytes = b""


class Reply(NamedTuple):
    """`then`: "" keeps the connection for another request, "close" ends it."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    then: str = "close"
    fields: tuple[tuple[str, str], ...] = ()


class ServerEngine:
    """See wire.engine.Engine. `most`: octets of a body that is taken; 0: none is."""

    def __init__(self, most: int = 0) -> None:
        self._most = most
        self._buffer = b""
        self._head: Request | None = None  # whose body is being read
        self._length = 0  # of that body
        self._ended = False
        self._paused = False
        self._bare = False  # the request at hand was HEAD

    def receive(self, data: bytes) -> None:
        if not data:
            self._ended = True
            return
        self._buffer += data
        if len(self._buffer) > _HEAD_MOST + self._most:
            raise _wrong("the request is too long")

    def next_event(self) -> Request | Signal:
        if self._paused:
            return PAUSED
        if self._head is None:
            self._buffer = self._buffer.removeprefix(b"\r\n")  # RFC 9112 §2.2
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if len(head) > _HEAD_MOST:
                raise _wrong("the head of the request is too long")
            if not end:
                return CLOSED if self._ended else NEED_DATA
            self._buffer = rest
            self._head = self._read(head)
        if len(self._buffer) < self._length:
            return CLOSED if self._ended else NEED_DATA
        body, self._buffer = self._buffer[: self._length], self._buffer[self._length :]
        request, self._head, self._length = self._head._replace(body=body), None, 0
        self._paused = True
        return request

    def _read(self, head: bytes) -> Request:
        first, *lines = head.split(b"\r\n")
        found = _LINE.fullmatch(first)
        if not found:
            raise _wrong("the request line is broken")
        hosts, lengths = [], [b"0"]
        for line in lines:
            field = _FIELD.fullmatch(line)
            if not field:
                raise _wrong("a field is broken")
            name = field[1].lower()
            if name == b"transfer-encoding":
                raise _wrong("a body of unknown length is not taken here")
            if name == b"content-length":
                lengths.append(field[2])
            if name == b"host":
                hosts.append(field[2])
        self._length = self._taken(found[1], lengths)
        if len(hosts) > 1 or (not hosts and found[3] == b"1"):  # RFC 9112 §3.2
            raise _wrong("there must be one Host")
        self._bare = found[1] == b"HEAD"
        host = (hosts[0] if hosts else b"").decode("latin-1").lower()
        target = found[2].decode("latin-1")
        if target.lower().startswith(("http://", "https://")):  # RFC 9112 §3.2.2
            host, _, target = target.partition("://")[2].partition("/")
            target = f"/{target}"
        path, _, query = target.partition("?")
        return Request(found[1].decode("ascii"), host.partition(":")[0], path, query)

    def _taken(self, method: bytes, said: list[bytes]) -> int:
        """The length of the body, which only POST has here. # RFC 9112 §6.3"""
        length = said[-1]
        if len(said) > 2 or len(length) > 9 or not length.isdigit():
            raise _wrong("there must be one Content-Length, a number")
        octets = int(length)
        if octets > self._most or (octets and method != b"POST"):
            raise _wrong("that body is not taken here")
        return octets

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
