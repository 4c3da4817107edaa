"""Parts of a received letter: the leaves of its multiparts, as they were before transport. # RFC 2045, RFC 2046 §5.1

Called by arf and unpack, which look for a report in a letter.
Never opens a letter within a letter, and never looks at more parts or deeper than a report needs.
Fails never: what is no multipart is one leaf, and an encoding that cannot be undone stays.
"""

import binascii
import quopri
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from hatoba.message.structure import tree
from hatoba.message.structure.parts import Part

MOST = 50  # leaves of one letter
_DEPTH = 3  # multiparts within each other: a list or a forwarder may have wrapped the report


class Leaf(NamedTuple):
    """`type`: b"text/plain", in lower case, b"" when there is none. `body`: decoded."""

    type: bytes
    body: bytes


def leaves(content: bytes) -> Iterator[Leaf]:
    """Each part that is no multipart, in order; at most 50."""
    return islice(_leaves(tree.scan(content).root, _DEPTH), MOST)


def _leaves(part: Part, depth: int) -> Iterator[Leaf]:
    if not part.media.startswith("multipart/"):
        yield Leaf(part.type.value, _decoded(part.octets, part.encoding))
    elif depth:
        for child in part.parts:
            yield from _leaves(child, depth - 1)


def _decoded(body: bytes, encoding: str) -> bytes:
    """The body as it was before transport; as it stands where that cannot be undone."""
    if encoding == "quoted-printable":
        return quopri.decodestring(body)
    if encoding == "base64":
        try:
            return binascii.a2b_base64(body)
        except binascii.Error:
            return body
    return body
