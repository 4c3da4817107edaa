"""Texts: a script's strings with the characters written in hexadecimal read and their variables found.

Made by the check, filled in by the machine while a script runs.
Never knows a variable's value.
Fails with ValueError: a character that is none, a namespace that is none. # RFC 5228 §2.4.2.4, RFC 5229 §3
"""

import re
from typing import NamedTuple

_ENCODED = re.compile(r"\$\{(hex|unicode):((?:[ \t\r\n]*[0-9a-f]+)(?:[ \t\r\n]+[0-9a-f]+)*)[ \t\r\n]*\}", re.IGNORECASE)
_REFERENCE = re.compile(r"\$\{((?:[a-z_][a-z0-9_]*\.(?:[a-z0-9_]+\.)*)?)([0-9]+|[a-z_][a-z0-9_]*)\}", re.IGNORECASE)
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_VARIABLE = re.compile(r"((?:[a-z_][a-z0-9_]*\.)*)([a-z_][a-z0-9_]*|[0-9]+)", re.IGNORECASE)
_SURROGATE = re.compile("[\ud800-\udfff]")

GLOBAL = "global."  # RFC 6609 §3.4.3


class Name(NamedTuple):
    """A variable in lower case, "global.x" for one of all scripts; or (`name` "") the `n`th value of a match."""

    name: str
    n: int = -1


class Text(NamedTuple):
    """`constant` is the string when it has no variables, else None; then `pieces` are to be joined."""

    constant: str | None
    pieces: tuple[str | Name, ...] = ()


class Scope(NamedTuple):
    """What is active where a string stands."""

    encoded: bool = False
    variables: bool = False
    shared: bool = False  # the namespace global
    match_values: int = 32


def read(text: str, scope: Scope) -> Text:
    """The Text that a string is."""
    if "${" not in text:
        return Text(text)
    if scope.encoded:
        text = _decoded(text)
    if not scope.variables:
        return Text(text)
    pieces: list[str | Name] = []
    at = 0
    for found in _REFERENCE.finditer(text):
        pieces += (text[at : found.start()], _name(found[1], found[2], scope))
        at = found.end()
    if not pieces:
        return Text(text)
    return Text(None, tuple(piece for piece in (*pieces, text[at:]) if piece != ""))


def source(text: Text) -> str:
    """The string as the script has it, its variables by their names."""
    if text.constant is not None:
        return text.constant
    return "".join(piece if isinstance(piece, str) else f"${{{piece.name or piece.n}}}" for piece in text.pieces)


def variable(text: str, scope: Scope) -> Name:
    """The variable that can be set under this name; ValueError when it is none. # RFC 5229 §4"""
    found = _VARIABLE.fullmatch(text)
    if found is None:
        raise ValueError("no name of a variable")
    name = _name(found[1], found[2], scope)
    if not name.name:
        raise ValueError("the value of a match, which cannot be set")
    return name


def _name(space: str, name: str, scope: Scope) -> Name:
    lower = space.lower()
    if lower and not (lower == GLOBAL and scope.shared):
        raise ValueError(f"in the namespace {lower[:-1][:40]}, which is none")
    if not name.isdecimal():
        return Name(lower + name.lower())
    if lower:
        raise ValueError("a number in the namespace global")
    index = int(name) if len(name) < 9 else scope.match_values + 1
    if index > scope.match_values:
        raise ValueError(f"beyond ${{{scope.match_values}}}, the last value of a match")
    return Name("", index)


def _decoded(text: str) -> str:
    """Octets that are no UTF-8 stay as lone surrogates, which no mailbox or header takes."""
    octets = bytearray()
    at = 0
    for found in _ENCODED.finditer(text):
        made = _octets(found[1].lower(), found[2].split())
        if made is None:
            continue
        octets += text[at : found.start()].encode("utf-8", "surrogatepass") + made
        at = found.end()
    octets += text[at:].encode("utf-8", "surrogatepass")
    return octets.decode("utf-8", "surrogateescape")


def _octets(kind: str, numbers: list[str]) -> bytes | None:
    """None where the text only looks like such a sequence."""
    if kind == "hex":
        return None if any(len(number) > 2 for number in numbers) else bytes(int(number, 16) for number in numbers)
    made = ""
    for number in numbers:
        digits = number.lstrip("0")
        point = int(digits or "0", 16) if len(digits) <= 6 else 0x110000
        if point > 0x10FFFF or 0xD800 <= point <= 0xDFFF:
            raise ValueError(f"{number[:20]}, which is no character of Unicode")
        made += chr(point)
    return made.encode()


def sound(text: str) -> bool:
    """Whether `text` can be written as UTF-8."""
    return _SURROGATE.search(text) is None


def replaced(text: str) -> str:
    """`text` with U+FFFD for what is no UTF-8."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)
