"""What a client may not do, as ready `Malformed` events with their replies.

Given out by wire.managesieve.server; a session may read `kind` to count and to slow down.
Never built at run time: one event serves all dialogues.
Values cannot fail.
"""

from typing import Final

from hatoba.wire.managesieve.events import Malformed
from hatoba.wire.managesieve.reply import Reply


def _no(text: str, kind: str, code: str = "") -> Malformed:
    return Malformed(Reply("NO", text, code), kind)


def _bye(text: str, kind: str) -> Malformed:
    return Malformed(Reply("BYE", text), kind)


# Lines and literals. Where a line or a literal ends cannot be known once it is too long: nothing behind it is read.
LONG_LINE: Final = _bye("Line too long", "line")
HUGE: Final = _bye("Literal too large", "size")
BARE: Final = _no("A line ends in CRLF and holds no NUL", "line")
TOO_LARGE: Final = _no("Too large", "size", "QUOTA/MAXSIZE")
NOT_UTF8: Final = _no("A name is UTF-8", "syntax")

# Commands
UNKNOWN: Final = _no("Command not recognized", "unknown")
FOREIGN: Final = _bye("This is a ManageSieve server", "protocol")
SYNTAX: Final = _no("Bad arguments", "syntax")
BAD_NAME: Final = _no("A script's name has 1 to 128 characters and no control among them", "syntax")
BAD_BASE64: Final = _no("Not base64", "syntax")
NO_MECHANISM: Final = _no("Authentication mechanism is not offered", "syntax")

# Sequence
LOG_IN: Final = _no("Log in first", "sequence")
LOGGED_IN: Final = _no("Already logged in", "sequence")
NEED_TLS: Final = _no("Logging in needs TLS: send STARTTLS first", "sequence", "ENCRYPT-NEEDED")
NO_TLS: Final = _no("STARTTLS is not offered", "sequence")
INJECTION: Final = _bye("STARTTLS must be the last command before the handshake", "injection")

# Not ManageSieve at all: a browser, a proxy or a mail client that was led here.
_FOREIGN: Final = frozenset(("CONNECT", "DELETE", "EHLO", "GET", "HEAD", "HELO", "OPTIONS", "POST", "PUT", "USER"))


def strange(verb: str) -> Malformed:
    """The fault of a verb that this server does not speak."""
    return FOREIGN if verb in _FOREIGN else UNKNOWN
