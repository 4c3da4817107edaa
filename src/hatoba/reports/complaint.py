"""Complaints and failure reports (ARF) as they are kept: who complains about a letter of ours, and where it went.

Made by reading from what a stranger sent; shown and summed up by figures.
Never holds a letter: domains and addresses as the report names them, cut short.
Fails with arf.BadReport when it is no feedback report.
"""

from email.utils import parsedate_to_datetime
from typing import NamedTuple

import msgspec

from hatoba.mailauth.dmarc import author
from hatoba.message import arf, headers

_TEXT = 300  # characters of one value
_LISTED = 50


class Complaint(msgspec.Struct, frozen=True, omit_defaults=True):
    """`type`: the feedback type. `to`: the domains of those it was sent to. `letter`: our id of it, if it says so."""

    type: str
    incidents: int = 1
    source_ip: str = ""
    mail_from: str = ""
    recipients: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    user_agent: str = ""
    message_id: str = ""
    subject: str = ""
    auth_failure: str = ""
    delivery: str = ""


class Found(NamedTuple):
    """A complaint with what its row needs. `at`: seconds since 1970, 0 when the report does not say."""

    domain: str
    reporter: str
    at: int
    complaint: Complaint


def read(content: bytes) -> Found:
    """The feedback report in a letter. arf.BadReport."""
    report = arf.parse(content)
    outer, original = headers.scan(content), headers.scan(report.original)
    authors = author.shown(original).domains
    sender = _host(report.mail_from)
    reporter = report.first("reporting-mta").rpartition(";")[2].strip().lower()
    reporter = reporter or next(iter(author.shown(outer).domains), "")
    to = dict.fromkeys(host for each in report.recipients if (host := _host(each)))
    made = Complaint(
        report.feedback_type[:_TEXT], report.incidents, report.source_ip, report.mail_from[:_TEXT],
        tuple(each[:_TEXT] for each in report.recipients[:_LISTED]), tuple(to)[:_LISTED],
        report.first("user-agent")[:_TEXT], original.text(b"message-id").strip("<> ")[:_TEXT],
        original.text(b"subject")[:_TEXT], report.first("auth-failure").lower()[:_TEXT],
        report.first("delivery-result").lower()[:_TEXT],
    )  # fmt: skip
    domain = next(iter((*report.reported_domains, *authors, sender)), "")
    return Found(author.normal(domain), reporter[:_TEXT], _moment(report.first("arrival-date")), made)


def _host(address: str) -> str:
    return author.normal(address.rpartition("@")[2]) if "@" in address else ""


def _moment(text: str) -> int:
    try:
        return max(0, int(parsedate_to_datetime(text).timestamp()))
    except (ValueError, OverflowError, TypeError):
        return 0
