"""What a client says to our server, in the RFC's own words.

Made by wire.smtp.server, answered by doors.smtp.
Never carries a decision: an event is grammatical, in sequence and covered by the offer, nothing more.
Values cannot fail; what is wrong arrives as `Malformed` with the reply it deserves.
"""

import msgspec

from hatoba.model.address import Address
from hatoba.model.envelope import Recipient
from hatoba.wire.smtp.reply import Reply


class Hello(msgspec.Struct, frozen=True, gc=False):
    """`verb` is "EHLO", "HELO" or "LHLO"; `name` a domain or an address literal as the client wrote it."""

    verb: str
    name: str


class Mail(msgspec.Struct, frozen=True, gc=False):
    """MAIL FROM. `sender` None is the null reverse-path <>.  # RFC 5321 §4.1.1.2"""

    sender: Address | None
    size: int = -1  # octets the client announces; -1: none  # RFC 1870
    body: str = "7BIT"  # "7BIT", "8BITMIME", "BINARYMIME"
    smtputf8: bool = False  # RFC 6531
    ret: str = ""  # "", "FULL", "HDRS"  # RFC 3461 §4.3
    envid: str = ""  # xtext decoded  # RFC 3461 §4.4
    auth: str = ""  # "", "<>" or a mailbox, xtext decoded  # RFC 4954 §5
    requiretls: bool = False  # RFC 8689
    hold_for: int = 0  # seconds; 0: none  # RFC 4865
    hold_until: int = 0  # ms since 1970; 0: none
    by: int | None = None  # seconds from now, may be negative with mode "N"  # RFC 2852
    by_mode: str = ""  # "R" or "N"
    by_trace: bool = False
    priority: int | None = None  # -9..9  # RFC 6710


class Rcpt(msgspec.Struct, frozen=True, gc=False):
    """RCPT TO. `rrvs` is the date the mailbox must have been the recipient's since, ms since 1970, 0: none.

    `rrvs_continue`: the relay may drop that condition rather than refuse ("C").  # RFC 7293 §3
    """

    recipient: Recipient
    rrvs: int = 0
    rrvs_continue: bool = False


class Data(msgspec.Struct, frozen=True, gc=False):
    """DATA: answer 354 to get the content."""


class Content(msgspec.Struct, frozen=True, gc=False):
    """A piece of content, canonical and checked.

    `due`: a BDAT chunk ends here and wants its reply (250). Otherwise there is nothing to answer: the engine is not
    paused, ask for the next event.  # RFC 3030 §2
    """

    data: bytes
    due: bool


class End(msgspec.Struct, frozen=True, gc=False):
    """The content is complete.

    `data` is the whole content, or what is left of it after `Content` events: canonical, CRLF lines, not stuffed.
    `dotted` (some line starts with a dot), `eightbit` (some octet above 127) and `size` (octets) speak of the whole.
    `fault` is set where the content broke the law: it is the answer, and the letter is to be dropped (`data` is b"").
    """

    data: bytes
    dotted: bool
    eightbit: bool
    size: int
    fault: Reply | None = None


class Rset(msgspec.Struct, frozen=True, gc=False):
    """RSET: the engine has dropped the transaction."""


class Noop(msgspec.Struct, frozen=True, gc=False):
    """NOOP, its argument ignored."""


class Vrfy(msgspec.Struct, frozen=True, gc=False):
    """VRFY and its string, as written."""

    argument: str


class Expn(msgspec.Struct, frozen=True, gc=False):
    """EXPN and its string, as written."""

    argument: str


class Help(msgspec.Struct, frozen=True, gc=False):
    """HELP and its topic, "" for none."""

    topic: str


class Quit(msgspec.Struct, frozen=True, gc=False):
    """QUIT: answer 221; the engine is closed after it."""


class StartTls(msgspec.Struct, frozen=True, gc=False):
    """STARTTLS with nothing behind it: answer 220 with then="tls", or 454.  # RFC 3207 §4"""


class Auth(msgspec.Struct, frozen=True, gc=False):
    """AUTH with an offered mechanism (upper case). `initial` None: no initial response.  # RFC 4954 §4"""

    mechanism: str
    initial: bytes | None


class AuthData(msgspec.Struct, frozen=True, gc=False):
    """A response to a challenge, base64 decoded; None: the client cancelled with "*" (answer 501)."""

    data: bytes | None


class Xclient(msgspec.Struct, frozen=True, gc=False):
    """XCLIENT: pairs of an offered attribute's name (upper case) and its value, xtext decoded.

    "[UNAVAILABLE]" and "[TEMPUNAVAIL]" stand as written. Answer 220: the dialogue starts anew.
    """

    attributes: tuple[tuple[str, str], ...]


class Malformed(msgspec.Struct, frozen=True, gc=False):
    """Something the client may not say. Answer with `reply` (or a 421).

    `kind`: "syntax", "address", "parameter", "sequence", "unknown", "size", "line" (too long, bare CR, LF or NUL),
    "injection" (plaintext behind STARTTLS), "protocol" (this is no SMTP client; both close).
    """

    reply: Reply
    kind: str


Event = (
    Hello | Mail | Rcpt | Data | Content | End | Rset | Noop | Vrfy | Expn | Help | Quit
    | StartTls | Auth | AuthData | Xclient | Malformed
)  # fmt: skip
