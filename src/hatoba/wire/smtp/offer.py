"""Offer and Limits: what our server announces, accepts, and bears.

Made by doors.smtp from its settings; read by the server engine; replaced by the session after TLS or AUTH.
Never decides who may use what: a thing not offered is refused, an offered one is the session's to judge.
Values cannot fail.
"""

import msgspec

from hatoba.wire.smtp.reply import Reply


class Offer(msgspec.Struct, frozen=True):
    """The extensions in force. PIPELINING, 8BITMIME and ENHANCEDSTATUSCODES are always offered."""

    hostname: str
    size: int = 0  # octets; 0: no fixed maximum  # RFC 1870 §3
    tls: bool = False  # STARTTLS
    mechanisms: tuple[str, ...] = ()  # upper case; empty: no AUTH
    smtputf8: bool = True
    chunking: bool = True  # CHUNKING and BINARYMIME
    dsn: bool = True
    requiretls: bool = False
    limits_rcptmax: int = 0  # 0: LIMITS is not offered  # RFC 9422
    futurerelease: int = 0  # longest hold in seconds; 0: off
    futurerelease_until: str = ""  # the same as an RFC 3339 date-time, for the EHLO line  # RFC 4865 §4
    deliverby: int = 0  # shortest acceptable time in seconds; 0: off
    priority: str = ""  # the name of the priority profile ("MIXER"); "": off  # RFC 6710 §4
    rrvs: bool = False
    xclient: tuple[str, ...] = ()  # attribute names, upper case; empty: off

    def replace(self, **changes: object) -> "Offer":
        """The same offer but for these fields."""
        return msgspec.structs.replace(self, **changes)


class Limits(msgspec.Struct, frozen=True):
    """What the engine bears before it refuses; all in octets."""

    line: int = 4096  # a command line with its CRLF: 500 5.5.2  # RFC 5321 §4.5.3.1.4
    auth_line: int = 12288  # a SASL response with its CRLF  # RFC 4954 §4
    size: int = 0  # content: 552 5.3.4; 0: no limit
    text_line: int = 0  # a line of content with its CRLF: 550 5.6.0; 0: no limit  # RFC 5321 §4.5.3.1.6
    nul: bool = False  # NUL in content that is not BINARYMIME  # RFC 6152 §3
    spill: int = 1 << 20  # content above it comes in `Content` pieces
    ahead: int = 1 << 20  # input held while an answer is awaited: PeerError


def greeting(offer: Offer) -> Reply:
    """The reply to EHLO or LHLO.  # RFC 5321 §4.1.1.1"""
    return Reply(250, "", offer.hostname, *lines(offer))


def lines(offer: Offer) -> list[str]:
    """The EHLO keywords with their parameters, one a line."""
    until = f" {offer.futurerelease_until}" if offer.futurerelease_until else ""
    table = (
        (True, "PIPELINING"),  # RFC 2920
        (True, f"SIZE {offer.size}"),
        (True, "8BITMIME"),
        (True, "ENHANCEDSTATUSCODES"),  # RFC 2034
        (offer.smtputf8, "SMTPUTF8"),
        (offer.chunking, "CHUNKING"),
        (offer.chunking, "BINARYMIME"),  # RFC 3030
        (offer.dsn, "DSN"),  # RFC 3461
        (offer.tls, "STARTTLS"),  # RFC 3207
        (offer.mechanisms, "AUTH " + " ".join(offer.mechanisms)),
        (offer.requiretls, "REQUIRETLS"),  # RFC 8689
        (offer.limits_rcptmax, f"LIMITS RCPTMAX={offer.limits_rcptmax}"),
        (offer.futurerelease, f"FUTURERELEASE {offer.futurerelease}{until}"),
        (offer.deliverby, f"DELIVERBY {offer.deliverby}"),  # RFC 2852
        (offer.priority, f"MT-PRIORITY {offer.priority}"),
        (offer.rrvs, "RRVS"),  # RFC 7293
        (offer.xclient, "XCLIENT " + " ".join(offer.xclient)),
    )
    return [text for offered, text in table if offered]
