"""The parameters of MAIL and RCPT that an envelope asks for and a peer offers, and xtext.

Called by delivery before it sends an envelope.
Never decides what becomes of a letter whose needs the peer does not meet: it names them in `missing`.
Fails with ValueError on a value that cannot be said.
"""

from collections.abc import Sequence

import msgspec

from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Recipient
from hatoba.wire.smtp.extensions import Extensions

_XCHAR = frozenset(range(0x21, 0x7F)) - frozenset(b"+=")  # RFC 3461 §4
_QCHAR = frozenset(range(0x21, 0x7F)) - frozenset(b"+=\\")  # RFC 6533 §3
_NOTIFY = frozenset(("SUCCESS", "FAILURE", "DELAY"))
_BY_MOST = 999_999_999  # RFC 2852 §4


class MailParameters(msgspec.Struct, frozen=True, gc=False):
    """`words` are for `MailFrom`; `missing` names the extensions the letter needs and the peer does not offer:
    SMTPUTF8, REQUIRETLS, 8BITMIME, BINARYMIME, CHUNKING, DELIVERBY. With a missing one the letter cannot go as it is.
    """

    words: list[str]
    missing: list[str]


def mail_parameters(
    envelope: Envelope, size: int, extensions: Extensions, *, eightbit: bool | None = None, now: int = 0
) -> MailParameters:
    """What goes behind MAIL FROM. `size` in octets, 0 if unknown; `now` in ms since 1970, for BY and HOLDFOR.

    `eightbit` says whether the content really has octets above 127 (None: as the envelope's `body` declares). Content
    without any needs neither 8BITMIME nor, if all addresses are ASCII, SMTPUTF8, whatever its sender declared.
    """
    words: list[str] = []
    missing: list[str] = []
    if size > 0 and extensions.size >= 0:
        words.append(f"SIZE={size}")
    if eightbit is None:
        eightbit = envelope.body != "7BIT"
    if eightbit or envelope.body == "BINARYMIME":
        _body(envelope, extensions, words, missing)
    if needs_smtputf8(envelope, eightbit):
        _needed("SMTPUTF8", extensions.smtputf8, words, missing)
    if envelope.requiretls:  # RFC 8689 §4.2.1
        _needed("REQUIRETLS", extensions.requiretls, words, missing)
    if extensions.dsn:
        if envelope.ret:
            words.append("RET=" + _among(envelope.ret, ("FULL", "HDRS")))
        if envelope.envid:
            words.append("ENVID=" + xtext(envelope.envid))
    if envelope.deliver_by:
        _by(envelope, extensions, now, words, missing)
    held = -(-(envelope.hold_until - now) // 1000)
    if envelope.hold_until and 0 < held <= extensions.futurerelease:  # RFC 4865 §5
        words.append(f"HOLDFOR={held}")
    if envelope.priority and extensions.priority:  # RFC 6710 §4
        words.append(f"MT-PRIORITY={envelope.priority}")
    return MailParameters(words, missing)


def needs_smtputf8(envelope: Envelope, eightbit: bool) -> bool:
    """Whether the letter can only go to a peer with SMTPUTF8. # RFC 6531 §3.2"""
    if envelope.sender is not None and not str(envelope.sender).isascii():
        return True
    if any(not str(recipient.address).isascii() for recipient in envelope.recipients):
        return True
    return envelope.smtputf8 and eightbit


def rcpt_parameters(recipient: Recipient, extensions: Extensions) -> list[str]:
    """What goes behind RCPT TO: NOTIFY and ORCPT, where the peer offers DSN. # RFC 3461 §4.1, §4.2"""
    words: list[str] = []
    if not extensions.dsn:
        return words
    if recipient.notify:
        words.append("NOTIFY=" + _notify(recipient.notify))
    if recipient.orcpt:
        words.append("ORCPT=" + _orcpt(recipient.orcpt))
    return words


def auth_parameter(identity: Address | None) -> str:
    """Who first submitted the letter, None when that is not known or not to be vouched for. # RFC 4954 §5"""
    return "AUTH=<>" if identity is None else "AUTH=" + xtext(str(identity))


def xtext(text: str) -> str:
    """The text with everything but plain characters as +HH, octets of its UTF-8. # RFC 3461 §4"""
    return "".join(chr(octet) if octet in _XCHAR else f"+{octet:02X}" for octet in text.encode())


def utf8_xtext(text: str) -> str:
    """The text in ASCII with everything but plain characters as \\x{HH}. # RFC 6533 §3 (utf-8-addr-xtext)"""
    text.encode()  # ValueError on a lone surrogate
    return "".join(c if ord(c) in _QCHAR else f"\\x{{{ord(c):02X}}}" for c in text)


def _needed(keyword: str, offered: bool, words: list[str], missing: list[str]) -> None:
    (words if offered else missing).append(keyword)


def _body(envelope: Envelope, extensions: Extensions, words: list[str], missing: list[str]) -> None:
    if envelope.body == "BINARYMIME":  # RFC 3030 §3: only with BDAT
        if extensions.binarymime and extensions.chunking:
            words.append("BODY=BINARYMIME")
        if not extensions.binarymime:
            missing.append("BINARYMIME")
        if not extensions.chunking:
            missing.append("CHUNKING")
    elif extensions.eightbit:
        words.append("BODY=8BITMIME")
    else:
        missing.append("8BITMIME")


def _by(envelope: Envelope, extensions: Extensions, now: int, words: list[str], missing: list[str]) -> None:
    """BY, the seconds left; a letter to be returned when late may not go where BY is unknown. # RFC 2852 §4.1.5"""
    mode = _among(envelope.by_mode or "N", ("R", "N"))
    left = max(-_BY_MOST, min((envelope.deliver_by - now) // 1000, _BY_MOST))
    if extensions.deliverby >= 0 and (mode == "N" or left > 0):
        words.append(f"BY={left};{mode}{'T' if envelope.by_trace else ''}")
    elif mode == "R":
        missing.append("DELIVERBY")


def _among(value: str, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise ValueError(f"{value!r} is none of {', '.join(allowed)}")
    return value


def _notify(value: str) -> str:
    if value != "NEVER" and not set(value.split(",")) <= _NOTIFY:
        raise ValueError(f"{value!r} is no NOTIFY value")
    return value


def _orcpt(value: str) -> str:
    """type;address, the address as xtext, or beyond ASCII in the form every DSN server reads. # RFC 6533 §3"""
    kind, separator, address = value.partition(";")
    if not separator or not address or not kind.isascii() or not kind.replace("-", "").isalnum():
        raise ValueError(f"{value!r} is no original recipient")
    if address.isascii() and kind.lower() != "utf-8":
        return f"{kind};{xtext(address)}"
    return f"utf-8;{utf8_xtext(address)}"
