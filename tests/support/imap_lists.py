"""ENVELOPE and BODYSTRUCTURE read as a client reads them, and held against their grammar. # RFC 9051 §9

Called by the tests of message.structure.
Never shares code with what writes them.
Fails with AssertionError where the text is none.
"""

import re

from hatoba.message import structure

_TOKEN = re.compile(rb'NIL|\d+|"(?:[^"\\\r\n\0\x80-\xff]|\\["\\])*"|\{(\d+)\}\r\n|\(')


def check(found: structure.Summary) -> None:
    """All three texts of a letter."""
    _check_envelope(read(found.envelope))
    _check_body(read(found.body), extended=False)
    _check_body(read(found.structure), extended=True)


def read(text: bytes) -> object:
    """A parenthesised list: lists, octets of strings and numbers, None for NIL."""
    reader = _Reader(text)
    found = reader.value()
    assert reader.at == len(text)
    return found


class _Reader:
    def __init__(self, text: bytes) -> None:
        self.text, self.at = text, 0

    def value(self) -> object:
        found = _TOKEN.match(self.text, self.at)
        assert found is not None, self.text[self.at :][:60]
        self.at = found.end()
        if found[1] is not None:
            self.at += int(found[1])
            literal = self.text[found.end() : self.at]
            assert len(literal) == int(found[1])
            assert b"\0" not in literal
            return literal
        if found[0] != b"(":
            return None if found[0] == b"NIL" else found[0]
        items: list[object] = []
        while self.text[self.at : self.at + 1] != b")":
            if items and self.text[self.at : self.at + 1] == b" ":
                self.at += 1
            items.append(self.value())
        self.at += 1
        return items


def _check_body(body: object, extended: bool) -> None:
    """RFC 9051 §9: body-type-mpart, -msg, -text, -basic."""
    assert isinstance(body, list)
    if isinstance(body[0], list):
        count = next(n for n, each in enumerate(body) if not isinstance(each, list))
        for child in body[:count]:
            _check_body(child, extended)
        assert len(body) == count + (5 if extended else 1)
        return
    more = 4 if extended else 0
    kind = (body[0], body[1])
    assert isinstance(body[6], bytes)
    assert body[6].isdigit()
    if kind[0] == b'"MESSAGE"' and kind[1] in (b'"RFC822"', b'"GLOBAL"'):
        _check_envelope(body[7])
        _check_body(body[8], extended)
        assert len(body) == 10 + more
    else:
        assert len(body) == (8 if kind[0] == b'"TEXT"' else 7) + more
    assert body[2] is None or (isinstance(body[2], list) and len(body[2]) % 2 == 0)


def _check_envelope(envelope: object) -> None:
    assert isinstance(envelope, list)
    assert len(envelope) == 10
    for place in range(2, 8):
        entries = envelope[place]
        assert entries is None or (isinstance(entries, list) and all(len(entry) == 4 for entry in entries))
