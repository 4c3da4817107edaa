"""APPEND and REPLACE: the lines around their messages, which are not gathered but passed on as they come.

Called by server for each line of such a command.
Never sees an octet of a message.
Fails with Bad, and with Incomplete where an ordinary literal (a name, a URL) has to be gathered first.
# RFC 9051 §6.3.12, RFC 3502, RFC 3516 §4.4, RFC 4469, RFC 6855 §4, RFC 8508
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from hatoba.model import numbers
from hatoba.wire.imap import codes, dates, events, names
from hatoba.wire.imap.scanner import NUMBER64, Bad, Scanner

VERBS: Final = frozenset(("APPEND", "REPLACE", "UID REPLACE"))
_MARK = re.compile(rb"(~?)\{([0-9]{1,19})\+?\}\r\n\Z").match
_URL = re.compile(
    r"/?(?P<box>[^;]*?)(?:;uidvalidity=(?P<validity>[0-9]{1,10}))?/?;uid=(?P<uid>[0-9]{1,10})"
    r"(?:/;section=(?P<section>[^;/]*))?(?:/;partial=(?P<first>[0-9]{1,19})(?:\.(?P<count>[0-9]{1,19}))?)?",
    re.IGNORECASE,
).fullmatch
_UTF8, _CATENATE = "UTF8", "CATENATE"

Step = events.Append | events.Text | events.Url | events.AppendEnd


class Appending:
    """One command. `size` is the octets of the literal that follows the steps read last, -1 for none."""

    __slots__ = ("_at", "_count", "_mailbox", "_open", "_replaces", "_uid", "given", "size", "tag", "verb")

    def __init__(self, tag: str, verb: str) -> None:
        self.tag = tag
        self.verb = verb
        self.size = -1
        self.given = False  # the session knows of this command
        self._mailbox = ""
        self._replaces: numbers.Numbers | None = None
        self._uid = verb.startswith("UID ")
        self._count = 0
        self._open = ""  # what parenthesis is open
        self._at = 0  # parts of the CATENATE so far

    def begin(self, scanner: Scanner, limit: int) -> list[Step]:
        """The arguments from behind the verb to the first literal."""
        scanner.space()
        if self.verb != "APPEND":
            self._replaces = self._replaced(scanner)
            scanner.space()
        self._mailbox = scanner.mailbox()
        return self.read(scanner, limit)

    def _replaced(self, scanner: Scanner) -> numbers.Numbers:
        if scanner.take(b"*"):
            return numbers.Numbers(((numbers.STAR, numbers.STAR),))
        number = scanner.number("The message to replace", 1, numbers.MOST)
        return numbers.Numbers(((number, number),))

    def read(self, scanner: Scanner, limit: int) -> list[Step]:
        """What comes up to the next literal of a message, or to the end. `limit`: octets of a message, 0 for none."""
        before = (self._count, self._open, self._at)
        try:
            return self._read(scanner, limit)
        except Exception:
            self._count, self._open, self._at = before  # Incomplete: it is read once more
            raise

    def _read(self, scanner: Scanner, limit: int) -> list[Step]:
        steps: list[Step] = []
        self.size = -1
        while self.size < 0:
            if self._open and scanner.take(b")"):
                self._open = ""
            elif self._open == _UTF8:
                raise Bad("A closing parenthesis is missing")
            elif self._open == _CATENATE:
                steps.append(self._part(scanner))
            elif scanner.over and self._count:
                return [*steps, events.AppendEnd(self.tag)]
            elif self._count and self.verb != "APPEND":
                raise Bad("REPLACE takes one message")
            else:
                scanner.space()
                steps.append(self._message(scanner))
            if limit and self.size > limit:
                raise Bad(f"A message may have {limit} octets", "NO", "TOOBIG", "size")
        return steps

    def _message(self, scanner: Scanner) -> events.Append:
        flags: tuple[str, ...] = ()
        internal, zone = None, 0
        if scanner.ahead(b"("):
            flags = scanner.flags()
            scanner.space()
        if scanner.ahead(b'"'):
            internal, zone = dates.moment(scanner)
            scanner.space()
        if scanner.data[scanner.at : scanner.at + 4].upper() == b"UTF8":
            scanner.at += 4
            self._open = _UTF8
        elif scanner.data[scanner.at : scanner.at + 8].upper() == b"CATENATE":
            scanner.at += 8
            self._open, self._at = _CATENATE, 0
        if self._open:
            scanner.need(b" (", f"{self._open} takes parentheses")
        binary = scanner.ahead(b"~")
        if self._open == _UTF8 and not binary:
            raise Bad("UTF8 takes a literal8")
        if self._open != _CATENATE:
            self.size = self._literal(scanner)
        self._count += 1
        return events.Append(
            self.tag, self._mailbox, self.size, flags, internal, zone, binary, self._open == _UTF8,
            self._count == 1, self._open == _CATENATE, self._replaces, self._uid,
        )  # fmt: skip

    def _literal(self, scanner: Scanner) -> int:
        found = _MARK(scanner.data, scanner.at)
        if found is None:
            raise Bad("The message has to come as a literal")
        scanner.at = found.end()
        size = int(found[2])
        if size > NUMBER64:
            raise Bad("The message is too large", "NO", "TOOBIG", "size")
        return size

    def _part(self, scanner: Scanner) -> events.Text | events.Url:
        if self._at:
            scanner.space()
        word = scanner.word("TEXT or URL")
        scanner.space()
        if word == "TEXT":
            size = self._literal(scanner)
            self._at += 1
            self.size = size
            return events.Text(self.tag, size)
        if word != "URL":
            raise Bad("CATENATE takes TEXT and URL")
        url = scanner.text("A URL")
        self._at += 1
        return self._url(url)

    def _url(self, url: str) -> events.Url:
        found = _URL(url)
        if found is None or not url.isascii() or not url.isprintable():
            raise Bad("That URL names no message here", "NO", codes.badurl("".join(filter(str.isprintable, url[:200]))))
        try:
            mailbox = names.decode(unquote_to_bytes(found["box"]), utf8=True)
            section = unquote_to_bytes(found["section"] or "").decode("ascii")
        except ValueError:
            raise Bad("That URL names no message here", "NO", codes.badurl(url[:200])) from None
        first, count = found["first"], found["count"]
        return events.Url(
            self.tag, url, mailbox, int(found["uid"]), int(found["validity"] or 0), section.upper(),
            int(first or 0), int(count) if count else -1,
        )  # fmt: skip
