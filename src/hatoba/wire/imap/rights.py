"""Rights: what QUOTA, ACL and METADATA answer with, as values that write themselves to bytes.

Made by doors.imap; part of responses.
Never knows what anybody may do, nor how much is used.
Values cannot fail.  # RFC 9208 §4.2, RFC 4314 §3.6, RFC 5464 §4.4
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hatoba.wire.imap import strings


class Quota(msgspec.Struct, frozen=True, gc=False):
    """QUOTA: (resource, usage, limit) of one root; STORAGE in units of 1024 octets.  # RFC 9208 §4.2.1"""

    root: str
    resources: Sequence[tuple[str, int, int]]

    def wire(self, utf8: bool) -> bytes:
        words = " ".join(f"{name} {usage} {limit}" for name, usage, limit in self.resources)
        return b"* QUOTA %b (%b)\r\n" % (strings.string(self.root.encode(), utf8), words.encode())


class QuotaRoot(msgspec.Struct, frozen=True, gc=False):
    mailbox: str
    roots: Sequence[str]

    def wire(self, utf8: bool) -> bytes:
        roots = [b" " + strings.string(root.encode(), utf8) for root in self.roots]
        return b"* QUOTAROOT %b%b\r\n" % (strings.mailbox(self.mailbox, utf8), b"".join(roots))


class Acl(msgspec.Struct, frozen=True, gc=False):
    """ACL: (identifier, rights) pairs.  # RFC 4314 §3.6"""

    mailbox: str
    rights: Sequence[tuple[str, str]]

    def wire(self, utf8: bool) -> bytes:
        pairs = [b" %b %b" % (_word(who, utf8), _word(letters, utf8)) for who, letters in self.rights]
        return b"* ACL %b%b\r\n" % (strings.mailbox(self.mailbox, utf8), b"".join(pairs))


class ListRights(msgspec.Struct, frozen=True, gc=False):
    """LISTRIGHTS: those always granted, and groups of which each may be.  # RFC 4314 §3.7"""

    mailbox: str
    identifier: str
    required: str
    optional: Sequence[str]

    def wire(self, utf8: bool) -> bytes:
        words = [_word(word, utf8) for word in (self.identifier, self.required, *self.optional)]
        return b"* LISTRIGHTS %b %b\r\n" % (strings.mailbox(self.mailbox, utf8), b" ".join(words))


class MyRights(msgspec.Struct, frozen=True, gc=False):
    mailbox: str
    rights: str

    def wire(self, utf8: bool) -> bytes:
        return b"* MYRIGHTS %b %b\r\n" % (strings.mailbox(self.mailbox, utf8), _word(self.rights, utf8))


def _word(word: str, utf8: bool) -> bytes:
    return strings.astring(word.encode(), utf8)


class Metadata(msgspec.Struct, frozen=True, gc=False):
    """METADATA with values (None: NIL), or, `changed`, the names of entries that have changed.  # RFC 5464 §4.4"""

    mailbox: str
    entries: Sequence[tuple[str, bytes | None]] = ()
    changed: Sequence[str] = ()

    def wire(self, utf8: bool) -> bytes:
        name = strings.mailbox(self.mailbox, utf8) if self.mailbox else b'""'
        if self.changed:
            return b"* METADATA %b %b\r\n" % (name, b" ".join(_word(entry, utf8) for entry in self.changed))
        pairs = [b"%b %b" % (_word(entry, utf8), strings.nstring(value, utf8)) for entry, value in self.entries]
        return b"* METADATA %b %b\r\n" % (name, strings.listed(pairs))
