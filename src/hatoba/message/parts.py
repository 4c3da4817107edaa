"""Parts of a received letter: the leaves of its multiparts, as they were before transport. # RFC 2045, RFC 2046 §5.1

Called by arf and unpack, which look for a report in a letter.
Never opens a letter within a letter, and never looks at more parts or deeper than a report needs.
Fails never: what is no multipart is one leaf, and an encoding that cannot be undone stays.
"""

import binascii
import quopri
import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from hatoba.message import headers

MOST = 50  # leaves of one letter
_DEPTH = 3  # multiparts within each other: a list or a forwarder may have wrapped the report
_BOUNDARY = re.compile(rb'[;\s]boundary\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))', re.IGNORECASE | re.DOTALL)


class Leaf(NamedTuple):
    """`type`: b"text/plain", in lower case, b"" when there is none. `body`: decoded."""

    type: bytes
    body: bytes


def leaves(content: bytes) -> Iterator[Leaf]:
    """Each part that is no multipart, in order; at most 50."""
    return islice(_leaves(content, _DEPTH), MOST)


def _leaves(content: bytes, depth: int) -> Iterator[Leaf]:
    head = headers.scan(content)
    type_ = head.first(b"content-type") or b""
    kind = type_.partition(b";")[0].strip().lower()
    body = content[head.end :] if head.end < len(content) else b""
    boundary = _BOUNDARY.search(type_) if kind.startswith(b"multipart/") else None
    if boundary is None:
        yield Leaf(kind, _decoded(body, (head.first(b"content-transfer-encoding") or b"").lower()))
    elif depth:
        mark = re.sub(rb"\\(.)", rb"\1", boundary[1]) if boundary[1] is not None else boundary[2]
        for part in _between(body, mark):
            yield from _leaves(part, depth - 1)


def _between(body: bytes, boundary: bytes) -> Iterator[bytes]:
    """The pieces of a multipart; one that never ends goes to the end. # RFC 2046 §5.1.1"""
    start = -1
    for found in re.finditer(rb"(?m)^--" + re.escape(boundary) + rb"(--)?[ \t]*\r?$\n?", body):
        if start >= 0:
            yield body[start : found.start()].removesuffix(b"\n").removesuffix(b"\r")
        start = found.end()
        if found[1]:
            return
    if start >= 0:
        yield body[start:]


def _decoded(body: bytes, encoding: bytes) -> bytes:
    """The body as it was before transport; as it stands where that cannot be undone."""
    if encoding == b"quoted-printable":
        return quopri.decodestring(body)
    if encoding == b"base64":
        try:
            return binascii.a2b_base64(body)
        except binascii.Error:
            return body
    return body
