"""Search keys: from their grammar to the tree of model.criteria.

Called by searching for SEARCH, SORT and THREAD.
Never evaluates a key and never looks anything up.
Fails with Bad; nesting and the number of keys are bounded.  # RFC 9051 §6.4.4, RFC 5032, RFC 7162, RFC 8474, RFC 8514
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from typing import Final

from hatoba.model import criteria
from hatoba.wire.imap import codes, dates
from hatoba.wire.imap.scanner import Bad, Scanner

Key = criteria.Key

# What clients write needles in besides UTF-8: Japanese ones of old among them.
CHARSETS: Final = {
    "US-ASCII": "ascii", "UTF-8": "utf-8", "UTF8": "utf-8", "ISO-8859-1": "latin-1", "ISO-8859-15": "iso8859-15",
    "WINDOWS-1252": "cp1252", "ISO-2022-JP": "iso2022_jp", "EUC-JP": "euc_jp", "SHIFT_JIS": "cp932",
}  # fmt: skip
_TOLD: Final = ("US-ASCII", "UTF-8", "ISO-8859-1", "ISO-2022-JP", "EUC-JP", "SHIFT_JIS")
_DEEP: Final = 60
_KEYS: Final = 2000
_NEEDLE: Final = 8192
_OBJECT = re.compile(r"[A-Za-z0-9_-]{1,255}\Z").match
_FIELD = re.compile(r"[!-9;-~]{1,255}\Z").match

_SEEN: Final = criteria.Flagged("\\Seen")
_PLAIN: Final[dict[str, Key]] = {
    "ALL": criteria.All(),
    "RECENT": criteria.Recent(),
    "OLD": criteria.Not(criteria.Recent()),
    "NEW": criteria.And((criteria.Recent(), criteria.Not(_SEEN))),
    "SAVEDATESUPPORTED": criteria.SaveDateSupported(),
}
for _flag in ("Seen", "Answered", "Flagged", "Deleted", "Draft"):
    _PLAIN[_flag.upper()] = criteria.Flagged(f"\\{_flag}")
    _PLAIN[f"UN{_flag.upper()}"] = criteria.Not(criteria.Flagged(f"\\{_flag}"))
_TEXTS: Final = frozenset(("FROM", "TO", "CC", "BCC", "SUBJECT", "BODY", "TEXT"))
_DATES: Final = {
    f"{prefix}{when}": (which, when.lower())
    for prefix, which in (("", "internal"), ("SENT", "sent"), ("SAVED", "saved"))
    for when in ("BEFORE", "ON", "SINCE")
}


def charset(name: str) -> str:
    """Python's name of it. Bad with BADCHARSET for one we do not know.  # RFC 9051 §7.1"""
    known = CHARSETS.get(name.upper())
    if known is None:
        raise Bad("That charset is not known here", "NO", codes.badcharset(_TOLD))
    return known


class Keys:
    """One reading of keys: `codec` decodes the needles."""

    __slots__ = ("_count", "_fuzzy", "_scanner", "codec")

    def __init__(self, scanner: Scanner, codec: str) -> None:
        self._scanner = scanner
        self.codec = codec
        self._count = 0
        self._fuzzy = False

    def all(self) -> Key:
        """Keys up to the end of the command; more than one must all hold."""
        scanner = self._scanner
        found = [self._key(0)]
        while not scanner.over:
            scanner.space()
            found.append(self._key(0))
        return found[0] if len(found) == 1 else criteria.And(tuple(found))

    def _key(self, depth: int) -> Key:
        scanner = self._scanner
        self._count += 1
        if depth > _DEEP or self._count > _KEYS:
            raise Bad("The search is nested too deeply or has too many keys", "NO", "LIMIT")
        if scanner.ahead(b"("):
            keys = scanner.listed(lambda: self._key(depth + 1))
            return keys[0] if len(keys) == 1 else criteria.And(tuple(keys))
        if scanner.take(b"$"):
            return criteria.Saved()
        if scanner.data[scanner.at : scanner.at + 1] in _DIGITS and not scanner.over:
            scanner.numbered = True
            return criteria.Sequence(scanner.plain_set(), False)
        word = scanner.word("A search key")
        plain = _PLAIN.get(word)
        return plain if plain is not None else self._with_argument(word, depth)

    def _with_argument(self, word: str, depth: int) -> Key:
        scanner = self._scanner
        if word in _TEXTS:
            scanner.space()
            return criteria.Text(word.lower(), self._needle(), self._fuzzy)
        if word in _DATES:
            scanner.space()
            which, when = _DATES[word]
            return criteria.Dated(which, when, dates.date(scanner))
        read = _ARGUMENTS.get(word)
        if read is not None:
            scanner.space()
            return read(scanner)
        if word not in ("NOT", "OR", "FUZZY", "HEADER"):
            raise Bad("No such search key")
        scanner.space()
        if word == "NOT":
            return criteria.Not(self._key(depth + 1))
        if word == "OR":
            first = self._key(depth + 1)
            scanner.space()
            return criteria.Or(first, self._key(depth + 1))
        if word == "FUZZY":
            outer, self._fuzzy = self._fuzzy, True  # RFC 6203 §3: it binds all texts below
            key = self._key(depth + 1)
            self._fuzzy = outer
            return key
        return self._header()

    def _header(self) -> Key:
        name = self._scanner.text("A header field's name")
        if not _FIELD(name):
            raise Bad("A header field's name is not well formed")
        self._scanner.space()
        return criteria.Header(name, self._needle())

    def _needle(self) -> str:
        octets = self._scanner.astring("What to search for")
        if len(octets) > _NEEDLE:
            raise Bad("What to search for is too long", "NO", "LIMIT")
        try:
            return codecs.decode(octets, self.codec)
        except (UnicodeDecodeError, ValueError):
            raise Bad("What to search for is not in the charset that was named") from None


_DIGITS: Final = b"0123456789*"


def _keyword(scanner: Scanner) -> Key:
    return criteria.Flagged(scanner.atom("A keyword"))


def _unkeyword(scanner: Scanner) -> Key:
    return criteria.Not(criteria.Flagged(scanner.atom("A keyword")))


def _larger(scanner: Scanner) -> Key:
    return criteria.Size(True, scanner.number())


def _smaller(scanner: Scanner) -> Key:
    return criteria.Size(False, scanner.number())


def _older(scanner: Scanner) -> Key:
    return criteria.Within(True, scanner.number("An interval", 1, 0xFFFFFFFF))


def _younger(scanner: Scanner) -> Key:
    return criteria.Within(False, scanner.number("An interval", 1, 0xFFFFFFFF))


def _uid(scanner: Scanner) -> Key:
    numbers = scanner.set()
    return criteria.Saved() if numbers is None else criteria.Sequence(numbers, True)


def _modseq(scanner: Scanner) -> Key:
    """MODSEQ ["/flags/\\\\Draft" all] 620: what is written of one flag counts for all.  # RFC 7162 §3.1.5"""
    scanner.modseq = True
    if scanner.ahead(b'"'):
        entry = scanner.string("An entry")
        scanner.space()
        if not entry.lower().startswith(b"/flags/") or scanner.word("priv, shared or all") not in _ENTRY_TYPES:
            raise Bad("An entry of MODSEQ is not well formed")
        scanner.space()
    return criteria.Modseq(scanner.number("A mod-sequence"))


_ENTRY_TYPES: Final = frozenset(("PRIV", "SHARED", "ALL"))


def _emailid(scanner: Scanner) -> Key:
    return criteria.ObjectId(False, _object(scanner))


def _threadid(scanner: Scanner) -> Key:
    return criteria.ObjectId(True, _object(scanner))


def _object(scanner: Scanner) -> str:
    written = scanner.text("An id")
    if not _OBJECT(written):
        raise Bad("The id is not well formed")
    return written


_ARGUMENTS: Final[dict[str, Callable[[Scanner], Key]]] = {
    "KEYWORD": _keyword,
    "UNKEYWORD": _unkeyword,
    "LARGER": _larger,
    "SMALLER": _smaller,
    "OLDER": _older,
    "YOUNGER": _younger,
    "UID": _uid,
    "MODSEQ": _modseq,
    "EMAILID": _emailid,
    "THREADID": _threadid,
}
