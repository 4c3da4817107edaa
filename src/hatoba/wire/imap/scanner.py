"""Scanner: one whole command, literals included, read token by token.

Made by server for each command; moved along by the grammar modules of this room.
Never buffers and never guesses: what does not fit the grammar is Bad, with words for the client.
Fails with Bad; with Incomplete where the command ends in the head of a literal whose octets are not there.
# RFC 9051 §9
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeVar

from hatoba.model import numbers
from hatoba.wire.imap import names

T = TypeVar("T")

_ATOM = re.compile(rb"[!#$&'+-\[^-z|}~,-]+").match
_ASTRING = re.compile(rb"[!#$&'+-\[\]^-z|}~,-]+").match
_PATTERN = re.compile(rb"[!#$%&'*+-\[\]^-z|}~,-]+").match
_QUOTED = re.compile(rb'"((?:[^"\\\r\n\0]|\\["\\])*)"').match
_ESCAPE = re.compile(rb"\\(.)").sub
_LITERAL = re.compile(rb"(~?)\{([0-9]{1,19})\+?\}\r\n").match
_NUMBER = re.compile(rb"[0-9]{1,20}").match
_SET = re.compile(rb"[0-9*:,]+").match
_FLAG = re.compile(rb"\\?[!#$&'+-\[^-z|}~,-]+").match
NUMBER64: Final = 0x7FFFFFFFFFFFFFFF
_FLAG_OCTETS: Final = 255
_SYSTEM: Final = {flag.upper(): flag for flag in ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft")}


class Bad(Exception):
    """What is wrong, as it will be said. `kind` as in events.Malformed."""

    def __init__(self, text: str, status: str = "BAD", code: str = "", kind: str = "syntax") -> None:
        super().__init__(text)
        self.text = text
        self.status = status
        self.code = code
        self.kind = kind


class Incomplete(Exception):
    """The octets of a literal are needed."""


class Scanner:
    """`at` is the place in `data`; `utf8` whether names come as UTF-8.

    `numbered` and `modseq`: message sequence numbers or mod-sequences were spoken of among the arguments.
    """

    __slots__ = ("at", "data", "modseq", "numbered", "utf8")

    def __init__(self, data: bytes, utf8: bool, at: int = 0) -> None:
        self.data = data
        self.at = at
        self.utf8 = utf8
        self.numbered = False
        self.modseq = False

    # Punctuation

    def ahead(self, octets: bytes) -> bool:
        """These are next."""
        return self.data.startswith(octets, self.at)

    def take(self, octets: bytes) -> bool:
        """Moves past these where they are next."""
        if self.data.startswith(octets, self.at):
            self.at += len(octets)
            return True
        return False

    def need(self, octets: bytes, text: str) -> None:
        """Moves past these. Bad otherwise."""
        if not self.take(octets):
            raise Bad(text)

    def space(self) -> None:
        """One space. Bad otherwise."""
        if not self.take(b" "):
            raise Bad("Arguments are missing" if self.over else "A space is missing between arguments")

    def end(self) -> None:
        """Nothing may follow. Bad otherwise."""
        if self.at != len(self.data):
            raise Bad("Too many arguments")

    @property
    def over(self) -> bool:
        return self.at == len(self.data)

    # Words

    def atom(self, what: str = "A word") -> str:
        """An atom as written."""
        found = _ATOM(self.data, self.at)
        if found is None:
            raise Bad(f"{what} is missing")
        self.at = found.end()
        return found.group().decode()

    def word(self, what: str = "A word") -> str:
        """An atom in capitals."""
        return self.atom(what).upper()

    def astring(self, what: str = "A string") -> bytes:
        """An atom or a string."""
        found = _ASTRING(self.data, self.at)
        if found is not None and not self.ahead(b"~{"):
            self.at = found.end()
            return found.group()
        return self.string(what)

    def string(self, what: str = "A string") -> bytes:
        """A quoted string or a literal."""
        found = _QUOTED(self.data, self.at)
        if found is not None:
            self.at = found.end()
            return _ESCAPE(rb"\1", found[1]) if b"\\" in found[1] else found[1]
        found = _LITERAL(self.data, self.at)
        if found is None:
            raise Bad(f"{what} is not closed" if self.ahead(b'"') else f"{what} is missing")
        end = found.end() + int(found[2])
        if end > len(self.data):
            raise Incomplete
        octets = self.data[found.end() : end]
        if b"\0" in octets and not found[1]:
            raise Bad("A NUL in a literal: only a literal8 may hold it")
        self.at = end
        return octets

    def nstring(self, what: str = "A string") -> bytes | None:
        """A string, or None for NIL."""
        if self.data[self.at : self.at + 3].upper() == b"NIL":
            self.at += 3
            return None
        return self.string(what)

    def text(self, what: str = "A string") -> str:
        """An astring as UTF-8."""
        try:
            return self.astring(what).decode()
        except UnicodeDecodeError:
            raise Bad(f"{what} is not UTF-8") from None

    def number(self, what: str = "A number", least: int = 0, most: int = NUMBER64) -> int:
        found = _NUMBER(self.data, self.at)
        if found is None:
            raise Bad(f"{what} is missing")
        value = int(found.group())
        if not least <= value <= most:
            raise Bad(f"{what} is out of range")
        self.at = found.end()
        return value

    # Names, numbers, flags

    def mailbox(self, what: str = "A mailbox name") -> str:
        """A mailbox name, decoded."""
        return self._name(self.astring(what))

    def pattern(self) -> str:
        """A mailbox name with wildcards."""
        found = _PATTERN(self.data, self.at)
        if found is None:
            return self._name(self.string("A mailbox pattern"))
        self.at = found.end()
        return self._name(found.group())

    def _name(self, octets: bytes) -> str:
        try:
            return names.decode(octets, self.utf8)
        except ValueError:
            raise Bad("The mailbox name is not well formed", "NO", "CANNOT", "name") from None

    def set(self) -> numbers.Numbers | None:
        """A sequence set; None for "$"."""
        if self.take(b"$"):
            return None
        return self.plain_set()

    def plain_set(self) -> numbers.Numbers:
        """A sequence set without "$"."""
        found = _SET(self.data, self.at)
        if found is None:
            raise Bad("A set of message numbers is missing")
        try:
            value = numbers.parse(found.group().decode())
        except ValueError:
            raise Bad("The set of message numbers is not well formed") from None
        self.at = found.end()
        return value

    def flag(self) -> str:
        r"""A system flag in its usual spelling, or a keyword as written; "" for \Recent, which nobody can set."""
        found = _FLAG(self.data, self.at)
        if found is None:
            raise Bad("A flag is missing")
        self.at = found.end()
        flag = found.group().decode()
        if len(flag) > _FLAG_OCTETS:
            raise Bad("A flag is too long")
        if flag[0] != "\\":
            return flag
        known = _SYSTEM.get(flag.upper())
        if known is None and flag.upper() != "\\RECENT":
            raise Bad("No such system flag")
        return known or ""

    def flags(self) -> tuple[str, ...]:
        """(\\Seen keyword), each once."""
        return once(self.listed(self.flag, empty=True))

    def listed(self, item: Callable[[], T], empty: bool = False) -> list[T]:
        """(item item …)."""
        self.need(b"(", "An opening parenthesis is missing")
        found: list[T] = []
        if empty and self.take(b")"):
            return found
        while True:
            found.append(item())
            if self.take(b")"):
                return found
            if not self.take(b" "):
                raise Bad("A closing parenthesis is missing")


def once(flags: list[str]) -> tuple[str, ...]:
    """Each of the flags once, spelled as first; "" left out."""
    first: dict[str, str] = {}
    for flag in flags:
        if flag:
            first.setdefault(flag.lower(), flag)
    return tuple(first.values())
