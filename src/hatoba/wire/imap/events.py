"""What a client says to our server, in the RFC's own words.

Made by wire.imap.server, answered by doors.imap.
Never carries a decision: an event is grammatical, allowed in its state and covered by the offer, nothing more.
Values cannot fail; what is wrong arrives as `Malformed` with the answer it deserves.

Mailbox names are str: "/" between levels, INBOX in capitals, NFC, modified UTF-7 undone. `numbers` None is "$", the
result saved last (RFC 5182). `uid`: the numbers are UIDs, and so are the answer's.  # RFC 9051 §6, RFC 3501 §6
"""
# data table

from __future__ import annotations

import msgspec

from hatoba.model.criteria import Key
from hatoba.model.numbers import Numbers
from hatoba.wire.imap.items import EventGroup, Item, Qresync, Returns
from hatoba.wire.imap.responses import Closing, Continue, Tagged, Untagged


class Command(msgspec.Struct, frozen=True, gc=False):
    """Every command has a tag, which its `Tagged` answer repeats."""

    tag: str


# What may not be said, and what needs no thought


class Malformed(msgspec.Struct, frozen=True, gc=False):
    """Something the client may not say. Answer with `reply`.

    `kind`: "syntax", "state" (not now), "unknown" (no such command), "line" (too long, NUL, bare CR or LF), "size" (a
    literal too large), "name" (no mailbox name), "injection" (plaintext behind STARTTLS). A `Closing` reply ends the
    connection: too many of these.
    """

    reply: Tagged | Untagged | Closing
    kind: str


class Proceed(msgspec.Struct, frozen=True, gc=False):
    """A literal of a command waits for our word: answer with `reply`, always.  # RFC 9051 §4.3"""

    reply: Continue


# Any state


class Capability(Command, frozen=True, gc=False):
    """CAPABILITY: answer with responses.Capability(engine.capabilities()) and a Tagged."""


class Noop(Command, frozen=True, gc=False):
    """NOOP: the moment to tell what has changed."""


class Logout(Command, frozen=True, gc=False):
    """LOGOUT: answer Bye and a Tagged OK; the engine is closed after it."""


class Id(Command, frozen=True, gc=False):
    """ID: pairs as the client wrote them, () for NIL.  # RFC 2971"""

    fields: tuple[tuple[str, str | None], ...] = ()


# Not authenticated


class StartTls(Command, frozen=True, gc=False):
    """STARTTLS with nothing behind it: answer Tagged OK with then="tls"."""


class Authenticate(Command, frozen=True, gc=False):
    """AUTHENTICATE with an offered mechanism, in capitals: answer Challenge or Tagged.

    `initial` None: no initial response; b"" is an empty one ("=").  # RFC 4959
    """

    mechanism: str
    initial: bytes | None = None


class Response(Command, frozen=True, gc=False):
    """A response to a challenge, base64 decoded; None: the client cancelled with "*" (answer BAD)."""

    data: bytes | None


class Login(Command, frozen=True, gc=False):
    """LOGIN, where the offer allows it. `password` as typed."""

    name: str
    password: str

    def __repr__(self) -> str:
        return f"Login(tag={self.tag!r}, name={self.name!r}, password='***')"


# Authenticated


class Enable(Command, frozen=True, gc=False):
    """ENABLE: the offered of the names, in capitals, some perhaps enabled before.

    Answer responses.Enabled(names) and Tagged OK: with the OK the engine has enabled them.  # RFC 5161
    """

    names: tuple[str, ...]


class Select(Command, frozen=True, gc=False):
    """SELECT, or EXAMINE when `examine`. A Tagged NO leaves nothing selected.  # RFC 9051 §6.3.2"""

    mailbox: str
    examine: bool = False
    condstore: bool = False  # RFC 7162 §3.1.8
    qresync: Qresync | None = None


class Create(Command, frozen=True, gc=False):
    """CREATE; a "/" at the end is taken off. `uses` are special uses as written, "\\\\Sent".  # RFC 6154 §3"""

    mailbox: str
    uses: tuple[str, ...] = ()


class Delete(Command, frozen=True, gc=False):
    mailbox: str


class Rename(Command, frozen=True, gc=False):
    mailbox: str
    to: str


class Subscribe(Command, frozen=True, gc=False):
    mailbox: str


class Unsubscribe(Command, frozen=True, gc=False):
    mailbox: str


class List(Command, frozen=True, gc=False):
    """LIST, plain or extended.  # RFC 9051 §6.3.9, RFC 5819, RFC 6154, RFC 8440, RFC 9590

    `select` and `returns` hold option names in capitals; `status` the items of RETURN (STATUS ...), `metadata` the
    entries of RETURN (METADATA ...). A plain LIST ("extended" false) with the pattern "" asks for the delimiter.
    """

    reference: str
    patterns: tuple[str, ...]
    select: frozenset[str] = frozenset()
    returns: frozenset[str] = frozenset()
    status: tuple[str, ...] = ()
    metadata: tuple[str, ...] = ()
    extended: bool = False


class Lsub(Command, frozen=True, gc=False):
    """LSUB of IMAP4rev1.  # RFC 3501 §6.3.9"""

    reference: str
    pattern: str


class Namespace(Command, frozen=True, gc=False):
    """NAMESPACE.  # RFC 9051 §6.3.10"""


class Status(Command, frozen=True, gc=False):
    """STATUS; items in capitals, known ones only.  # RFC 9051 §6.3.11"""

    mailbox: str
    items: tuple[str, ...]


class Idle(Command, frozen=True, gc=False):
    """IDLE: answer Continue("idling") and push what changes, until Done; or Tagged NO.  # RFC 2177"""


class Done(Command, frozen=True, gc=False):
    """DONE, the end of IDLE (`tag` is IDLE's): answer Tagged."""


class Notify(Command, frozen=True, gc=False):
    """NOTIFY SET, or NOTIFY NONE when `groups` is (). `status`: tell STATUS of all now.  # RFC 5465"""

    groups: tuple[EventGroup, ...] = ()
    status: bool = False


class Compress(Command, frozen=True, gc=False):
    """COMPRESS DEFLATE: answer Tagged OK; everything behind it is deflated both ways.  # RFC 4978"""


class Unauthenticate(Command, frozen=True, gc=False):
    """UNAUTHENTICATE: answer Tagged OK; the engine is as before LOGIN.  # RFC 8437"""


class GetQuota(Command, frozen=True, gc=False):
    root: str


class GetQuotaRoot(Command, frozen=True, gc=False):
    mailbox: str


class SetQuota(Command, frozen=True, gc=False):
    """SETQUOTA: resource names in capitals with their limits.  # RFC 9208 §4.1.3"""

    root: str
    limits: tuple[tuple[str, int], ...]


class GetAcl(Command, frozen=True, gc=False):
    mailbox: str


class MyRights(Command, frozen=True, gc=False):
    mailbox: str


class ListRights(Command, frozen=True, gc=False):
    mailbox: str
    identifier: str


class SetAcl(Command, frozen=True, gc=False):
    """SETACL: `mode` "+", "-" or "" (replace); `rights` are single letters, "c" and "d" as written.  # RFC 4314 §3.1"""

    mailbox: str
    identifier: str
    mode: str
    rights: str


class DeleteAcl(Command, frozen=True, gc=False):
    mailbox: str
    identifier: str


class GetMetadata(Command, frozen=True, gc=False):
    """GETMETADATA: entries in lower case; `mailbox` "" is the server. `depth`: 0, 1 or -1 (infinity).  # RFC 5464"""

    mailbox: str
    entries: tuple[str, ...]
    depth: int = 0
    maxsize: int = -1  # -1: none


class SetMetadata(Command, frozen=True, gc=False):
    """SETMETADATA: values None are NIL, which removes.  # RFC 5464 §4.3"""

    mailbox: str
    entries: tuple[tuple[str, bytes | None], ...]


# APPEND and REPLACE: Append, Piece ..., (Append, Piece ...) ..., AppendEnd


class Append(Command, frozen=True, gc=False):
    """A message is about to come. Answer GO_AHEAD, or Tagged NO/BAD, which ends the whole command (no AppendEnd).

    The first of a command has `first`; more of them follow with MULTIAPPEND. `size` is the literal's, 0 perhaps; -1
    with `catenate`: then Text and Url come in place of the literal, up to the next Append or AppendEnd.
    REPLACE is one with `replaces` (a number; `uid` says which).  # RFC 9051 §6.3.12, RFC 3502, RFC 4469, RFC 8508
    """

    mailbox: str
    size: int
    flags: tuple[str, ...] = ()
    internal: int | None = None  # ms since 1970
    zone: int = 0  # of the date the client gave, minutes east
    binary: bool = False  # literal8: NULs may stand in it  # RFC 3516 §4.4
    utf8: bool = False  # RFC 6855 §4
    first: bool = True
    catenate: bool = False
    replaces: Numbers | None = None
    uid: bool = False


class Text(Command, frozen=True, gc=False):
    """CATENATE's TEXT of so many octets: answer as Append.  # RFC 4469 §3"""

    size: int


class Url(Command, frozen=True, gc=False):
    """CATENATE's URL: answer GO_AHEAD, or Tagged NO with the code BADURL.  # RFC 4469 §3, RFC 5092

    `mailbox` "" is the selected one; `validity` 0: none given; `section` None: the whole message.
    """

    url: str
    mailbox: str
    uid: int
    validity: int = 0
    section: str = ""  # as in BODY[...]
    first: int = 0
    count: int = -1


class Piece(msgspec.Struct, frozen=True, gc=False):
    """Octets of the message or text at hand. Nothing to answer: the engine is not paused, ask for the next event."""

    data: bytes


class AppendEnd(Command, frozen=True, gc=False):
    """The command is complete: answer Tagged. `fault`: it broke off; answer with it, nothing is to be kept."""

    fault: Tagged | Closing | None = None


# Selected


class Check(Command, frozen=True, gc=False):
    """CHECK of IMAP4rev1.  # RFC 3501 §6.4.1"""


class Close(Command, frozen=True, gc=False):
    """CLOSE: \\Deleted messages go, silently."""


class Unselect(Command, frozen=True, gc=False):
    """UNSELECT: nothing goes.  # RFC 9051 §6.4.2"""


class Expunge(Command, frozen=True, gc=False):
    """EXPUNGE, or UID EXPUNGE of `numbers` when `uid`.  # RFC 4315 §2.1"""

    numbers: Numbers | None = None
    uid: bool = False


class Search(Command, frozen=True, gc=False):
    """SEARCH. `returns` None: no RETURN was written.  # RFC 9051 §6.4.4"""

    key: Key
    uid: bool = False
    returns: Returns | None = None


class Sort(Command, frozen=True, gc=False):
    """SORT: criteria in capitals with whether each is REVERSE: (("SUBJECT", True), ("DATE", False)).  # RFC 5256"""

    criteria: tuple[tuple[str, bool], ...]
    key: Key
    uid: bool = False
    returns: Returns | None = None  # RFC 5267 §3


class Thread(Command, frozen=True, gc=False):
    """THREAD: `algorithm` is offered, in capitals.  # RFC 5256"""

    algorithm: str
    key: Key
    uid: bool = False


class CancelUpdate(Command, frozen=True, gc=False):
    """CANCELUPDATE of searches by their tags.  # RFC 5267 §4.3.3"""

    tags: tuple[str, ...]


class Fetch(Command, frozen=True, gc=False):
    """FETCH. With `uid` the items hold UID.  # RFC 9051 §6.4.5

    `changed_since` -1: none; `vanished` only with it (RFC 7162 §3.2.6); `partial` as in Returns (RFC 9394 §3.3).
    """

    numbers: Numbers | None
    items: tuple[Item, ...]
    uid: bool = False
    changed_since: int = -1
    vanished: bool = False
    partial: tuple[int, int] | None = None


class Store(Command, frozen=True, gc=False):
    """STORE: `mode` "+", "-" or "" (replace). `unchanged_since` -1: none (RFC 7162 §3.1.3)."""

    numbers: Numbers | None
    mode: str
    flags: tuple[str, ...]
    silent: bool = False
    uid: bool = False
    unchanged_since: int = -1


class Copy(Command, frozen=True, gc=False):
    numbers: Numbers | None
    mailbox: str
    uid: bool = False


class Move(Command, frozen=True, gc=False):
    """MOVE.  # RFC 6851"""

    numbers: Numbers | None
    mailbox: str
    uid: bool = False


Event = (
    Malformed | Proceed | Capability | Noop | Logout | Id | StartTls | Authenticate | Response | Login | Enable | Select
    | Create | Delete | Rename | Subscribe | Unsubscribe | List | Lsub | Namespace | Status | Idle | Done | Notify
    | Compress | Unauthenticate | GetQuota | GetQuotaRoot | SetQuota | GetAcl | MyRights | ListRights | SetAcl
    | DeleteAcl | GetMetadata | SetMetadata | Append | Text | Url | Piece | AppendEnd | Check | Close | Unselect
    | Expunge | Search | Sort | Thread | CancelUpdate | Fetch | Store | Copy | Move
)  # fmt: skip
