"""Trace: the Received field and the date and id that a letter lacks.

Called by transaction once per letter, by desk once per connection for the part that stays.
Never reads a clock: `now` is ms since 1970.
Fails never: a HELO name that would break the field is left out of it.
"""

import re
import time

import msgspec

from hatoba.model.envelope import Source

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,253}[A-Za-z0-9_.])?|\[[A-Za-z0-9:.]{1,60}\]")


def date(now: int) -> str:
    """`now` as a date-time of RFC 5322 §3.3, in UTC."""
    year, month, day, hour, minute, second, weekday, _, _ = time.gmtime(now // 1000)
    return f"{_DAYS[weekday]}, {day} {_MONTHS[month - 1]} {year} {hour:02}:{minute:02}:{second:02} +0000"


class Dates:
    """`date` as bytes, made once a second."""

    __slots__ = ("_second", "_text")

    def __init__(self) -> None:
        self._second = -1
        self._text = b""

    def at(self, now: int) -> bytes:
        second = now // 1000
        if second != self._second:
            self._second, self._text = second, date(now).encode()
        return self._text


def protocol(verb: str, tls: bool, auth: bool, utf8: bool) -> str:
    """The "with" word: ESMTPSA and its kin. `verb` is HELO, EHLO or LHLO. # RFC 3848, RFC 6531 §4.3"""
    if verb == "HELO":
        return "SMTP"
    base = "LMTP" if verb == "LHLO" else "ESMTP"
    if utf8:
        base = "UTF8LMTP" if base == "LMTP" else "UTF8SMTP"
    return base + ("S" if tls else "") + ("A" if auth else "")


def literal(ip: str) -> str:
    """An address literal without its brackets. # RFC 5321 §4.1.3"""
    return f"IPv6:{ip}" if ":" in ip else ip


class Head(msgspec.Struct, frozen=True, gc=False):
    """What is alike in every Received field of one connection: up to and with " id ", without and with SMTPUTF8."""

    plain: bytes
    utf8: bytes


def head(source: Source, verb: str, hostname: str, hide: bool) -> Head:
    """The Head for `source`; `hide` leaves the client's name and address out. # RFC 5321 §4.4"""
    ip = f"[{literal(source.ip)}]" if source.ip else ""
    if hide:
        origin = "localhost"
    else:
        name = source.helo if _NAME.fullmatch(source.helo) else ip or "unknown"
        origin = f"{name} ({ip})" if ip else name
    comment = ""
    if source.tls:
        version, _, cipher = source.tls.partition(" ")
        comment = f"\r\n\t(using {version} with cipher {cipher})" if cipher else f"\r\n\t(using {version})"
    start = f"Received: from {origin}{comment}\r\n\tby {hostname} with "
    words = [protocol(verb, bool(source.tls), bool(source.account), utf8) for utf8 in (False, True)]
    plain, utf8 = [f"{start}{word} id ".encode("ascii", "replace") for word in words]
    return Head(plain, utf8)


def received(head: bytes, written_id: str, recipient: str, day: bytes) -> bytes:
    """The whole field with its line end; `recipient` is "" unless the letter has just one.

    A letter for several does not name them: it would tell one of them about the others.  # RFC 5321 §7.2
    """
    if recipient:
        return b"%b%b\r\n\tfor <%b>; %b\r\n" % (head, written_id.encode(), recipient.encode(), day)
    return b"%b%b; %b\r\n" % (head, written_id.encode(), day)
