"""What a client may not do, as ready `Malformed` events with their replies.

Given out by wire.smtp.server; a session may read `kind` to count and to slow down.
Never built at run time: one event serves all dialogues.
Values cannot fail.
"""

from typing import Final

from hatoba.wire.smtp.events import Malformed
from hatoba.wire.smtp.reply import Reply

# Lines  # RFC 5321 §2.3.8, §4.5.3.1
LONG_LINE: Final = Malformed(Reply(500, "5.5.2", "Line too long"), "line")
LONG_RESPONSE: Final = Malformed(Reply(500, "5.5.6", "Authentication exchange line is too long"), "line")  # RFC 4954 §6
BARE: Final = Malformed(Reply(500, "5.5.2", "Command has a bare CR or LF or another control"), "line")
NOT_UTF8: Final = Malformed(Reply(500, "5.5.2", "Command is neither ASCII nor UTF-8"), "line")

# Verbs  # RFC 5321 §4.2.4
UNKNOWN: Final = Malformed(Reply(500, "5.5.1", "Command not recognized"), "unknown")
ABSENT: Final = Malformed(Reply(502, "5.5.1", "Command not implemented"), "unknown")
FOREIGN: Final = Malformed(Reply(502, "5.5.1", "This is an SMTP server", then="close"), "protocol")

# Arguments
BAD_BASE64: Final = Malformed(Reply(501, "5.5.2", "Not base64"), "syntax")  # RFC 4954 §4
# Where a chunk ends cannot be known, so nothing behind it can be read.
BAD_CHUNK: Final = Malformed(Reply(501, "5.5.4", "Syntax: BDAT size [LAST]", then="close"), "syntax")

# Sequence
NEED_EHLO: Final = Malformed(Reply(503, "5.5.1", "Send EHLO first, and use what it offers"), "sequence")
BINARY_DATA: Final = Malformed(Reply(503, "5.5.1", "BODY=BINARYMIME needs BDAT"), "sequence")
NO_RCPT: Final = Malformed(Reply(554, "5.5.1", "No valid recipients"), "sequence")
NO_TLS: Final = Malformed(Reply(502, "5.5.1", "STARTTLS is not offered"), "sequence")
NO_AUTH: Final = Malformed(Reply(503, "5.5.1", "AUTH is not offered"), "sequence")
AUTH_TLS: Final = Malformed(Reply(538, "5.7.11", "AUTH needs TLS: send STARTTLS first"), "sequence")
AUTH_TWICE: Final = Malformed(Reply(503, "5.5.1", "Already authenticated"), "sequence")
INJECTION: Final = Malformed(
    Reply(503, "5.5.1", "STARTTLS must be the last command before the handshake", then="close"), "injection"
)

# Known to some RFC, and not implemented: 502, where 500 is for what none knows.
_KNOWN: Final = frozenset(("ATRN", "BURL", "EHLO", "ETRN", "HELO", "LHLO", "SAML", "SEND", "SOML", "TURN"))
# Not SMTP at all: a browser or a proxy that was led here.
_FOREIGN: Final = frozenset(("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"))


def strange(verb: str) -> Malformed:
    """The fault of a verb that this server does not speak."""
    if verb in _FOREIGN:
        return FOREIGN
    return ABSENT if verb in _KNOWN else UNKNOWN
