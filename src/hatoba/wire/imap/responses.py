"""What our server says, as values that write themselves to bytes.

Made by doors.imap and by the grammar of this room (faults); written by wire.imap.server.
Never lets a CR or LF of a text onto the wire: each control character becomes "?", non-ASCII too unless UTF-8 is on.
Values cannot fail; sizes of streamed bodies are checked while they are written (fetched.py).

Each has `wire(utf8)`: utf8 is whether the client has enabled UTF8=ACCEPT or IMAP4rev2.  # RFC 9051 §7
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Final

import msgspec

from hatoba.model.numbers import Numbers
from hatoba.wire.imap import results, rights, strings

ESearch = results.ESearch
Search = results.Search
Thread = results.Thread
Quota = rights.Quota
QuotaRoot = rights.QuotaRoot
Acl = rights.Acl
ListRights = rights.ListRights
MyRights = rights.MyRights
Metadata = rights.Metadata

_UNSAFE = re.compile(r"[^ -~]").sub
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]").sub


def _said(status: str, code: str, text: str, utf8: bool) -> bytes:
    words = f"{status} [{code}] {text or 'Done'}" if code else f"{status} {text or 'Done'}"
    if words.isascii() and words.isprintable():
        return words.encode()
    return (_CONTROL if utf8 else _UNSAFE)("?", words).encode("utf-8", "replace")


class Tagged(msgspec.Struct, frozen=True, gc=False):
    """The end of a command: `status` "OK", "NO", "BAD"; `code` without brackets (codes.py); `then` "tls" or "close"."""

    tag: str
    status: str
    text: str
    code: str = ""
    then: str = ""

    def wire(self, utf8: bool) -> bytes:
        return b"%b %b\r\n" % (self.tag.encode(), _said(self.status, self.code, self.text, utf8))


class Untagged(msgspec.Struct, frozen=True, gc=False):
    """* OK, NO, BAD, BYE or PREAUTH: a greeting, a code on its own, a warning."""

    status: str
    text: str
    code: str = ""

    def wire(self, utf8: bool) -> bytes:
        return b"* %b\r\n" % _said(self.status, self.code, self.text, utf8)


class Closing(msgspec.Struct, frozen=True, gc=False):
    """An answer, a BYE before it where it is tagged, and the end of the connection."""

    answer: Tagged | Untagged
    bye: str

    @property
    def then(self) -> str:
        return "close"

    def wire(self, utf8: bool) -> bytes:
        bye = b"* %b\r\n" % _said("BYE", "", self.bye, utf8)
        answer = self.answer.wire(utf8)
        return bye + answer if isinstance(self.answer, Tagged) else answer + bye


class Continue(msgspec.Struct, frozen=True, gc=False):
    """+ and a text: go on with the literal, or with IDLE. Behind a non-synchronising literal nothing is written."""

    text: str

    def wire(self, utf8: bool) -> bytes:
        return b"+ %b\r\n" % _UNSAFE("?", self.text).encode()


GO_AHEAD: Final = Continue("Go ahead")


class Challenge(msgspec.Struct, frozen=True, gc=False):
    """+ and base64: a SASL challenge."""

    data: bytes

    def wire(self, utf8: bool) -> bytes:
        return b"+ %b\r\n" % base64.b64encode(self.data)


# Data about the server and the account


class Capability(msgspec.Struct, frozen=True, gc=False):
    names: Sequence[str]

    def wire(self, utf8: bool) -> bytes:
        return f"* CAPABILITY {' '.join(self.names)}\r\n".encode()


class Enabled(msgspec.Struct, frozen=True, gc=False):
    names: Sequence[str]

    def wire(self, utf8: bool) -> bytes:
        return f"* ENABLED {' '.join(self.names)}".rstrip().encode() + b"\r\n"


class Id(msgspec.Struct, frozen=True, gc=False):
    """Our own ID fields; () is NIL."""

    fields: Sequence[tuple[str, str | None]] = ()

    def wire(self, utf8: bool) -> bytes:
        flat = [strings.nstring(None if word is None else word.encode(), utf8) for pair in self.fields for word in pair]
        return b"* ID %b\r\n" % (strings.listed(flat) if flat else strings.NIL)


class Namespace(msgspec.Struct, frozen=True, gc=False):
    """Each a list of (prefix, delimiter), () for NIL."""

    personal: Sequence[tuple[str, str]] = (("", "/"),)
    others: Sequence[tuple[str, str]] = ()
    shared: Sequence[tuple[str, str]] = ()

    def wire(self, utf8: bool) -> bytes:
        kinds = [self._kind(kind, utf8) for kind in (self.personal, self.others, self.shared)]
        return b"* NAMESPACE %b\r\n" % b" ".join(kinds)

    @staticmethod
    def _kind(kind: Sequence[tuple[str, str]], utf8: bool) -> bytes:
        if not kind:
            return strings.NIL
        pairs = [b'(%b "%b")' % (_quoted_name(prefix, utf8), delimiter.encode()) for prefix, delimiter in kind]
        return b"(%b)" % b"".join(pairs)


def _quoted_name(name: str, utf8: bool) -> bytes:
    written = strings.mailbox(name, utf8)
    return written if written[:1] in b'"{' else b'"%b"' % written


# Data about mailboxes


class List(msgspec.Struct, frozen=True, gc=False):
    """One line of LIST. `attributes` as IMAP writes them; `childinfo`: option names; `oldname` "": none."""

    attributes: Sequence[str]
    mailbox: str
    delimiter: str = "/"
    childinfo: Sequence[str] = ()
    oldname: str = ""

    def wire(self, utf8: bool) -> bytes:
        extended = []
        if self.childinfo:
            quoted = [b'"%b"' % option.encode() for option in self.childinfo]
            extended.append(b'"CHILDINFO" %b' % strings.listed(quoted))
        if self.oldname:
            extended.append(b'"OLDNAME" (%b)' % strings.mailbox(self.oldname, utf8))
        tail = b" (%b)" % b" ".join(extended) if extended else b""
        return _list_line(b"LIST", self.attributes, self.delimiter, self.mailbox, tail, utf8)


class Lsub(msgspec.Struct, frozen=True, gc=False):
    """One line of LSUB.  # RFC 3501 §7.2.3"""

    attributes: Sequence[str]
    mailbox: str
    delimiter: str = "/"

    def wire(self, utf8: bool) -> bytes:
        return _list_line(b"LSUB", self.attributes, self.delimiter, self.mailbox, b"", utf8)


def _list_line(verb: bytes, attributes: Sequence[str], delimiter: str, mailbox: str, tail: bytes, utf8: bool) -> bytes:
    quoted = b'"%b"' % delimiter.encode() if delimiter else strings.NIL
    name = strings.mailbox(mailbox, utf8) if mailbox else b'""'
    return b"* %b %b %b %b%b\r\n" % (verb, strings.flags(attributes), quoted, name, tail)


class MailboxStatus(msgspec.Struct, frozen=True, gc=False):
    """STATUS: item names in capitals with numbers, ids (str, written in parentheses) or None for NIL."""

    mailbox: str
    items: Sequence[tuple[str, int | str | None]]

    def wire(self, utf8: bool) -> bytes:
        words = [f"{name} {_status_value(value)}" for name, value in self.items]
        return b"* STATUS %b (%b)\r\n" % (strings.mailbox(self.mailbox, utf8), " ".join(words).encode())


def _status_value(value: int | str | None) -> str:
    return "NIL" if value is None else f"({value})" if isinstance(value, str) else str(value)


# Data about the selected mailbox


class Flags(msgspec.Struct, frozen=True, gc=False):
    flags: Sequence[str]

    def wire(self, utf8: bool) -> bytes:
        return b"* FLAGS %b\r\n" % strings.flags(self.flags)


class Exists(msgspec.Struct, frozen=True, gc=False):
    count: int

    def wire(self, utf8: bool) -> bytes:
        return b"* %d EXISTS\r\n" % self.count


class Recent(msgspec.Struct, frozen=True, gc=False):
    count: int

    def wire(self, utf8: bool) -> bytes:
        return b"* %d RECENT\r\n" % self.count


class Expunge(msgspec.Struct, frozen=True, gc=False):
    number: int

    def wire(self, utf8: bool) -> bytes:
        return b"* %d EXPUNGE\r\n" % self.number


class Vanished(msgspec.Struct, frozen=True, gc=False):
    """VANISHED; `earlier` in the answer to QRESYNC and to a FETCH with VANISHED.  # RFC 7162 §3.2.10"""

    uids: Numbers
    earlier: bool = False

    def wire(self, utf8: bool) -> bytes:
        return f"* VANISHED {'(EARLIER) ' if self.earlier else ''}{self.uids}\r\n".encode()


Answer = (
    Tagged | Untagged | Closing | Continue | Challenge | Capability | Enabled | Id | Namespace | List | Lsub
    | MailboxStatus | Quota | QuotaRoot | Acl | ListRights | MyRights | Metadata | Flags | Exists | Recent | Expunge
    | Vanished | Search | ESearch | Thread
)  # fmt: skip
