"""Pieces: every part of a letter that is no multipart, letters within letters opened too, with names and octets.

Called by intake's content rules. (parts does the same for reports alone, and opens less.)
Never follows more parts or deeper nests than it is told; `Limits` say how many.
Fails never: what is no multipart is one piece, an encoding is undone as far as it goes. # RFC 2045, RFC 2046
"""

import binascii
import contextlib
import quopri
import re
from collections.abc import Iterator
from typing import NamedTuple

from hatoba.message import charsets, headers, parameters

_LF = 0x0A
_UU_MOST = 50_000  # lines of a uuencoded body that are read: each costs a step of the interpreter
_TAIL = re.compile(rb"(--)?[ \t]*(?:\r?\n|\r?\Z)")  # what may follow a boundary in its line
_NOT_BASE64 = bytes(octet for octet in range(256) if not (chr(octet).isalnum() and octet < 128) and octet not in b"+/=")
_PADDED = (b" \n", b" \r\n", b"\t\n", b"\t\r\n")
_PADDING = re.compile(rb"(?<![ \t])[ \t]++(?=\r?\n)")  # added on the way, it is no text  # RFC 2045 §6.7
_TEXTS = frozenset({"text/plain", "text/html", "text/enriched", "text/richtext", "text/calendar", "text/markdown"})


class Piece(NamedTuple):
    """`type`: "text/plain", as declared. `names`: the file names it is given, without doubles. `body`: decoded."""

    type: str
    names: tuple[str, ...]
    charset: str
    body: bytes
    attached: bool  # not meant to be shown within the letter

    @property
    def text(self) -> str:
        """The body as text. Meant for pieces that `readable` is true of."""
        return charsets.decode(self.body, self.charset)

    @property
    def readable(self) -> bool:
        """A text that a mail program shows."""
        return self.type in _TEXTS and not (self.attached and self.names)


class Limits(NamedTuple):
    parts: int = 200  # pieces of one letter
    depth: int = 12  # multiparts and letters within each other


class Walk:
    """One pass over a letter. `cut`: some of it was beyond the limits and not seen."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.cut = False
        self._count = 0

    def pieces(self, content: bytes) -> Iterator[Piece]:
        """The pieces of a content, header included, in order."""
        yield from self._walk(content, "text/plain", 0)

    def _walk(self, content: bytes, usual: str, depth: int) -> Iterator[Piece]:
        if depth > self.limits.depth or self._count >= self.limits.parts:
            self.cut = True
            return
        head = headers.scan(content)
        type_ = parameters.read(head.first(b"content-type") or b"")
        kind = type_.value if "/" in type_.value else usual
        boundary = type_.parameters.get("boundary", "")
        if kind.startswith("multipart/") and boundary:
            inner = "message/rfc822" if kind == "multipart/digest" else "text/plain"  # RFC 2046 §5.1.5
            body = content[head.end :] if head.end < len(content) else b""
            for part in _between(body, boundary.encode("utf-8", "replace")):
                yield from self._walk(part, inner, depth + 1)
            return
        self._count += 1
        disposition = parameters.read(head.first(b"content-disposition") or b"")
        body = content[head.end :] if head.end < len(content) else b""
        body = decoded(body, head.first(b"content-transfer-encoding") or b"")
        names = (disposition.parameters.get("filename", ""), type_.parameters.get("name", ""))
        yield Piece(
            kind,
            tuple(dict.fromkeys(name for name in names if name)),
            type_.parameters.get("charset", ""),
            body,
            disposition.value == "attachment",
        )
        if kind in ("message/rfc822", "message/global"):
            yield from self._walk(body, "text/plain", depth + 1)


def _between(body: bytes, boundary: bytes) -> Iterator[bytes]:
    """The parts of a multipart; the last may lack its end. # RFC 2046 §5.1.1"""
    mark = b"--" + boundary
    start, at = -1, body.find(mark)
    while at >= 0:
        found = _TAIL.match(body, at + len(mark)) if at == 0 or body[at - 1] == _LF else None
        if found is not None:
            if start >= 0:
                yield body[start:at].removesuffix(b"\n").removesuffix(b"\r")
            start = found.end()
            if found[1]:
                return
        at = body.find(mark, at + len(mark))
    if 0 <= start < len(body):
        yield body[start:]


def decoded(body: bytes, encoding: bytes) -> bytes:
    """The body as it was before transport, as a lenient mail program reads it."""
    word = encoding.strip().lower()
    if word.startswith(b"quoted-printable"):
        if any(ending in body for ending in _PADDED):
            body = _PADDING.sub(b"", body)
        return quopri.decodestring(body)
    if word.startswith(b"base64"):
        clean = body.translate(None, _NOT_BASE64)
        return b"".join(map(_base64, clean.split(b"=")))  # padding in the middle ends nothing for many programs
    if word.startswith((b"x-uuencode", b"uuencode", b"x-uue")):
        return _uuencoded(body)
    return body


def _base64(octets: bytes) -> bytes:
    if len(octets) % 4 == 1:
        octets = octets[:-1]
    return binascii.a2b_base64(octets + b"=" * (-len(octets) % 4))


def _uuencoded(body: bytes) -> bytes:
    out: list[bytes] = []
    for line in body[: _UU_MOST * 63].split(b"\n", _UU_MOST)[:_UU_MOST]:
        line = line.rstrip(b"\r")  # noqa: PLW2901  the same line without its end
        if line.startswith((b"begin ", b"end")) or not line:
            continue
        said = 1 + (((line[0] - 32) & 63) * 4 + 2) // 3  # octets that the line says it has
        for read in (line, line[:said]):  # some programs write more behind it
            with contextlib.suppress(binascii.Error):
                out.append(binascii.a2b_uu(read))
                break
    return b"".join(out)
