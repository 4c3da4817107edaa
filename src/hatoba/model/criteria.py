"""Criteria: what a search asks for, as a tree of values: IMAP's search keys without their grammar.

Made by wire.imap from SEARCH, SORT, THREAD and NOTIFY; answered by mailboxes.search with what store knows.
Never evaluates anything.
Fails with nothing: it is data.  # RFC 9051 §6.4.4
"""

from __future__ import annotations

import msgspec

from hatoba.model.numbers import Numbers


class All(msgspec.Struct, frozen=True, tag=True):
    """Every message."""


class Flagged(msgspec.Struct, frozen=True, tag=True):
    r"""Has the flag or keyword: "\Seen", "\Deleted", "$Forwarded" … UNSEEN is Not(Flagged("\Seen"))."""

    flag: str


class Recent(msgspec.Struct, frozen=True, tag=True):
    """RECENT of IMAP4rev1: this session was the first to be told. NEW is And(Recent, unseen), OLD is Not(Recent)."""


class Text(msgspec.Struct, frozen=True, tag=True):
    """`needle` (decoded, as typed) is a substring, without case, of: "from" "to" "cc" "bcc" "subject" "body" "text"."""

    where: str
    needle: str
    fuzzy: bool = False  # RFC 6203


class Header(msgspec.Struct, frozen=True, tag=True):
    """A field `name` exists whose value holds `needle` ("" for any value)."""

    name: str
    needle: str


class Dated(msgspec.Struct, frozen=True, tag=True):
    """`which`: "internal" "sent" "saved"; `when`: "before" "on" "since"; `day` is date.toordinal(), no zone."""

    which: str
    when: str
    day: int


class Within(msgspec.Struct, frozen=True, tag=True):
    """INTERNALDATE not older ("younger") or older than so many seconds before now.  # RFC 5032"""

    older: bool
    seconds: int


class Size(msgspec.Struct, frozen=True, tag=True):
    """RFC822.SIZE above ("larger") or below `octets`."""

    larger: bool
    octets: int


class Modseq(msgspec.Struct, frozen=True, tag=True):
    """MODSEQ at least so much.  # RFC 7162 §3.1.5"""

    least: int


class Sequence(msgspec.Struct, frozen=True, tag=True):
    """Among these: UIDs or message sequence numbers."""

    numbers: Numbers
    uid: bool


class Saved(msgspec.Struct, frozen=True, tag=True):
    """Among the result saved last: "$".  # RFC 5182"""


class ObjectId(msgspec.Struct, frozen=True, tag=True):
    """EMAILID or THREADID is this.  # RFC 8474 §6"""

    thread: bool
    id: str


class SaveDateSupported(msgspec.Struct, frozen=True, tag=True):
    """The mailbox keeps SAVEDATE: ours all do.  # RFC 8514"""


class Not(msgspec.Struct, frozen=True, tag=True):
    key: Key


class Or(msgspec.Struct, frozen=True, tag=True):
    first: Key
    second: Key


class And(msgspec.Struct, frozen=True, tag=True):
    keys: tuple[Key, ...]


Key = (
    All | Flagged | Recent | Text | Header | Dated | Within | Size | Modseq | Sequence | Saved | ObjectId
    | SaveDateSupported | Not | Or | And
)  # fmt: skip
