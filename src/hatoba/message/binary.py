"""Binary: letters with octets 0 made such that every mail client can be shown them: those parts in base64.

Called by mailboxes for what APPEND brings as binary, before it is stored.
Never touches a part without an octet 0, nor one within something that is encoded already.
Fails never: an octet 0 outside of parts stays where it is.  # RFC 3516 §4.4, RFC 2045 §6.8
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

from hatoba.message import structure
from hatoba.message.structure import Part

_LINE = 76  # characters of a line of base64
_CODED = re.compile(rb"(?im)^content-transfer-encoding[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*")
_IDENTITY = frozenset({"7bit", "8bit", "binary"})


def coded(raw: bytes) -> bytes:
    """The letter, its parts with an octet 0 in base64."""
    pieces: list[bytes] = []
    behind = len(raw)
    for part in sorted(_leaves(structure.scan(raw).root), key=lambda part: part.head, reverse=True):
        if raw.find(b"\0", part.body, part.end) < 0 or part.encoding not in _IDENTITY or part.end > behind:
            continue
        pieces += [raw[part.end : behind], _lines(raw[part.body : part.end]), _header(raw[part.head : part.body])]
        behind = part.head
    return b"".join([raw[:behind], *reversed(pieces)])


def _leaves(part: Part) -> Iterator[Part]:
    if part.message is not None:
        yield from _leaves(part.message.root)
    for child in part.parts:
        yield from _leaves(child)
    if part.leaf:
        yield part


def _header(header: bytes) -> bytes:
    return b"Content-Transfer-Encoding: base64\r\n" + _CODED.sub(b"", header)


def _lines(body: bytes) -> bytes:
    text = base64.b64encode(body)
    return b"".join([text[at : at + _LINE] + b"\r\n" for at in range(0, len(text), _LINE)])
