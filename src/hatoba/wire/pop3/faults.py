"""What a client may not do, as ready `Malformed` events with their replies.

Given out by wire.pop3.server; a session may read `kind` to count and to slow down.
Never built at run time: one event serves all dialogues.
Values cannot fail.
"""

from typing import Final

from hatoba.wire.pop3.events import Malformed
from hatoba.wire.pop3.reply import Reply


def _fault(text: str, kind: str, code: str = "", then: str = "") -> Malformed:
    return Malformed(Reply(False, text, code, then), kind)


# Lines
LONG_LINE: Final = _fault("Line too long", "line")
BARE: Final = _fault("A line ends in CRLF and holds no control character", "line")
NOT_UTF8: Final = _fault("Command is neither ASCII nor UTF-8", "line")

# Verbs
UNKNOWN: Final = _fault("Command not recognized", "unknown")
FOREIGN: Final = _fault("This is a POP3 server", "protocol", then="close")

# Arguments
SYNTAX: Final = _fault("Bad arguments", "syntax")
BAD_BASE64: Final = _fault("Not base64", "syntax")
NO_MECHANISM: Final = _fault("Authentication mechanism is not offered", "syntax")

# Sequence
LOG_IN: Final = _fault("Log in first", "sequence")
LOGGED_IN: Final = _fault("Already logged in", "sequence")
NEED_USER: Final = _fault("Send USER first", "sequence")
NEED_TLS: Final = _fault("Logging in needs TLS: send STLS first", "sequence", "AUTH")
NO_LOGIN: Final = _fault("Logging in this way is not offered", "sequence", "AUTH")
NO_TLS: Final = _fault("STLS is not offered", "sequence")
TLS_AFTER_UTF8: Final = _fault("STLS comes before UTF8", "sequence")  # RFC 6856 §2.1
INJECTION: Final = _fault("STLS must be the last command before the handshake", "injection", then="close")

# Not POP3 at all: a browser, a proxy or a mail client that was led here.
_FOREIGN: Final = frozenset(("CONNECT", "DELETE", "EHLO", "GET", "HEAD", "HELO", "OPTIONS", "POST", "PUT"))


def strange(verb: str) -> Malformed:
    """The fault of a verb that this server does not speak."""
    return FOREIGN if verb in _FOREIGN else UNKNOWN
