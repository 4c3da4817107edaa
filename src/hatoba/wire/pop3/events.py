"""What a client says to our POP3 server, in the RFC's own words.

Made by wire.pop3.server, answered by doors.pop3.
Never carries a decision: an event is grammatical, in sequence and covered by the offer, nothing more.
Values cannot fail; what is wrong arrives as `Malformed` with the reply it deserves.
"""

import msgspec

from hatoba.wire.pop3.reply import Reply


class Capa(msgspec.Struct, frozen=True, gc=False):
    """CAPA: the capabilities of this state.  # RFC 2449 §5"""


class User(msgspec.Struct, frozen=True, gc=False):
    """USER name: +OK whoever it is; the name comes again with PASS.  # RFC 1939 §7"""

    name: str


class Pass(msgspec.Struct, frozen=True, gc=False):
    """PASS, right behind its USER: +OK opens the maildrop.  # RFC 1939 §7"""

    name: str
    secret: str

    def __repr__(self) -> str:
        return f"Pass(name={self.name!r}, secret='***')"


class Auth(msgspec.Struct, frozen=True, gc=False):
    """AUTH with an offered mechanism (upper case). `initial` None: no initial response.  # RFC 5034 §4"""

    mechanism: str
    initial: bytes | None


class AuthData(msgspec.Struct, frozen=True, gc=False):
    """A response to a challenge, base64 decoded; None: the client cancelled with "*" (answer -ERR)."""

    data: bytes | None


class Mechanisms(msgspec.Struct, frozen=True, gc=False):
    """AUTH alone: a list of the mechanisms, as servers gave it before CAPA and as Outlook still asks for it."""


class Stls(msgspec.Struct, frozen=True, gc=False):
    """STLS with nothing behind it: answer +OK with then="tls", or -ERR.  # RFC 2595 §4"""


class Utf8(msgspec.Struct, frozen=True, gc=False):
    """UTF8: names, letters and texts may be UTF-8 from here on.  # RFC 6856 §2"""


class Lang(msgspec.Struct, frozen=True, gc=False):
    """LANG: answer in the language of this tag ("*" the default), or list the languages (""). # RFC 6856 §3"""

    tag: str


class Stat(msgspec.Struct, frozen=True, gc=False):
    """STAT: how many letters, how many octets."""


class List(msgspec.Struct, frozen=True, gc=False):
    """LIST: the size of one letter, or of all (0)."""

    number: int


class Uidl(msgspec.Struct, frozen=True, gc=False):
    """UIDL: the unique id of one letter, or of all (0)."""

    number: int


class Retr(msgspec.Struct, frozen=True, gc=False):
    """RETR: a letter, whole."""

    number: int


class Top(msgspec.Struct, frozen=True, gc=False):
    """TOP: a letter's header and so many lines of its body."""

    number: int
    lines: int


class Dele(msgspec.Struct, frozen=True, gc=False):
    """DELE: a letter that is to go at QUIT."""

    number: int


class Rset(msgspec.Struct, frozen=True, gc=False):
    """RSET: no letter is to go."""


class Noop(msgspec.Struct, frozen=True, gc=False):
    """NOOP."""


class Quit(msgspec.Struct, frozen=True, gc=False):
    """QUIT: the engine is closed once it is answered. `update`: what was marked is removed first.  # RFC 1939 §6"""

    update: bool


class Malformed(msgspec.Struct, frozen=True, gc=False):
    """Something the client may not say. Answer with `reply` (or with another that closes).

    `kind`: "syntax", "sequence", "unknown", "line" (too long, bare CR, LF or NUL), "injection" (plaintext behind
    STLS), "protocol" (this is no POP3 client; both close).
    """

    reply: Reply
    kind: str


Event = (
    Capa | User | Pass | Auth | AuthData | Mechanisms | Stls | Utf8 | Lang | Stat | List | Uidl | Retr | Top | Dele
    | Rset | Noop | Quit | Malformed
)  # fmt: skip
