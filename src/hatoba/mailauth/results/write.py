"""Authentication-Results written: one field, folded, whatever the findings hold.

Called by the rooms that check letters, and by ARC for the text of its own field (payload).
Never lets a value out of its place: controls, quotes and brackets are quoted or go, what is too long is left out.
Fails never.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from hatoba.mailauth.results.finding import Finding, Property, Results

_LINE = 78  # RFC 5322 §2.1.1
_VALUE_LONGEST = 400  # octets; a longer one would not fit into a line of 998 octets with all its characters quoted
_COMMENT_LONGEST = 200
_TOKEN = re.compile(r"[!#$%&'*+\-.0-9A-Z^_`a-z{|}~\u0080-\U0010ffff]+")  # RFC 2045 §5.1, RFC 8601 §2.2 (UTF-8)
_DOMAIN = r"[0-9A-Za-z\u0080-\U0010ffff](?:[-.0-9A-Za-z\u0080-\U0010ffff]*[0-9A-Za-z\u0080-\U0010ffff])?"
_MAILBOX = re.compile(rf"(?:{_TOKEN.pattern})?@{_DOMAIN}")  # others are legal too, and confuse simple readers
_BRACKETS = re.compile(r"([()\\])")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def field(results: Results, *, utf8: bool = False) -> bytes:
    """The whole field with its CRLF. `utf8`: the letter may hold UTF-8 headers; else such values are left out."""
    return b"Authentication-Results: " + payload(results, utf8=utf8) + b"\r\n"


def payload(results: Results, *, utf8: bool = False) -> bytes:
    """What stands behind the colon, folded, without the last line end."""
    first = _quoted(_plain(results.authserv_id, utf8) or "unknown")
    if results.version != 1:
        first += f" {results.version}"
    lines = [_words(finding, utf8) for finding in results.findings] or [["none"]]
    return (first + "".join(";\r\n\t" + _folded(line) for line in lines)).encode()


def _words(finding: Finding, utf8: bool) -> list[str]:
    """A resinfo in pieces that may stand on lines of their own."""
    found = [f"{_keyword(finding.method)}={_keyword(finding.result)}"]
    comment = _plain(finding.comment, utf8)
    if comment:
        found.append(f"({_commented(comment)})")
    reason = _plain(finding.reason, utf8)
    if reason:
        found.append(f"reason={_quoted(reason)}")
    return found + list(_properties(finding.properties, utf8))


def _properties(properties: Iterable[Property], utf8: bool) -> Iterable[str]:
    for ptype, name, value in properties:
        plain = _plain(value, utf8)
        if plain is not None:
            name_ = f"{_keyword(ptype)}.{_keyword(name)}" if ptype else _keyword(name)
            yield f"{name_}={plain if _MAILBOX.fullmatch(plain) and plain.isprintable() else _quoted(plain)}"


def _plain(value: str, utf8: bool) -> str | None:
    """The value without controls; None when it cannot go into this letter."""
    value = _CONTROLS.sub(" ", value)
    return value if (utf8 or value.isascii()) and len(value.encode()) <= _VALUE_LONGEST else None


@lru_cache(maxsize=512)  # the same few words in every letter
def _keyword(word: str) -> str:
    return re.sub(r"[^0-9A-Za-z_-]", "-", word) or "unknown"


def _quoted(value: str) -> str:
    """A token as it is, anything else as a quoted-string. # RFC 8601 §2.2"""
    if _TOKEN.fullmatch(value) and value.isprintable():
        return value
    return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'


def _commented(text: str) -> str:
    return _BRACKETS.sub(r"\\\1", text[:_COMMENT_LONGEST])


def _folded(line: list[str]) -> str:
    """The pieces on one line, or on several that are indented."""
    text, length = line[0], 8 + len(line[0])
    for word in line[1:]:
        if length + 1 + len(word) > _LINE:
            text, length = f"{text}\r\n\t {word}", 9 + len(word)
        else:
            text, length = f"{text} {word}", length + 1 + len(word)
    return text
