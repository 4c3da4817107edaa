"""Attributes: Content-Type and Content-Disposition cut into value and parameters as they are written.

Called by structure (types, boundaries, BODYSTRUCTURE); parameters reads them for people on top of this.
Never decodes a charset: extended values stay percent-encoded under NAME*.  # RFC 2231 §3
Fails never: what breaks the grammar is read as far as it goes.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

_MOST = 64  # parameters of one field
_LONGEST = 16_384  # octets of one field that are read
# A type ends at white space too: some programs forget the semicolon behind it.
_VALUE = re.compile(rb"\s*+([^\s;/]*+)(?:\s*+/\s*+([^\s;]*+))?")
# A name, then a quoted string or a token; some programs forget the closing quote.
_PARAMETER = re.compile(rb'[\s;]*+([^\s=;"]{1,128}+)\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)"?|([^;]*+))', re.DOTALL)
_PAIR = re.compile(rb"\\(.)", re.DOTALL)
_SECTION = re.compile(rb"([^*]+)\*([0-9]{1,3})(\*)?")
_COMMENTED = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[()]|\\.?|[^"()\\]+', re.DOTALL)
_UNSAFE = re.compile(rb"[^A-Za-z0-9!#$&+\-.^_`|~']")
_ASSIGNED = re.compile(rb"[A-Za-z][A-Za-z0-9*._\-]*=")


class Attributes(NamedTuple):
    """`value` in lower case without white space around; `parameters`: (name in lower case, value), as written."""

    value: bytes
    parameters: tuple[tuple[bytes, bytes], ...]

    def get(self, name: bytes) -> bytes:
        """The parameter's value, b"" for none."""
        return next((value for key, value in self.parameters if key == name), b"")


NONE = Attributes(b"", ())


def read(field: bytes) -> Attributes:
    """From an unfolded value; sections of a parameter are put together."""
    if not field:
        return NONE
    value, found = cut(field)
    if any(b"*" in name for name, _ in found):
        found = _joined(found)
    return Attributes(value, tuple(found))


def cut(field: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """(the value in lower case, each parameter as it is written). Of a name given twice the first counts."""
    text = field[:_LONGEST]
    if b"(" in text:
        text = without_comments(text)
    start = _VALUE.match(text)
    if start is None:
        return b"", []
    first, second = start.groups()
    found: dict[bytes, bytes] = {}
    if start.end() < len(text):
        for name, value in _pairs(text, start.end()):
            found.setdefault(name, value)
            if len(found) == _MOST:
                break
    return (first if second is None else first + b"/" + second).lower(), list(found.items())


def _pairs(text: bytes, at: int) -> Iterator[tuple[bytes, bytes]]:
    while at < len(text):
        match = _PARAMETER.match(text, at)
        if match is None:  # no parameter up to the next semicolon
            semicolon = text.find(b";", at + 1)
            if semicolon < 0:
                return
            at = semicolon
            continue
        name, quoted, token = match.groups()
        at = match.end()
        if quoted is not None:
            yield name.lower(), _PAIR.sub(rb"\1", quoted) if b"\\" in quoted else quoted
            continue
        token = token.strip()
        if b"=" in token and (forgotten := _forgotten(token)):  # a=b c=d: the semicolon between them is missing
            at = match.start(3) + text[match.start(3) :].index(token) + forgotten
            token = token[:forgotten].strip()
        yield name.lower(), token


def _forgotten(token: bytes) -> int:
    """Where in an unquoted value the next parameter begins, 0 for nowhere."""
    at = 0
    for word in token.split():
        at = token.index(word, at)
        if at and _ASSIGNED.match(word):
            return at
        at += len(word)
    return 0


def without_comments(text: bytes) -> bytes:
    """The text without its comments, quoted strings untouched.  # RFC 5322 §3.2.2

    What goes on right behind its bracket is no comment: programs write a(1).txt without quotes.
    """
    out: list[bytes] = []
    opened: list[int] = []  # where in `out` the open brackets stand
    for piece in _COMMENTED.findall(text):
        if opened and opened[0] < 0 and piece[:1] not in b" \t;/":
            opened.clear()
        elif opened and opened[0] < 0:
            del out[-opened[0] - 1 :]
            opened.clear()
        if piece == b"(":
            opened.append(len(out))
        elif piece == b")" and opened:
            if len(opened) > 1:
                opened.pop()
            else:
                opened[0] = -opened[0] - 1  # closed: what comes next tells what it was
        out.append(piece)
    if opened and opened[0] < 0:
        del out[-opened[0] - 1 :]
    return b"".join(out)


def _joined(found: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Sections put together: name*0, name*1 become name; where one is extended, name* in its percent form."""
    whole: dict[bytes, dict[int, tuple[bytes, bool]]] = {}
    for name, value in found:
        if section := _SECTION.fullmatch(name):
            whole.setdefault(section[1], {})[int(section[2])] = (value, section[3] is not None)
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
