"""What a client says to our ManageSieve server, in the RFC's own words.

Made by wire.managesieve.server, answered by doors.sieve.
Never carries a decision: an event is grammatical, in sequence and covered by the offer, nothing more.
Values cannot fail; what is wrong arrives as `Malformed` with the reply it deserves.  # RFC 5804 §2
"""

import msgspec

from hatoba.wire.managesieve.reply import Reply


class Authenticate(msgspec.Struct, frozen=True, gc=False):
    """AUTHENTICATE with an offered mechanism (upper case). `initial` None: no initial response."""

    mechanism: str
    initial: bytes | None


class Response(msgspec.Struct, frozen=True, gc=False):
    """A response to a challenge, base64 decoded; None: the client cancelled with "*" (answer NO)."""

    data: bytes | None


class StartTls(msgspec.Struct, frozen=True, gc=False):
    """STARTTLS with nothing behind it: answer OK with then="tls", and the capabilities once TLS stands."""


class Logout(msgspec.Struct, frozen=True, gc=False):
    """LOGOUT: answer OK with then="close"."""


class Capability(msgspec.Struct, frozen=True, gc=False):
    """CAPABILITY."""


class Noop(msgspec.Struct, frozen=True, gc=False):
    """NOOP; a `tag` that is not None comes back in the code TAG."""

    tag: str | None


class Unauthenticate(msgspec.Struct, frozen=True, gc=False):
    """UNAUTHENTICATE: as before login, under the same TLS."""


class HaveSpace(msgspec.Struct, frozen=True, gc=False):
    """HAVESPACE: would a script of so many octets fit under this name?"""

    name: str
    size: int


class PutScript(msgspec.Struct, frozen=True, gc=False):
    """PUTSCRIPT: keep a script, which must compile, in place of one of that name."""

    name: str
    content: bytes


class CheckScript(msgspec.Struct, frozen=True, gc=False):
    """CHECKSCRIPT: would it compile?"""

    content: bytes


class ListScripts(msgspec.Struct, frozen=True, gc=False):
    """LISTSCRIPTS."""


class SetActive(msgspec.Struct, frozen=True, gc=False):
    """SETACTIVE: this one runs from now on; "": none does."""

    name: str


class GetScript(msgspec.Struct, frozen=True, gc=False):
    """GETSCRIPT."""

    name: str


class DeleteScript(msgspec.Struct, frozen=True, gc=False):
    """DELETESCRIPT: not the active one."""

    name: str


class RenameScript(msgspec.Struct, frozen=True, gc=False):
    """RENAMESCRIPT: an active one stays active."""

    old: str
    new: str


class Malformed(msgspec.Struct, frozen=True, gc=False):
    """Something the client may not say. Answer with `reply` (or with another that closes).

    `kind`: "syntax", "sequence", "unknown", "size" (a literal too large), "line" (too long, bare CR, LF or NUL; the
    first of them closes), "injection" (plaintext behind STARTTLS), "protocol" (no ManageSieve client; both close).
    """

    reply: Reply
    kind: str


Event = (
    Authenticate | Response | StartTls | Logout | Capability | Noop | Unauthenticate | HaveSpace | PutScript
    | CheckScript | ListScripts | SetActive | GetScript | DeleteScript | RenameScript | Malformed
)  # fmt: skip
