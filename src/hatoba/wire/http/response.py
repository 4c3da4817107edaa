"""One response of an HTTP/1.1 server, put together from the bytes that come. # RFC 9112

Called by net.https. Takes bodies by length, in chunks, or up to the end of the connection.
Never follows a redirect, never decodes a content coding, never holds more than `most` octets of body.
Fails with PeerError: what came is no response, or too long.
"""

from __future__ import annotations

import re

from hatoba.model.status import PeerError, Status

_HEAD_MOST = 16 * 1024  # octets of status line and fields
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: [^\r\n]*)?")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*?)[ \t]*")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?")
_LENGTH = re.compile(r"[0-9]{1,12}")


def _wrong(text: str) -> PeerError:
    return PeerError(Status("4.5.0", text))


class Response:
    """`done` once all of it is there. `fields` are in lower case, the first of each name."""

    def __init__(self, most: int) -> None:
        self.status = 0
        self.fields: dict[str, str] = {}
        self.done = False
        self._most = most
        self._buffer = b""
        self._body = bytearray()
        self._left = -1  # octets to come: of the body, or of this chunk; -1: up to the end
        self._chunked = False
        self._trailer = False

    @property
    def body(self) -> bytes:
        return bytes(self._body)

    def receive(self, data: bytes) -> None:
        """What came. PeerError."""
        self._buffer += data
        if not self.status and not self._head():
            return
        if self._chunked:
            self._chunks()
        else:
            self._take(len(self._buffer) if self._left < 0 else self._left)
            self.done = self._left == 0

    def ended(self) -> None:
        """The connection is at its end. PeerError when something is missing."""
        if not self.done and (not self.status or self._chunked or self._left > 0):
            raise _wrong("the response ends too early")
        self.done = True

    def _head(self) -> bool:
        """Reads status and fields; responses of class 1xx are passed over. # RFC 9110 §15.2"""
        while True:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if len(head) > _HEAD_MOST:
                raise _wrong("the response's head is too long")
            if not end:
                return False
            self._buffer = rest
            first, *lines = head.split(b"\r\n")
            found = _STATUS.fullmatch(first)
            if not found:
                raise _wrong("what came is no HTTP/1.1 response")
            status = int(found[1])
            if status >= 200:
                break
        for line in lines:
            field = _FIELD.fullmatch(line)
            if not field:
                raise _wrong("a field of the response is broken")
            self.fields.setdefault(field[1].decode("ascii").lower(), field[2].decode("latin-1"))
        self.status = status
        self._framing()
        return True

    def _framing(self) -> None:
        """How the body ends. # RFC 9112 §6.3"""
        coding = self.fields.get("transfer-encoding", "").lower()
        length = self.fields.get("content-length", "")
        if coding:
            if coding != "chunked" or length:
                raise _wrong("the response's framing is unclear")
            self._chunked, self._left = True, 0
        elif length:
            if not _LENGTH.fullmatch(length):
                raise _wrong("the response's length is no number")
            self._left = int(length)
            self._check(self._left)
        if self.status in (204, 304):
            self._chunked, self._left = False, 0

    def _check(self, more: int) -> None:
        if len(self._body) + more > self._most:
            raise _wrong(f"the response has more than {self._most} octets")

    def _take(self, count: int) -> None:
        """Up to `count` octets of the body."""
        piece, self._buffer = self._buffer[:count], self._buffer[count:]
        self._check(len(piece))
        self._body += piece
        if self._left >= 0:
            self._left -= len(piece)

    def _chunks(self) -> None:
        """# RFC 9112 §7.1"""
        while not self.done:
            if self._left > 0:
                if not self._buffer:
                    return
                self._take(self._left)
                if self._left == 0:
                    self._left = -2  # the CRLF behind it
                continue
            line, end, rest = self._buffer.partition(b"\r\n")
            if len(line) > _HEAD_MOST:
                raise _wrong("a line of the response is too long")
            if not end:
                return
            self._buffer = rest
            self._line(line)

    def _line(self, line: bytes) -> None:
        if self._trailer:
            self.done = not line
        elif self._left == -2:
            if line:
                raise _wrong("a chunk is longer than it says")
            self._left = 0
        else:
            found = _SIZE.fullmatch(line)
            if not found:
                raise _wrong("a chunk has no size")
            self._left = int(found[1], 16)
            self._check(self._left)
            self._trailer = self._left == 0
