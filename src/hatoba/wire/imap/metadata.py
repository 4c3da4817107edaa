"""GETMETADATA and SETMETADATA.

Called by commands.py's table, `entries` by listing too.
Never keeps a value.
Fails with Bad.  # RFC 5464 §4
"""

from __future__ import annotations

import re
from typing import Final

from hatoba.wire.imap import events
from hatoba.wire.imap.scanner import Bad, Scanner

_ENTRY = re.compile(r"(/[^/\x00-\x1f\x7f%*]+)+\Z").match
_ENTRY_MOST: Final = 512
_ENTRIES: Final = 200
_DEPTHS: Final = {"0": 0, "1": 1, "INFINITY": -1}


def get(scanner: Scanner, tag: str) -> events.GetMetadata:
    """The options stand before the name in the grammar, behind it in the examples: both are taken."""
    scanner.space()
    found: dict[str, int] = {}
    if scanner.ahead(b"("):
        found = _options(scanner)
        scanner.space()
    mailbox = scanner.mailbox()
    scanner.space()
    if not found and scanner.ahead(b"(") and not scanner.ahead(b"(/") and not scanner.ahead(b'("'):
        found = _options(scanner)
        scanner.space()
    names = entries(scanner)
    return events.GetMetadata(tag, mailbox, names, found.get("DEPTH", 0), found.get("MAXSIZE", -1))


def _options(scanner: Scanner) -> dict[str, int]:
    found: dict[str, int] = {}

    def option() -> None:
        word = scanner.word("An option of GETMETADATA")
        if word not in ("MAXSIZE", "DEPTH") or word in found:
            raise Bad("No such option of GETMETADATA, or twice")
        scanner.space()
        if word == "MAXSIZE":
            found[word] = scanner.number("MAXSIZE", 0, 0xFFFFFFFF)
            return
        depth = scanner.word("DEPTH")
        if depth not in _DEPTHS:
            raise Bad("DEPTH is 0, 1 or infinity")
        found[word] = _DEPTHS[depth]

    scanner.listed(option)
    return found


def entries(scanner: Scanner) -> tuple[str, ...]:
    """One entry name, or several in parentheses."""
    if not scanner.ahead(b"("):
        return (_entry(scanner),)
    names = tuple(dict.fromkeys(scanner.listed(lambda: _entry(scanner))))
    if len(names) > _ENTRIES:
        raise Bad("Too many entries", "NO", "LIMIT")
    return names


def _entry(scanner: Scanner) -> str:
    name = scanner.text("An entry name").lower()
    if not _ENTRY(name) or len(name) > _ENTRY_MOST or not name.isascii():
        raise Bad("An entry name is like /private/comment")
    if not name.startswith(("/private/", "/shared/")):
        raise Bad("An entry name begins with /private/ or /shared/")
    return name


def set_(scanner: Scanner, tag: str) -> events.SetMetadata:
    scanner.space()
    mailbox = scanner.mailbox()
    scanner.space()
    pairs = scanner.listed(lambda: _pair(scanner))
    if len(pairs) > _ENTRIES:
        raise Bad("Too many entries", "NO", "METADATA TOOMANY")
    return events.SetMetadata(tag, mailbox, tuple(pairs))


def _pair(scanner: Scanner) -> tuple[str, bytes | None]:
    name = _entry(scanner)
    scanner.space()
    return name, scanner.nstring("A value")
