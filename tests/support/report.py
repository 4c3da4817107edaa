"""A delivery status notification, read by the standard library's email package.

Used by story and interop tests.
Never looks at our own code: what another program can read of a DSN is what counts.
Fails with AssertionError when the octets are no report as RFC 3464 wants it.
"""

from email import message_from_bytes, policy
from email.message import EmailMessage, Message

import msgspec


class Dsn(msgspec.Struct):
    """`message` holds the per-message fields, `recipients` the per-recipient ones, a group each."""

    whole: EmailMessage
    text: str
    message: EmailMessage
    recipients: list[EmailMessage]
    returned: EmailMessage  # the letter, or its header alone

    def of(self, address: str) -> EmailMessage:
        """The group of one recipient."""
        return next(group for group in self.recipients if str(group["Final-Recipient"]).endswith(f"; {address}"))


def read(octets: bytes) -> Dsn:
    """Reads a report as it lies in a mailbox. # RFC 3464 §2"""
    whole = message_from_bytes(octets, _class=EmailMessage, policy=policy.SMTP)
    assert whole.get_content_type() == "multipart/report"
    assert whole.get_param("report-type") in ("delivery-status", "global-delivery-status")
    assert str(whole["Return-Path"]) == "<>"
    assert not whole.defects
    text, status, last = whole.iter_parts()
    assert status.get_content_type() in ("message/delivery-status", "message/global-delivery-status")
    groups = [message_from_bytes(group, _class=EmailMessage, policy=policy.SMTPUTF8) for group in _groups(status)]
    return Dsn(whole, str(text.get_content()), groups[0], groups[1:], _returned(last))


def _groups(status: Message) -> list[bytes]:
    """The groups of fields. The library parts those of message/delivery-status and knows no global one. # RFC 6533"""
    parts = [part for part in status.walk() if part is not status]
    octets = b"\r\n\r\n".join(part.as_bytes(policy=policy.SMTPUTF8).strip(b"\r\n") for part in parts)
    return octets.split(b"\r\n\r\n")


def _own(group: object) -> EmailMessage:
    assert isinstance(group, EmailMessage)
    return group


def _returned(part: Message) -> EmailMessage:
    """The letter of a message/rfc822 part, or the header of a text/rfc822-headers one."""
    payload = part.get_payload()
    if isinstance(payload, list):
        return _own(payload[0])
    octets = part.get_payload(decode=True)
    assert isinstance(octets, bytes)
    return message_from_bytes(octets, _class=EmailMessage, policy=policy.SMTP)
