"""FETCH: its items, sections, partials and modifiers.

Called by commands.py's table; `items` by notify too.
Never opens a message.
Fails with Bad.  # RFC 9051 §6.4.5, §9 (fetch-att), RFC 7162 §3.1.4, RFC 3516, RFC 8970, RFC 9394
"""

from __future__ import annotations

import re
from typing import Final

from hatoba.wire.imap import events, strings
from hatoba.wire.imap import items as values
from hatoba.wire.imap.scanner import NUMBER64, Bad, Scanner

_MACROS: Final = {
    "FAST": ("FLAGS", "INTERNALDATE", "RFC822.SIZE"),
    "ALL": ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"),
    "FULL": ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"),
}
_RFC822: Final[dict[str, values.Item]] = {
    "RFC822": values.Section(b"RFC822"),
    "RFC822.HEADER": values.Section(b"RFC822.HEADER", text="HEADER", peek=True),
    "RFC822.TEXT": values.Section(b"RFC822.TEXT", text="TEXT"),
}
_WORD = re.compile(rb"[A-Za-z0-9.]+").match
_PART = re.compile(rb"[1-9][0-9]{0,8}(?:\.[1-9][0-9]{0,8})*").match
_TEXT = re.compile(rb"\.?(HEADER\.FIELDS\.NOT|HEADER\.FIELDS|HEADER|TEXT|MIME)(?=[\] ])", re.IGNORECASE).match
_PARTIAL = re.compile(rb"<([0-9]{1,19})\.([0-9]{1,19})>").match
_RANGE = re.compile(rb"([1-9][0-9]{0,9}):([1-9][0-9]{0,9})|-([1-9][0-9]{0,9}):-([1-9][0-9]{0,9})").match
_FIELD = re.compile(rb"[!-9;-~]{1,255}\Z").match
_SECTIONS: Final = {
    "BODY": ("BODY", False), "BODY.PEEK": ("BODY", True),
    "BINARY": ("BINARY", False), "BINARY.PEEK": ("BINARY", True), "BINARY.SIZE": ("BINARY.SIZE", True),
}  # fmt: skip
_DEEP: Final = 100  # levels of a part number: no message has them
ITEMS: Final = 256  # of one FETCH: each is answered for each message


def fetch(scanner: Scanner, tag: str) -> events.Fetch:
    return _fetch(scanner, tag, False)


def uid_fetch(scanner: Scanner, tag: str) -> events.Fetch:
    return _fetch(scanner, tag, True)


def _fetch(scanner: Scanner, tag: str, uid: bool) -> events.Fetch:
    scanner.space()
    numbers = scanner.set()
    scanner.space()
    found = items(scanner)
    since, vanished, partial = _modifiers(scanner) if scanner.take(b" ") else (-1, False, None)
    if vanished and (since < 0 or not uid):
        raise Bad("VANISHED is for UID FETCH with CHANGEDSINCE")
    if partial is not None and not uid:
        raise Bad("PARTIAL is for UID FETCH")
    if uid:
        found = (values.Attribute("UID"), *found)
    if since >= 0:
        found = (*found, values.Attribute("MODSEQ"))  # RFC 7162 §3.1.4.1
    return events.Fetch(tag, numbers, tuple(dict.fromkeys(found)), uid, since, vanished, partial)


def items(scanner: Scanner) -> tuple[values.Item, ...]:
    """One item, a macro, or items in parentheses."""
    if scanner.ahead(b"("):
        found = scanner.listed(lambda: _item(scanner))
        if len(found) > ITEMS:
            raise Bad("Too many items", "NO", "LIMIT")
        return tuple(dict.fromkeys(found))
    word = _WORD(scanner.data, scanner.at)
    names = _MACROS.get(word.group().decode().upper()) if word else None
    if word and names:
        scanner.at = word.end()
        return tuple(values.Attribute(name) for name in names)
    return (_item(scanner),)


def _item(scanner: Scanner) -> values.Item:
    word = _WORD(scanner.data, scanner.at)
    if word is None:
        raise Bad("An item to fetch is missing")
    scanner.at = word.end()
    name = word.group().decode().upper()
    if name in _SECTIONS and scanner.take(b"["):
        return _section(scanner, *_SECTIONS[name])
    if name in values.ATTRIBUTES:
        return values.Attribute(name)
    if name in _RFC822:
        return _RFC822[name]
    if name == "PREVIEW":
        return values.Preview(_lazy(scanner))
    raise Bad("No such item to fetch")


def _lazy(scanner: Scanner) -> bool:
    if not scanner.take(b" ("):
        return False
    if scanner.word("A modifier") != "LAZY":
        raise Bad("PREVIEW takes LAZY only")
    scanner.need(b")", "A closing parenthesis is missing")
    return True


def _section(scanner: Scanner, kind: str, peek: bool) -> values.Section:
    number, text = "", ""
    fields: tuple[str, ...] = ()
    part = _PART(scanner.data, scanner.at)
    if part is not None:
        number = part.group().decode()
        scanner.at = part.end()
        if number.count(".") > _DEEP:
            raise Bad("The part number is too deep")
    said = _TEXT(scanner.data, scanner.at)
    if said is not None and kind == "BODY" and said.group().startswith(b".") == bool(number):
        text = said[1].decode().upper()
        scanner.at = said.end()
    if text == "MIME" and not number:
        raise Bad("MIME needs a part number")
    written = f"{number}.{text}" if number and text else number or text
    label = written.encode()
    if text.startswith("HEADER.FIELDS"):
        scanner.space()
        fields = tuple(scanner.listed(lambda: _field(scanner)))
        label += b" " + strings.listed(strings.astring(field.encode()) for field in fields)
    scanner.need(b"]", "The section is not well formed")
    label = b"%b[%b]" % (kind.encode(), label)
    first, count = 0, -1
    if scanner.ahead(b"<") and kind != "BINARY.SIZE":
        first, count = _partial(scanner)
        label += b"<%d>" % first
    return values.Section(label, number, text, fields, kind, peek, first, count)


def _field(scanner: Scanner) -> str:
    field = scanner.astring("A header field's name")
    if not _FIELD(field):
        raise Bad("A header field's name is not well formed")
    return field.decode()


def _partial(scanner: Scanner) -> tuple[int, int]:
    found = _PARTIAL(scanner.data, scanner.at)
    first, count = (int(found[1]), int(found[2])) if found else (0, 0)
    if found is None or not count or first > NUMBER64 or count > NUMBER64:
        raise Bad("A partial is like <0.1024>")
    scanner.at = found.end()
    return first, count


def _modifiers(scanner: Scanner) -> tuple[int, bool, tuple[int, int] | None]:
    since, vanished = -1, False
    partial: tuple[int, int] | None = None

    def modifier() -> None:
        nonlocal since, vanished, partial
        word = scanner.word("A modifier")
        if word == "CHANGEDSINCE":
            scanner.space()
            since = scanner.number("A mod-sequence")
        elif word == "VANISHED":
            vanished = True
        elif word == "PARTIAL":
            scanner.space()
            partial = partial_range(scanner)
        else:
            raise Bad("No such modifier of FETCH")

    scanner.listed(modifier)
    return since, vanished, partial


def partial_range(scanner: Scanner) -> tuple[int, int]:
    """1:100 or -1:-100, lower (nearer to its end of the result) number first.  # RFC 9394 §3.1"""
    found = _RANGE(scanner.data, scanner.at)
    if found is None:
        raise Bad("A partial range is like 1:100 or -1:-100")
    scanner.at = found.end()
    sign, first, last = (1, found[1], found[2]) if found[1] else (-1, found[3], found[4])
    low, high = sorted((int(first), int(last)))
    if high > 0xFFFFFFFF:
        raise Bad("A partial range is out of range")
    return sign * low, sign * high
