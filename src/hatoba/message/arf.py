"""Feedback reports (ARF) read: who complains about which letter, and what failed. # RFC 5965, RFC 6591

Called by notice for complaints and by who reads DMARC failure reports, with a whole letter.
Never believes a report: its fields are a stranger's words, and the letter it holds may be forged.
Fails with BadReport when the letter holds no feedback report; a field that cannot be read is "" or left out.
"""

import ipaddress
import re
from collections.abc import Mapping
from typing import NamedTuple

from hatoba.message import headers, parts, words

_VALUES = 100  # fields of one name kept
_ORIGINALS = frozenset({b"message/rfc822", b"message/global", b"text/rfc822-headers", b"message/rfc822-headers"})
_SPACES = re.compile(r"\s+")


class BadReport(ValueError):
    """The letter is no feedback report; the message says why."""


class Report(NamedTuple):
    """`fields`: the values of each field by its name in lower case. `original`: the letter or header sent back, b""."""

    fields: Mapping[str, tuple[str, ...]]
    original: bytes = b""

    def first(self, name: str) -> str:
        """The first value of a field, "" without one."""
        return self.fields.get(name, ("",))[0]

    @property
    def feedback_type(self) -> str:
        """ "abuse", "auth-failure", "fraud", "not-spam", "virus", "other" or a newer word, in lower case."""
        return self.first("feedback-type").lower()

    @property
    def source_ip(self) -> str:
        """The address the letter came from, "" when it is not told or is none; a comment behind it is passed over."""
        text = self.first("source-ip").partition(" ")[0]
        try:
            return str(ipaddress.ip_address(text.strip("[]").removeprefix("IPv6:")))
        except ValueError:
            return ""

    @property
    def incidents(self) -> int:
        """How many letters the report stands for. # RFC 5965 §3.2"""
        text = self.first("incidents")
        return int(text) if re.fullmatch(r"[0-9]{1,9}", text) and int(text) else 1

    @property
    def mail_from(self) -> str:
        return self.first("original-mail-from").strip("<> ")

    @property
    def recipients(self) -> tuple[str, ...]:
        return tuple(text.strip("<> ") for text in self.fields.get("original-rcpt-to", ()))

    @property
    def reported_domains(self) -> tuple[str, ...]:
        return tuple(text.lower().removesuffix(".") for text in self.fields.get("reported-domain", ()))


def parse(content: bytes) -> Report:
    """The report in a letter. BadReport."""
    found: Report | None = None
    for kind, body in parts.leaves(content):
        if kind == b"message/feedback-report" and found is None:
            found = Report(_fields(body))
        elif found is not None and kind in _ORIGINALS:
            found = found._replace(original=body)
            break
    if found is None:
        raise BadReport("the letter holds no message/feedback-report")
    if not found.feedback_type:
        raise BadReport("the report has no Feedback-Type")
    return found


def _fields(body: bytes) -> dict[str, tuple[str, ...]]:
    fields: dict[str, list[str]] = {}
    for name, value in headers.scan(body.lstrip(b"\r\n")).fields():
        held = fields.setdefault(name.decode("ascii").lower(), [])
        if len(held) < _VALUES:
            held.append(_SPACES.sub(" ", words.decode(value)))
    return {name: tuple(held) for name, held in fields.items()}
