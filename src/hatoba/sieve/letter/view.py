"""View: one letter as a script sees it, with the fields that the script itself has added and deleted.

Made by the machine for one run; asked by the tests, changed by addheader and deleteheader.
Never changes the octets it was given: edits are gathered, whoever delivers carries them out. # RFC 5293 §4, §5
Fails never; a field that cannot be read has the value that can be.
"""

import functools
import re

from hatoba.message import fields, headers, mailbox, words
from hatoba.model import edits
from hatoba.sieve.letter import tree
from hatoba.sieve.limits import Limits

FIELD_NAME = re.compile(r"[!-9;-~]{1,200}")  # RFC 5322 §3.6.8
# Fields that hold addresses, and what else is called like them: no other is looked into for some. # RFC 5228 §5.1
_ADDRESSES = re.compile(r"(?!in-reply-to$)(?:.+-)?(?:from|to|cc|bcc|sender|path|recipient|by)", re.IGNORECASE)


def of_addresses(name: str) -> bool:
    """Whether fields of this name can hold addresses."""
    return _ADDRESSES.fullmatch(name) is not None


class View:
    """`size` is what the letter has in octets; `edits` what was changed so far."""

    def __init__(self, content: bytes, limits: Limits, size: int = 0) -> None:
        self.content = content
        self.size = size or len(content)
        self.limits = limits
        self.edits: tuple[edits.FieldEdit, ...] = ()
        self.head = headers.scan(content)
        # What was read once: scripts ask for the same few fields again and again.
        self._fields: dict[str, list[bytes]] = {}
        self._decoded: dict[bytes, str] = {}
        self._mailboxes: dict[bytes, list[mailbox.Mailbox]] = {}

    @functools.cached_property
    def root(self) -> tree.Part:
        """The tree of parts; its root shows the header as edited."""
        root = tree.read(self.content, self.limits)
        root.head = self.head
        return root

    def within(self, part: tree.Part) -> "View":
        """A part as though it were the whole letter. # RFC 6609 §3.5"""
        return View(part.content, self.limits)

    def values(self, name: str) -> list[str]:
        """The decoded values of the letter's fields of this name."""
        return [self.decoded(value) for value in self.octets(name)]

    def octets(self, name: str, part: tree.Part | None = None) -> list[bytes]:
        """The fields of this name as they stand, but unfolded and cut at the limit; of the letter or of one part."""
        found = self._fields.get(name) if part is None else None
        if found is None:
            found = self._named(name, self.head if part is None else part.head)
            if part is None:
                self._fields[name] = found
        return found

    def _named(self, name: str, head: headers.Headers) -> list[bytes]:
        if not FIELD_NAME.fullmatch(name):  # RFC 5228 §2.4.2.2: no field is called so
            return []
        return [value[: self.limits.field] for value in head.all(name.lower().encode("ascii"))]

    def decoded(self, value: bytes) -> str:
        """A field as tests see it. # RFC 5228 §2.7.2"""
        found = self._decoded.get(value)
        if found is None:
            found = self._decoded[value] = words.decode(value)
        return found

    def has(self, name: str) -> bool:
        return bool(self.octets(name))

    def mailboxes(self, value: bytes) -> list[mailbox.Mailbox]:
        """The mailboxes of a field; each field is read once."""
        found = self._mailboxes.get(value)
        if found is None:
            found = self._mailboxes[value] = mailbox.listed(words.raw(value))
        return found

    def change(self, *wanted: edits.FieldEdit) -> None:
        """What a script changes; tests behind it see it."""
        self.edits += wanted
        self._fields.clear()
        block = fields.changed(self.head.block, wanted)
        self.head = headers.Headers(b"".join(block), self.head.end)
        if "root" in self.__dict__:
            self.root.head = self.head

    def recipients(self) -> set[str]:
        """Every address the letter says it is for, in lower case. # RFC 5230 §4.5"""
        names = ("to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc")
        values = [value for name in names for value in self.octets(name)]
        return {plain(box) for value in values for box in self.mailboxes(value)}


def plain(box: mailbox.Mailbox) -> str:
    """A mailbox as addresses are compared with each other."""
    return f"{box.local}@{box.domain}".lower()
