"""Attributes: Content-Type and Content-Disposition cut into value and parameters as they are written.

Called by the scan (types, boundaries) and by the writer of BODYSTRUCTURE. message.parameters reads them for people.
Never decodes a charset: extended values stay percent-encoded under NAME*.  # RFC 2231 §3
Fails never: what breaks the grammar is read as far as it goes.
"""

import re
from typing import NamedTuple

_MOST = 64  # parameters of one field
_LONGEST = 16_384  # octets of one field that are read
_PARAMETER = re.compile(rb';[\s;]*+([^\s=;"]{1,128})\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)"?|([^;]*+))', re.DOTALL)
_PAIR = re.compile(rb"\\(.)", re.DOTALL)
_SECTION = re.compile(rb"([^*]+)\*([0-9]{1,3})(\*)?")
_COMMENTED = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[()]|\\.|[^"()\\]+', re.DOTALL)
_UNSAFE = re.compile(rb"[^A-Za-z0-9!#$&+\-.^_`|~']")


class Attributes(NamedTuple):
    """`value` in lower case without white space around; `parameters`: (name in lower case, value), as written."""

    value: bytes
    parameters: tuple[tuple[bytes, bytes], ...]

    def get(self, name: bytes) -> bytes:
        """The parameter's value, b"" for none."""
        return next((value for key, value in self.parameters if key == name), b"")


NONE = Attributes(b"", ())


def read(field: bytes) -> Attributes:
    """From an unfolded value."""
    if not field:
        return NONE
    text = field[:_LONGEST]
    if b"(" in text:
        text = without_comments(text)
    value, semicolon, _ = text.partition(b";")
    found: list[tuple[bytes, bytes]] = []
    if semicolon:
        seen = set()
        sections = False
        for match in _PARAMETER.finditer(text, len(value)):
            name = match[1].lower()
            if name in seen:
                continue
            seen.add(name)
            quoted = match[2]
            if quoted is None:
                found.append((name, match[3].strip()))
            else:
                found.append((name, _PAIR.sub(rb"\1", quoted) if b"\\" in quoted else quoted))
            sections = sections or b"*" in name
            if len(found) == _MOST:
                break
        if sections:
            found = _joined(found)
    return Attributes(value.strip().lower(), tuple(found))


def without_comments(text: bytes) -> bytes:
    """The text without its comments, quoted strings untouched.  # RFC 5322 §3.2.2"""
    out, depth = [], 0
    for piece in _COMMENTED.findall(text):
        if piece == b"(":
            depth += 1
        elif piece == b")":
            depth = max(depth - 1, 0)
        elif not depth:
            out.append(piece)
    return b"".join(out)


def _joined(found: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Sections put together: name*0, name*1 become name; where one is extended, name* in its percent form."""
    whole: dict[bytes, dict[int, tuple[bytes, bool]]] = {}
    for name, value in found:
        if section := _SECTION.fullmatch(name):
            whole.setdefault(section[1], {})[int(section[2])] = (value, section[3] is not None)
    if not whole:
        return found
    out: list[tuple[bytes, bytes]] = []
    for name, value in found:
        section = _SECTION.fullmatch(name)
        if section is None:
            out.append((name, value))
            continue
        parts = whole.pop(section[1], None)
        if parts is None:
            continue
        ordered = [parts[number] for number in sorted(parts)]
        if any(extended for _, extended in ordered):
            pieces = [text if extended else _UNSAFE.sub(_percent, text) for text, extended in ordered]
            out.append((section[1] + b"*", b"".join(pieces)))
        else:
            out.append((section[1], b"".join(text for text, _ in ordered)))
    return out


def _percent(match: "re.Match[bytes]") -> bytes:
    return b"%%%02X" % match[0][0]
