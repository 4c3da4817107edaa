"""Addresses: the address lists of header fields as ENVELOPE has them: four values each, groups kept. # RFC 9051 §7.5.2

Called by the writer of ENVELOPE and the sort keys. mailbox reads addresses for those who mail to them.
Never refuses a list and never decodes a display name.
Fails never: what cannot be read as an address has its word for a mailbox, or its words for a name, and an empty host.
"""

import re
from typing import NamedTuple

MOST = 2000  # addresses of one field
_LONGEST = 131_072  # octets of one field that are read
_ATEXT = rb"[^\s\"(),:;<>@\[\\\]]"
_SIMPLE = re.compile(
    rb'(?:\s*+"([^"\\]*+)"\s*+|([^"(),:;<>@\[\\\]]*+))<(' + _ATEXT + rb"++)@(" + _ATEXT + rb"++)>\s*+(?:,|$)"
    rb"|\s*+(" + _ATEXT + rb"++)@(" + _ATEXT + rb"++)\s*+(?:,|$)"
)
_TOKEN = re.compile(
    rb'\s+|"(?P<quoted>(?:[^"\\]|\\.)*+)"?|(?P<literal>\[[^\]\[,<>"]*\]?)|(?P<special>[<>@,;:()])'
    rb"|(?P<atom>" + _ATEXT + rb"+|.)",
    re.DOTALL,
)
_PAIR = re.compile(rb"\\(.)", re.DOTALL)
_SPACES = re.compile(rb"\s+")


class Entry(NamedTuple):
    """One address. `host` None: the beginning of a group (`mailbox` its name), or its end (`mailbox` None)."""

    name: bytes | None
    route: bytes | None
    mailbox: bytes | None
    host: bytes | None


END = Entry(None, None, None, None)


def read(field: bytes) -> list[Entry]:
    """The entries of an unfolded address list."""
    out: list[Entry] = []
    at, end = 0, min(len(field), _LONGEST)
    while at < end and len(out) < MOST:
        found = _SIMPLE.match(field, at, end)
        if found is None:
            return (out + _Reader().read(field[at:end]))[:MOST]
        quoted, phrase, box, host, bare, place = found.groups()
        if bare is not None:
            out.append(Entry(None, None, bare, place))
        else:
            name = quoted if quoted is not None else phrase.strip()
            if b"  " in name or b"\t" in name:
                name = _SPACES.sub(b" ", name)
            out.append(Entry(name or None, None, box, host))
        at = found.end()
    return out


class _Reader:
    """The list read token by token, where it is more than names and addresses between commas."""

    def __init__(self) -> None:
        self.out: list[Entry] = []
        self.group = False
        self._clear()

    def _clear(self) -> None:
        self.words: list[bytes] = []  # of the display name, or of an address without brackets
        self.inner: list[bytes] | None = None  # of the address in brackets
        self.angle = False
        self.comment: list[bytes] = []
        self.space = False

    def read(self, text: bytes) -> list[Entry]:
        rest = self._tokens(text)
        if rest is not None:  # a quote that is never closed: it opened nothing
            self._tokens(rest.replace(b'"', b" "))
        self._flush()
        if self.group:
            self.out.append(END)
        return self.out

    def _tokens(self, text: bytes) -> bytes | None:
        """Reads token by token; what is behind a quote that is never closed."""
        depth = 0
        for token in _TOKEN.finditer(text):
            kind, piece = token.lastgroup, token[0]
            if depth:
                depth += {b"(": 1, b")": -1}.get(piece, 0)
                if depth:
                    self.comment.append(piece)
            elif piece == b"(":
                depth = 1
                self.comment.append(b" ")
            elif kind is None:
                self.space = True
            elif kind == "special":
                self._special(piece)
            elif kind != "quoted":
                self._word(piece)
            elif token.end("quoted") == token.end():
                return token["quoted"]
            else:
                self._word(_PAIR.sub(rb"\1", token["quoted"]))
            if len(self.out) > MOST:
                break
        return None

    def _special(self, piece: bytes) -> None:
        if piece == b"<" and not self.angle:
            self.angle, self.inner = True, []
        elif piece == b">" and self.angle:
            self.angle = False
        elif piece == b"," and not (self.angle and (self.inner or [])[:1] == [b"@"]):
            self._flush()
        elif piece == b";" and not self.angle:
            self._flush()
            if self.group:
                self.out.append(END)
                self.group = False
        elif piece == b":" and not self.angle and not self.group and b"@" not in self.words:
            self.out.append(Entry(None, None, self._name() or b"", None))
            self.group = True
            self._clear()
        elif piece != b")":
            self._word(piece)

    def _word(self, word: bytes) -> None:
        if self.angle and self.inner is not None:
            self.inner.append(word)
            return
        if self.space and self.words and word != b"@" and self.words[-1] != b"@":
            self.words.append(b" ")
        self.space = False
        self.words.append(word)

    def _name(self) -> bytes:
        return _SPACES.sub(b" ", b"".join(self.words)).strip()

    def _flush(self) -> None:
        """What was read since the last comma is one address."""
        name: bytes | None = None
        route = None
        if self.inner is not None:
            name = self._name()
            address = self.inner
            if address[:1] == [b"@"] and b":" in address:
                colon = len(address) - 1 - address[::-1].index(b":")
                route, address = b"".join(address[:colon]), address[colon + 1 :]
        else:
            address = self.words
        if address or name:
            if not name:
                name = _SPACES.sub(b" ", b"".join(self.comment)).strip()
            entry = _entry(name or None, route, address)
            if any(entry):
                self.out.append(entry)
        self._clear()


def _entry(name: bytes | None, route: bytes | None, address: list[bytes]) -> Entry:
    if b"@" not in address:
        box = b"".join(address).strip()
        return Entry(box, None, b"", b"") if name is None and b" " in box else Entry(name, route, box, b"")
    at = len(address) - 1 - address[::-1].index(b"@")
    return Entry(name, route, b"".join(address[:at]).strip(), b"".join(address[at + 1 :]).strip())
