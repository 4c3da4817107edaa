"""Offer and Limits: what our POP3 server announces, accepts, and bears.

Made by doors.pop3 from its settings; read by the server engine; replaced by the session after TLS.
Never decides who may use what: a thing not offered is refused, an offered one is the session's to judge.
Values cannot fail.
"""

import msgspec

from hatoba.wire.pop3 import content
from hatoba.wire.pop3.reply import Data


class Offer(msgspec.Struct, frozen=True):
    """What is in force. TOP, UIDL, PIPELINING, RESP-CODES, AUTH-RESP-CODE, LANG and UTF8 are always offered."""

    tls: bool = False  # STLS
    user: bool = False  # USER and PASS
    mechanisms: tuple[str, ...] = ()  # upper case; empty: no AUTH
    implementation: str = ""  # "": not said

    def replace(self, **changes: object) -> "Offer":
        """The same offer but for these fields."""
        return msgspec.structs.replace(self, **changes)


class Limits(msgspec.Struct, frozen=True):
    """What the engine bears before it refuses; all in octets.

    A command has at most 255 octets (RFC 2449 §4) but for AUTH with an initial response, which carries tokens.
    """

    line: int = 12288  # a command or a SASL response with its CRLF
    ahead: int = 1 << 19  # input held while an answer is awaited: PeerError


def capabilities(offer: Offer, logged_in: bool) -> Data:
    """The reply to CAPA. Nothing is ever deleted for being old, and nobody has to wait between two logins."""
    table = (
        (True, "TOP"),
        (True, "UIDL"),
        (True, "RESP-CODES"),  # RFC 2449 §6.4
        (True, "AUTH-RESP-CODE"),  # RFC 3206
        (True, "PIPELINING"),  # RFC 2449 §6.6
        (True, "EXPIRE NEVER"),  # RFC 2449 §6.7
        (True, "LANG"),  # RFC 6856 §3
        (True, "UTF8 USER"),  # RFC 6856 §2
        (offer.tls and not logged_in, "STLS"),  # RFC 2595 §4
        (offer.user, "USER"),
        (offer.mechanisms, "SASL " + " ".join(offer.mechanisms)),  # RFC 5034 §3
        (offer.implementation, "IMPLEMENTATION " + offer.implementation),
    )
    return content.listed("Capabilities", [text for offered, text in table if offered])
