"""Delivery status notifications as bytes: the part for machines, the report around it. # RFC 3464, RFC 6522, RFC 6533

Called by notice, which decides what is said.
Never decides whether a report is wanted, and never reads one.
Fails never on values: control characters become spaces, what ASCII cannot carry is written \\x{...}.
"""

import re
from collections.abc import Sequence

import msgspec

from hatoba.message import build, encode

_BEYOND = re.compile(r"[^\x21-\x7e]|[\\+=]")
_NOT_ATOM = re.compile(r"[^!-:<-~]")


class About(msgspec.Struct, frozen=True):
    """The fields about the whole letter; "" leaves one out, times are ms since 1970. # RFC 3464 §2.2"""

    reporting_mta: str  # a host name
    envelope_id: str = ""
    arrival: int = 0
    extra: tuple[tuple[str, str], ...] = ()  # X- fields


class Fate(msgspec.Struct, frozen=True):
    """The fields about one recipient. # RFC 3464 §2.3"""

    final: str  # the address in its wire form
    action: str  # failed, delayed, delivered, relayed, expanded
    status: str  # "5.1.1"
    original: str = ""  # ORCPT as received, decoded: "rfc822;bob@example.com"
    remote_mta: str = ""
    diagnostic: str = ""  # the peer's reply, or our own words
    diagnostic_type: str = "smtp"
    last_attempt: int = 0
    retry_until: int = 0


def typed(address: str, *, utf8: bool) -> str:
    """An address behind its type. # RFC 3464 §2.1.2, RFC 6533 §3

    One beyond ASCII has the type utf-8: as it stands where the report is global (`utf8`), else with \\x{...}.
    """
    if address.isascii():
        return f"rfc822; {encode.clean(address)}"
    return f"utf-8; {encode.clean(address) if utf8 else _embedded(address)}"


def original(orcpt: str, *, utf8: bool) -> str:
    """ORCPT as Original-Recipient; "" where it is none ("type;address"). # RFC 3461 §4.2"""
    kind, semicolon, address = orcpt.partition(";")
    if not semicolon or not kind or not address or not kind.isascii() or _NOT_ATOM.search(kind):
        return ""
    if address.isascii() or utf8:
        return f"{kind}; {encode.clean(address)}"
    return f"{'utf-8' if kind.lower() in ('rfc822', 'utf-8') else kind}; {_embedded(address)}"


def _embedded(text: str) -> str:
    """utf-8-addr-xtext: what is not plain ASCII as \\x{HEX}. # RFC 6533 §3"""
    return _BEYOND.sub(lambda found: f"\\x{{{ord(found[0]):02X}}}", text)


def delivery_status(about: About, fates: Sequence[Fate], *, utf8: bool) -> build.Part:
    """message/delivery-status, or message/global-delivery-status when `utf8`. # RFC 3464 §2.1, RFC 6533 §4"""
    groups = [_about(about, utf8)] + [_fate(fate, utf8) for fate in fates]
    body = b"\r\n".join(b"".join(encode.field(name, value) for name, value in group) for group in groups)
    if not utf8:
        return build.Part("message/delivery-status", body)
    return build.Part("message/global-delivery-status", body, "7bit" if body.isascii() else "8bit")


def _about(about: About, utf8: bool) -> list[tuple[str, str]]:
    fields = [("Reporting-MTA", f"dns; {about.reporting_mta}")]
    if about.envelope_id:
        fields.insert(0, ("Original-Envelope-Id", _plain(about.envelope_id, utf8)))
    if about.arrival:
        fields.append(("Arrival-Date", encode.date(about.arrival)))
    return fields + [(name, _plain(value, utf8)) for name, value in about.extra]


def _fate(fate: Fate, utf8: bool) -> list[tuple[str, str]]:
    """The order is that of RFC 3464 §2.3."""
    fields: list[tuple[str, str]] = []
    if shown := original(fate.original, utf8=utf8):
        fields.append(("Original-Recipient", shown))
    fields += [
        ("Final-Recipient", typed(fate.final, utf8=utf8)),
        ("Action", fate.action),
        ("Status", fate.status),
    ]
    if fate.remote_mta:
        fields.append(("Remote-MTA", f"dns; {fate.remote_mta}"))
    if fate.diagnostic:
        fields.append(("Diagnostic-Code", f"{fate.diagnostic_type}; {_plain(fate.diagnostic, utf8)}"))
    if fate.last_attempt:
        fields.append(("Last-Attempt-Date", encode.date(fate.last_attempt)))
    if fate.retry_until:
        fields.append(("Will-Retry-Until", encode.date(fate.retry_until)))
    return fields


def _plain(text: str, utf8: bool) -> str:
    """Free text: beyond ASCII only in a global report, else as \\x{...}."""
    text = encode.clean(text)
    if utf8 or text.isascii():
        return text
    return "".join(c if c.isascii() else f"\\x{{{ord(c):02X}}}" for c in text)


def returned(content: bytes, *, whole: bool, utf8: bool) -> build.Part:
    """The letter or its header, given back. `content` is what is returned, lines in CRLF. # RFC 6522 §3, RFC 6533 §5

    `whole`: message/rfc822 (message/global when `utf8`), which no encoding may wrap but 7bit and 8bit; else the
    header as text/rfc822-headers (message/global-headers).
    """
    utf8 = utf8 and _is_utf8(content) and build.eight_bit(content)
    encoding = "7bit" if build.seven_bit(content) else "8bit"
    if whole:
        return build.Part("message/global" if utf8 else "message/rfc822", content, encoding)
    if utf8:
        return build.Part("message/global-headers", content, encoding)
    charset = "" if content.isascii() else f"; charset={'utf-8' if _is_utf8(content) else 'unknown-8bit'}"
    return build.encoded(f"text/rfc822-headers{charset}", content)


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def report(human: build.Part, status: build.Part, back: build.Part | None, seed: str) -> build.Part:
    """The multipart/report; `seed` makes its boundary. # RFC 6522 §3"""
    kind = status.type.partition("/")[2].partition(";")[0]
    parts = [human, status] if back is None else [human, status, back]
    return build.multipart("report", parts, seed, (("report-type", kind),))
