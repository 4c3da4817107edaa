"""Macro strings of SPF: read once into pieces, expanded for each letter. # RFC 7208 §7

Called by spf.record (domain-specs, modifiers), spf.check (targets) and spf.explain (texts).
Never asks the DNS: whoever expands a `p` has found the name before.
Fails with BadMacro when the text breaks the grammar; expanding cannot fail.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote

NAME_OCTETS = 253  # RFC 7208 §7.3: what an expanded domain name is cut to, from the left
LETTERS = frozenset("slodiphv")
EXPLAINING = frozenset("crt")  # RFC 7208 §7.2: only in explanations

_MOST_PARTS = 128  # no name has more labels; RFC 7208 §7.1 asks for at least 127
_PIECE = re.compile(r"%\{([A-Za-z])([0-9]*)([rR]?)([-.+,/_=]*)\}|%([%_-])|([!-$&-~]+)")
_SPACES = re.compile(" +")
_ESCAPES = {"%": "%", "_": " ", "-": "%20"}


class BadMacro(ValueError):
    """The text is no macro-string; the message says why."""


class Expand(NamedTuple):
    """One macro-expand. `parts` is 0 when all parts are wanted."""

    letter: str  # in lower case
    parts: int = 0
    reverse: bool = False
    delimiters: str = "."
    escape: bool = False


class Macro(NamedTuple):
    """A macro-string, read. `letters` are those it expands, in lower case."""

    pieces: tuple[str | Expand, ...]
    letters: frozenset[str]


def parse(text: str, *, letters: frozenset[str] = LETTERS | EXPLAINING, spaces: bool = False) -> Macro:
    """The pieces of a macro-string (`spaces`: of an explain-string) that may use `letters`. BadMacro."""
    pieces: list[str | Expand] = []
    at = 0
    while at < len(text):
        found = _PIECE.match(text, at) or (_SPACES.match(text, at) if spaces else None)
        if found is None:
            raise BadMacro(f"{text[at : at + 10]!a} cannot stand in a macro-string")
        at = found.end()
        piece = _piece(found, letters)
        if isinstance(piece, str) and pieces and isinstance(pieces[-1], str):
            pieces[-1] += piece
        else:
            pieces.append(piece)
    return Macro(tuple(pieces), frozenset(piece.letter for piece in pieces if isinstance(piece, Expand)))


def expand(macro: Macro, values: Mapping[str, str]) -> str:
    """The text, with the value of each letter that it uses."""
    pieces = macro.pieces
    if len(pieces) == 1 and isinstance(pieces[0], str):
        return pieces[0]
    return "".join(piece if isinstance(piece, str) else _value(piece, values[piece.letter]) for piece in pieces)


def domain_name(text: str) -> str:
    """An expanded domain-spec as the name to ask for: no final dot, not too long. # RFC 7208 §7.3"""
    name = text.removesuffix(".")
    if len(name) <= NAME_OCTETS:
        return name
    return name[-NAME_OCTETS - 1 :].partition(".")[2]


def _piece(found: re.Match[str], letters: frozenset[str]) -> str | Expand:
    if found.re is _SPACES:
        return found[0]
    letter, digits, reverse, delimiters, escape, literal = found.groups()
    if literal:
        return str(literal)
    if escape:
        return _ESCAPES[escape]
    if letter.lower() not in letters:
        raise BadMacro(f"the macro letter {letter} cannot stand here")
    if digits and not digits.strip("0"):
        raise BadMacro("a macro asks for 0 parts")
    parts = min(int(digits.lstrip("0")[:4]), _MOST_PARTS) if digits else 0
    return Expand(letter.lower(), parts, bool(reverse), delimiters or ".", letter.isupper())


def _value(piece: Expand, value: str) -> str:
    """The value of one macro, split, turned, cut and escaped as it asks. # RFC 7208 §7.3"""
    if piece.parts or piece.reverse or piece.delimiters != ".":
        for delimiter in piece.delimiters[1:]:
            value = value.replace(delimiter, piece.delimiters[0])
        words = value.split(piece.delimiters[0])
        if piece.reverse:
            words.reverse()
        value = ".".join(words[-piece.parts :] if piece.parts else words)
    return quote(value, safe="") if piece.escape else value
