"""Tree: the scan: a letter's octets to the tree of its parts, each with its offsets. # RFC 2045, RFC 2046

Called by summary for every letter that is stored, by sieve and by whoever needs more than the table holds.
Never copies a body, never goes back but to count lines, never goes deeper than DEPTH or beyond MOST parts.
Fails never: what is no multipart is one text, a part that never ends goes to the end.
"""

import re
from typing import NamedTuple

from hatoba.message import attributes
from hatoba.message.structure import head as heads
from hatoba.message.structure.parts import MESSAGES, Mail, Part

DEPTH = 50  # multiparts and letters within each other
MOST = 1000  # parts of one letter that are told apart; those behind belong to the last
_BLANK = re.compile(rb"\n\r?\n")
_MEDIA = re.compile(rb"([!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+)\s*/\s*([!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+)")
_ENCODING = re.compile(rb"[A-Za-z0-9!#$&+\-.^_]+")
_MEANT = {"7": "7bit", "7-bit": "7bit", "8": "8bit", "8-bit": "8bit", "quoted": "quoted-printable",
          "quotedprintable": "quoted-printable", "base-64": "base64", "none": "7bit", "text": "7bit"}  # fmt: skip
_IDENTITY = frozenset({"7bit", "8bit", "binary"})
_NOWHERE = 1 << 62


class _Delimiter(NamedTuple):
    """A line that ends a part: [start, next); `level` of the multipart it belongs to."""

    start: int
    next: int
    level: int
    closing: bool


class _Scan:
    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.open: dict[bytes, int] = {}  # boundary -> level of the innermost multipart that has it
        self.spaces: dict[int, tuple[bytes, bool]] = {}  # level -> (spaces its boundary ends in, they were seen)
        self.level = 0
        self.count = 0
        self.cut = False
        self._blank = (-1, 0)  # the last empty line that was found: (line end before it, what is behind)

    def entity(
        self, start: int, usual: str, number: str, depth: int, inner: bool = False
    ) -> tuple[Part, _Delimiter | None]:
        """The part that begins at `start`, and the delimiter that ended it.

        `inner`: it is a letter within the part `number`, which numbers its only part number.1. # RFC 9051 §6.4.5.1
        """
        self.count += 1
        raw = self.raw
        body = self._body(start)
        delimiter = self._delimiter(start, body) if self.open else None
        if delimiter is not None:  # a header without an end
            body = self._before(delimiter, start)
        fields = heads.fields(raw, start, body)
        type_ = attributes.read(heads.first(fields, b"content-type"))
        media = _media(type_.value)
        part = Part(raw, number, media or usual, start, body, body, fields, type_)
        if not media:
            part.default = True
        elif media.startswith("multipart/") and (
            delimiter is not None or depth >= DEPTH or not type_.get(b"boundary").rstrip()
        ):  # nothing can be told apart in it: whoever asks for it can read it as a text
            part.media, part.default = "text/plain", True
            self.cut = self.cut or depth >= DEPTH
        if inner and not part.media.startswith("multipart/"):
            part.number = number = number + ".1"
        if coded := heads.first(fields, b"content-transfer-encoding"):
            part.encoding = _encoding(coded)
        if delimiter is None:
            delimiter = self._inside(part, number, depth)
            part.end = self._before(delimiter, body) if delimiter else len(raw)
        part.lines = raw.count(b"\n", part.body, part.end)
        return part, delimiter

    def _inside(self, part: Part, number: str, depth: int) -> _Delimiter | None:
        """Fills in what is in the body; returns the delimiter behind it."""
        if part.media.startswith("multipart/"):
            return self._multipart(part, number, depth)
        if part.media in MESSAGES and part.encoding in _IDENTITY:
            if depth < DEPTH:
                inner, delimiter = self.entity(part.body, "text/plain", number or "1", depth + 1, inner=True)
                part.message = Mail(inner, inner.end - inner.head)
                return delimiter
            self.cut = True
            part.media = "application/octet-stream"
        return self._delimiter(part.body, len(self.raw))

    def _multipart(self, part: Part, number: str, depth: int) -> _Delimiter | None:
        said = part.type.get(b"boundary")
        boundary = said.rstrip()
        outer, before = self.level, self.open.get(boundary)
        self.level += 1
        level = self.open[boundary] = self.level
        if boundary != said:
            self.spaces[level] = (said[len(boundary) :], False)
        usual = "message/rfc822" if part.media == "multipart/digest" else "text/plain"  # RFC 2046 §5.1.5
        prefix = number + "." if number else ""
        parts: list[Part] = []
        delimiter = self._delimiter(part.body, len(self.raw))
        while delimiter is not None and delimiter.level == level and not delimiter.closing:
            if self.count >= MOST:
                self.cut = True
                delimiter = self._delimiter(delimiter.next, len(self.raw))
                continue
            child, delimiter = self.entity(delimiter.next, usual, f"{prefix}{len(parts) + 1}", depth + 1)
            parts.append(child)
        if before is None:
            del self.open[boundary]
        else:
            self.open[boundary] = before
        self.level = outer
        self.spaces.pop(level, None)
        if delimiter is not None and delimiter.level == level:  # what follows the end is nobody's
            delimiter = self._delimiter(delimiter.next, len(self.raw))
        part.parts = parts
        return delimiter

    def _body(self, start: int) -> int:
        """Where the body of the part begins whose header begins at `start`."""
        raw = self.raw
        if raw.startswith(b"\n", start):
            return start + 1
        if raw.startswith(b"\r\n", start):
            return start + 2
        if self._blank[0] < start:
            found = _BLANK.search(raw, start)
            self._blank = (found.start(), found.end()) if found else (_NOWHERE, len(raw))
        return self._blank[1]

    def _delimiter(self, start: int, end: int) -> _Delimiter | None:
        """The first line in [start, end) that is a delimiter of an open multipart; `start` begins a line."""
        if not self.open:
            return None
        raw = self.raw
        at = 0 if start == 0 and raw.startswith(b"--") else raw.find(b"\n--", max(start - 1, 0), end) + 1
        while at > 0 or (at == 0 == start and raw.startswith(b"--")):
            line = raw.find(b"\n", at)
            line = len(raw) if line < 0 else line + 1
            if (known := self._known(raw[at + 2 : line])) is not None:
                level, closing = known
                return _Delimiter(at, line, level, closing or line == len(raw))
            at = raw.find(b"\n--", line - 1, end) + 1
        return None

    def _known(self, line: bytes) -> tuple[int, bool] | None:
        """(level, whether it closes) of the open multipart that a line behind its -- belongs to.

        Words behind the boundary do not matter: only the beginning of the line is compared.  # RFC 2046 §5.1.1
        """
        token = line.rstrip()
        for known in (token, *token.split(None, 1)[:1]):
            for boundary, closing in ((known, False), (known.removesuffix(b"--").rstrip(), True)):
                level = self.open.get(boundary)
                if level is not None and (level not in self.spaces or self._exact(level, line[len(boundary) :])):
                    return level, closing
        return None

    def _exact(self, level: int, tail: bytes) -> bool:
        """A boundary that was said to end in white space does so in all its delimiters, or in none."""
        spaces, exact = self.spaces[level]
        found = tail[: len(tail) - len(tail.lstrip(b" \t"))]
        if found == spaces:
            self.spaces[level] = (spaces, True)
        return found == spaces or not exact

    def _before(self, delimiter: _Delimiter, least: int) -> int:
        """The end of what is before a delimiter: the line end belongs to it.  # RFC 2046 §5.1.1"""
        end = delimiter.start
        if end > least and self.raw[end - 1] == 0x0A:
            end -= 1
            if end > least and self.raw[end - 1] == 0x0D:
                end -= 1
        return end


def scan(raw: bytes) -> Mail:
    """The tree of a letter whose lines end in CRLF, or in LF."""
    reader = _Scan(raw)
    root, _ = reader.entity(0, "text/plain", "", 0)
    return Mail(root, len(raw), reader.cut)


def _media(value: bytes) -> str:
    found = _MEDIA.match(value)
    return f"{found[1].decode('ascii')}/{found[2].decode('ascii')}" if found else ""


def _encoding(value: bytes) -> str:
    found = _ENCODING.search(attributes.without_comments(value) if b"(" in value else value)
    word = found[0].decode("ascii").lower() if found else "7bit"
    return _MEANT.get(word, word)
