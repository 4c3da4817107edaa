"""Tokens of a script. # RFC 5228 §2, §8.1

Called by parser, with the whole text.
Never reads meaning into a word or string; line ends within strings become CRLF, whatever the file has.
Fails with SieveError at the first place where no token fits.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from hatoba.sieve import faults

NUMBER_MOST = 2**63 - 1  # RFC 5228 §2.4.1 asks for 31 bits

_SPACE = re.compile(r"(?:[ \t\r\n]++|#[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/)*+")
_MULTILINE = re.compile(r"text:[ \t]*+(?:#[^\n]*+)?\r?\n", re.IGNORECASE)
_MULTILINE_END = re.compile(r"^\.\r?(?:\n|\Z)", re.MULTILINE)
_TOKEN = re.compile(
    r"""(?P<word>[A-Za-z_][A-Za-z0-9_]*+)
    |(?P<tag>:[A-Za-z_][A-Za-z0-9_]*+)
    |(?P<number>[0-9]++)(?P<unit>[KkMmGg]?)(?![A-Za-z0-9_])
    |"(?P<string>[^"\\]*+(?:\\.[^"\\]*+)*+)"
    |(?P<mark>[;,(){}\[\]])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_STUFFED = re.compile(r"^\.\.", re.MULTILINE)
_LINE_END = re.compile(r"\r?\n")
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}

WORD, TAG, NUMBER, STRING, END = "word", "tag", "number", "string", "end"


class Token(NamedTuple):
    """`kind` is one of the above, or the mark itself. `text`: words and tags in lower case, a tag without its colon."""

    kind: str
    text: str
    line: int
    number: int = 0


def tokens(text: str) -> Iterator[Token]:
    """Every token of `text` in order, END last."""
    at, line = 0, 1
    nul = text.find("\x00")
    if nul >= 0:
        raise _error(text.count("\n", 0, nul) + 1, "a NUL octet stands in the script")
    while True:
        space = _SPACE.match(text, at)
        if space is not None:
            line += text.count("\n", at, space.end())
            at = space.end()
        if at >= len(text):
            yield Token(END, "", line)
            return
        token, end = _next(text, at, line)
        yield token
        line += text.count("\n", at, end)
        at = end


def _next(text: str, at: int, line: int) -> tuple[Token, int]:
    """The token at `at` and the offset behind it."""
    if opening := _MULTILINE.match(text, at):
        return _multiline(text, opening.end(), line)
    found = _TOKEN.match(text, at)
    if found is None:
        raise _error(line, _complaint(text, at))
    kind = found.lastgroup
    if kind == "word":
        return Token(WORD, found["word"].lower(), line), found.end()
    if kind == "tag":
        return Token(TAG, found["tag"][1:].lower(), line), found.end()
    if kind == "string":
        return Token(STRING, _LINE_END.sub("\r\n", _ESCAPED.sub(r"\1", found["string"])), line), found.end()
    if kind == "mark":
        return Token(found["mark"], found["mark"], line), found.end()
    digits = found["number"].lstrip("0")
    number = int(digits or "0") * _UNITS[found["unit"].lower()] if len(digits) < 20 else NUMBER_MOST + 1
    if number > NUMBER_MOST:
        raise _error(line, f"the number {found[0][:30]} is too large")
    return Token(NUMBER, found[0], line, number), found.end()


def _multiline(text: str, start: int, line: int) -> tuple[Token, int]:
    """The string behind "text:", up to the line that is a dot alone; ".." at a line's start stands for one dot."""
    end = _MULTILINE_END.search(text, start)
    if end is None:
        raise _error(line, 'the text after "text:" has no end: a line with a dot alone')
    inside = _STUFFED.sub(".", text[start : end.start()])
    return Token(STRING, _LINE_END.sub("\r\n", inside), line), end.end()


def _complaint(text: str, at: int) -> str:
    if text.startswith("/*", at):
        return "a comment has no end: */ is missing"
    if text[at] == '"':
        return 'a string has no end: the closing " is missing'
    if text[at].isdigit():
        return "a number is followed by letters that are no unit (K, M, G)"
    if text[at] == ":":
        return "a colon stands without a tag's name behind it"
    return f"the character {faults.shown(text[at])} cannot stand here"


def _error(line: int, text: str) -> faults.SieveError:
    return faults.SieveError((faults.Fault(line, text),))
