"""Feedback reports (ARF) read: who complains about which letter, and what failed. # RFC 5965, RFC 6591

Called by notice for complaints and by who reads DMARC failure reports, with a whole letter.
Never believes a report: its fields are a stranger's words, and the letter it holds may be forged.
Fails with BadReport when the letter holds no feedback report; a field that cannot be read is "" or left out.
"""

import binascii
import ipaddress
import quopri
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from hatoba.message import headers, words

_DEPTH = 3  # multiparts within each other: a list or a forwarder may have wrapped the report
_PARTS = 50  # looked at in one letter
_VALUES = 100  # fields of one name kept
_BOUNDARY = re.compile(rb'[;\s]boundary\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))', re.IGNORECASE | re.DOTALL)
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
    for count, (kind, body) in enumerate(_parts(content, _DEPTH)):
        if count >= _PARTS:
            break
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


def _parts(content: bytes, depth: int) -> Iterator[tuple[bytes, bytes]]:
    """(type in lower case, content decoded) of each part that is no multipart, in order."""
    head = headers.scan(content)
    type_ = head.first(b"content-type") or b""
    kind = type_.partition(b";")[0].strip().lower()
    body = content[head.end :] if head.end < len(content) else b""
    boundary = _BOUNDARY.search(type_) if kind.startswith(b"multipart/") else None
    if boundary is None:
        yield kind, _decoded(body, (head.first(b"content-transfer-encoding") or b"").lower())
    elif depth:
        mark = re.sub(rb"\\(.)", rb"\1", boundary[1]) if boundary[1] is not None else boundary[2]
        for part in _between(body, mark):
            yield from _parts(part, depth - 1)


def _between(body: bytes, boundary: bytes) -> Iterator[bytes]:
    """The pieces of a multipart; one that never ends goes to the end. # RFC 2046 §5.1.1"""
    start = -1
    for found in re.finditer(rb"(?m)^--" + re.escape(boundary) + rb"(--)?[ \t]*\r?$\n?", body):
        if start >= 0:
            yield body[start : found.start()].removesuffix(b"\n").removesuffix(b"\r")
        start = found.end()
        if found[1]:
            return
    if start >= 0:
        yield body[start:]


def _decoded(body: bytes, encoding: bytes) -> bytes:
    """The body as it was before transport; as it stands where that cannot be undone."""
    if encoding == b"quoted-printable":
        return quopri.decodestring(body)
    if encoding == b"base64":
        try:
            return binascii.a2b_base64(body)
        except binascii.Error:
            return body
    return body
