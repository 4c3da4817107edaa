"""Extent: how many and how much: recipients, octets, alphabets.

Run from the tables in checks.
Never counts content: transaction does, and refuses by `too_large`.
Fails by a Verdict: 4.5.3 recipients, 5.3.4 size, 5.6.7 addresses, 5.7.10 transport.
"""

from hatoba.intake.case import Case, reject
from hatoba.model.envelope import Recipient
from hatoba.model.outcome import Verdict
from hatoba.model.status import Refusal, Status


def declared(case: Case) -> Verdict | None:
    """SIZE= is within the limit. # RFC 1870 §6.1"""
    if case.mail.size > case.settings.size:
        return reject("size", "5.3.4", f"Letter larger than the {case.settings.size} octets allowed")
    return None


def too_large(limit: int, what: str = "Letter") -> Refusal:
    """The content has outgrown `limit` octets."""
    return Refusal(Status("5.3.4", f"{what} larger than the {limit} octets allowed"))


def transport(case: Case) -> Verdict | None:
    """REQUIRETLS was asked for over TLS. # RFC 8689 §4.1"""
    if case.mail.requiretls and not case.source.tls:
        return reject("requiretls", "5.7.10", "REQUIRETLS needs a connection under TLS")
    return None


def alphabet(case: Case) -> Verdict | None:
    """A reverse-path beyond ASCII needs SMTPUTF8. # RFC 6531 §3.4"""
    sender = case.mail.sender
    if sender is not None and not sender.local.isascii() and not case.mail.smtputf8:
        return reject("alphabet", "5.6.7", "A sender beyond ASCII needs SMTPUTF8")
    return None


def count(case: Case, recipient: Recipient) -> Verdict | None:
    """Room for one more recipient; the client sends the rest in a next transaction. # RFC 5321 §4.5.3.1.10"""
    if len(case.recipients) >= case.settings.recipients:
        return reject("recipients", "4.5.3", "Too many recipients, send the rest in another transaction")
    if not case.mail.smtputf8 and not recipient.address.local.isascii():
        return reject("alphabet", "5.6.7", "A recipient beyond ASCII needs SMTPUTF8")
    return None
