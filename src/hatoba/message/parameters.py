"""Parameters of Content-Type and Content-Disposition: file names and charsets, in all the ways programs write them.

Called by pieces and structure, for every part of a letter that is looked into.
Never trusts their number or order: what is beyond the limits is not there.
Fails never: what breaks the grammar is read as far as it goes.
"""

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from hatoba.message import attributes, charsets, words

_SECTIONS = 32  # of one parameter  # RFC 2231 §3
_SECTION = re.compile(rb"([^*]+)\*(?:([0-9]{1,3})(\*)?)?")


class Field(NamedTuple):
    """`value` in lower case, without its parameters; their names in lower case."""

    value: str
    parameters: dict[str, str]


def read(octets: bytes) -> Field:
    """A field's unfolded value. Of a name given twice the first counts, as it does for most programs."""
    value, pairs = attributes.cut(octets)
    found: dict[str, str] = {}
    sections: dict[str, dict[int, tuple[bytes, bool]]] = {}
    for name, content in pairs:
        section = _SECTION.fullmatch(name) if b"*" in name else None
        if section is None:
            found.setdefault(words.raw(name), words.decode(content))
        elif len(parts := sections.setdefault(words.raw(section[1]), {})) < _SECTIONS:
            parts.setdefault(int(section[2] or 0), (content, section[2] is None or section[3] is not None))
    for key, parts in sections.items():  # the extended form goes before the plain one  # RFC 6266 §4.3
        found[key] = _joined(parts)
    return Field(words.raw(value), found)


def _joined(parts: dict[int, tuple[bytes, bool]]) -> str:
    """The sections of one parameter as text. # RFC 2231 §3, §4"""
    charset, octets = "", b""
    for index, number in enumerate(sorted(parts)):
        content, extended = parts[number]
        if index == 0 and extended and content.count(b"'") >= 2:
            label, _, content = content.split(b"'", 2)
            charset = label.decode("latin-1")
        octets += unquote_to_bytes(content) if extended else content
    return words.decode(charsets.decode(octets, charset))
