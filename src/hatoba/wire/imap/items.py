"""Items: the values that stand inside commands: what FETCH asks for, what SEARCH returns, what NOTIFY watches.

Made by the grammar of this room, read by doors.imap.
Never evaluates anything and never knows a message.
Values cannot fail; a wrong one is refused by the grammar before it is made.
"""

from __future__ import annotations

from typing import Final

import msgspec

from hatoba.model.numbers import Numbers


class Attribute(msgspec.Struct, frozen=True, gc=False):
    """A FETCH item without arguments, in capitals: one of ATTRIBUTES. Macros come expanded.

    # RFC 9051 §6.4.5, RFC 7162 §3.1.4, RFC 8474 §5, RFC 8514 §4.1
    """

    name: str


ATTRIBUTES: Final = frozenset(
    ("UID", "FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY", "BODYSTRUCTURE", "MODSEQ", "EMAILID",
     "THREADID", "SAVEDATE")
)  # fmt: skip


class Preview(msgspec.Struct, frozen=True, gc=False):
    """PREVIEW. `lazy`: NIL will do where none is at hand.  # RFC 8970 §3.1"""

    lazy: bool = False


class Section(msgspec.Struct, frozen=True, gc=False):
    """Octets of a message: BODY[...], BINARY[...], RFC822 and their like.

    `number` is the part ("1.2", "" for the message), `text` what of it: "" (all), "HEADER", "HEADER.FIELDS",
    "HEADER.FIELDS.NOT", "TEXT", "MIME". `kind`: "BODY", "BINARY" (decoded) or "BINARY.SIZE" (the decoded size, a
    number). `label` is the name the answer carries, origin octet included: b"BODY[1.2]<0>". Not `peek`: \\Seen is
    set.  # RFC 9051 §6.4.5
    """

    label: bytes
    number: str = ""
    text: str = ""
    fields: tuple[str, ...] = ()  # of HEADER.FIELDS and HEADER.FIELDS.NOT, as the client wrote them
    kind: str = "BODY"
    peek: bool = False
    first: int = 0  # of a partial fetch: from this octet on ...
    count: int = -1  # ... so many; -1: all


Item = Attribute | Preview | Section


class Returns(msgspec.Struct, frozen=True, gc=False):
    """RETURN (...) of SEARCH and SORT. Empty parentheses come as `all`.

    `partial` is (first, last) in 1-based places of the result, both negative when counted from its end.
    # RFC 9051 §6.4.4, RFC 5267 §4, RFC 9394 §3.1, RFC 6203 §4
    """

    min: bool = False
    max: bool = False
    all: bool = False
    count: bool = False
    save: bool = False
    relevancy: bool = False
    update: bool = False
    context: bool = False
    partial: tuple[int, int] | None = None


class Qresync(msgspec.Struct, frozen=True, gc=False):
    """QRESYNC parameter of SELECT.  # RFC 7162 §3.2.5

    `known` are the UIDs the client has (None: all); `sequences` and `uids` are the optional match data.
    """

    validity: int
    modseq: int
    known: Numbers | None = None
    sequences: Numbers | None = None
    uids: Numbers | None = None


class EventGroup(msgspec.Struct, frozen=True, gc=False):
    """One filter and its events of NOTIFY SET.  # RFC 5465 §5, §6

    `which`: "SELECTED", "SELECTED-DELAYED", "INBOXES", "PERSONAL", "SUBSCRIBED", "SUBTREE", "MAILBOXES"; the last two
    with `mailboxes`. `events` in RFC 5465's spelling ("MessageNew" …), () for NONE; `items`: what MessageNew fetches.
    """

    which: str
    mailboxes: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    items: tuple[Item, ...] = ()
