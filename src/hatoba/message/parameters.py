"""Parameters of Content-Type and Content-Disposition: file names and charsets, in all the ways programs write them.

Called by pieces, for every part of a letter that is looked into.
Never trusts their number or order: what is beyond the limits is not there.
Fails never: what breaks the grammar is read as far as it goes.
"""

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from hatoba.message import charsets, words

_MOST = 64  # parameters of one field
_LONGEST = 8192  # octets of one field that are read
_SECTIONS = 32  # of one parameter  # RFC 2231 §3

# A name, then a quoted string or a token; some programs quote with ' or forget the closing quote.
_PARAMETER = re.compile(r';\s*([^\s=;"]{1,64})\s*=\s*(?:"((?:[^"\\]|\\.)*+)"?|([^;]*))', re.DOTALL)
_PAIR = re.compile(r"\\(.)", re.DOTALL)
_SECTION = re.compile(r"([^*]+)\*(?:([0-9]{1,3})(\*)?)?")


class Field(NamedTuple):
    """`value` in lower case, without its parameters; their names in lower case."""

    value: str
    parameters: dict[str, str]


def read(octets: bytes) -> Field:
    """A field's unfolded value. Of a name given twice the first counts, as it does for most programs."""
    text = words.raw(octets[:_LONGEST])
    value, semicolon, _ = text.partition(";")
    found: dict[str, str] = {}
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    if semicolon:
        for count, match in enumerate(_PARAMETER.finditer(text, len(value))):
            if count == _MOST:
                break
            name = match[1].lower()
            content = _PAIR.sub(r"\1", match[2]) if match[2] is not None else match[3].strip()
            section = _SECTION.fullmatch(name)
            if section is None:
                found.setdefault(name, words.decode(content))
            elif len(parts := sections.setdefault(section[1], {})) < _SECTIONS:
                parts.setdefault(int(section[2] or 0), (content, section[2] is None or section[3] is not None))
    for name, parts in sections.items():  # the extended form goes before the plain one  # RFC 6266 §4.3
        found[name] = _joined(parts)
    return Field(value.strip().lower(), found)


def _joined(parts: dict[int, tuple[str, bool]]) -> str:
    """The sections of one parameter as text. # RFC 2231 §3, §4"""
    charset, octets = "", b""
    for index, number in enumerate(sorted(parts)):
        content, extended = parts[number]
        if index == 0 and extended and content.count("'") >= 2:
            charset, _, content = content.split("'", 2)
        octets += unquote_to_bytes(content) if extended else content.encode("utf-8", "surrogateescape")
    return words.decode(charsets.decode(octets, charset))
