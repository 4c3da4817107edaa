"""Offer and Limits: what our ManageSieve server announces, accepts, and bears.

Made by doors.sieve from its settings; read by the server engine; replaced by the session after TLS and login.
Never decides who may use what: a thing not offered is refused, an offered one is the session's to judge.
Values cannot fail.
"""

import msgspec

from hatoba.wire.managesieve.reply import Data, Reply, string


class Offer(msgspec.Struct, frozen=True):
    """What is in force. VERSION 1.0, RENAMESCRIPT, CHECKSCRIPT, NOOP and UNAUTHENTICATE are always offered."""

    implementation: str = "hatoba"
    tls: bool = False  # STARTTLS
    mechanisms: tuple[str, ...] = ()  # upper case; empty: no login before TLS
    sieve: str = ""  # the extensions of the language, one space between them
    notify: str = ""  # URI schemes, likewise; "": notifications are not offered
    redirects: int = -1  # the most a script may do; -1: not said
    owner: str = ""  # whose scripts they are, once logged in

    def replace(self, **changes: object) -> "Offer":
        """The same offer but for these fields."""
        return msgspec.structs.replace(self, **changes)


class Limits(msgspec.Struct, frozen=True):
    """What the engine bears before it refuses; all in octets."""

    line: int = 8192  # between two literals, with its CRLF: BYE
    string: int = 16384  # a literal that is no script: NO (QUOTA/MAXSIZE)
    script: int = 256 * 1024  # a literal that is a script: NO (QUOTA/MAXSIZE)
    waste: int = 4 << 20  # a literal that is taken in and thrown away before the NO; a larger one: BYE
    ahead: int = 1 << 19  # input held while an answer is awaited: PeerError


def capabilities(offer: Offer, ok: Reply) -> Data:
    """The greeting, the answer to CAPABILITY, and what is said when TLS stands.  # RFC 5804 §1.7"""
    table: tuple[tuple[object, str, str | None], ...] = (
        (True, "IMPLEMENTATION", offer.implementation),
        (True, "SASL", " ".join(offer.mechanisms)),
        (True, "SIEVE", offer.sieve),
        (offer.tls, "STARTTLS", None),
        (offer.redirects >= 0, "MAXREDIRECTS", str(offer.redirects)),
        (offer.notify, "NOTIFY", offer.notify),
        (True, "UNAUTHENTICATE", None),  # RFC 5804 §2.14.1
        (offer.owner, "OWNER", offer.owner),
        (True, "VERSION", "1.0"),
    )
    lines = [
        string(name) + (b"" if value is None else b" " + string(value)) + b"\r\n"
        for offered, name, value in table
        if offered
    ]
    return Data(b"".join((*lines, ok.wire)))
