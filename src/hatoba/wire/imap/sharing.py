"""The commands of QUOTA and ACL.

Called by commands.py's table.
Never knows who may do what, nor how much is used.
Fails with Bad.  # RFC 9208 §4.1, RFC 4314 §3
"""

from __future__ import annotations

import re
from typing import Final

from hatoba.wire.imap import events
from hatoba.wire.imap.scanner import Bad, Scanner

_RIGHTS = re.compile(r"[a-z0-9]{0,36}\Z").match  # RFC 4314 §2
_IDENTIFIER: Final = 512
_RESOURCES: Final = 20


def getquota(scanner: Scanner, tag: str) -> events.GetQuota:
    scanner.space()
    return events.GetQuota(tag, scanner.text("A quota root"))


def getquotaroot(scanner: Scanner, tag: str) -> events.GetQuotaRoot:
    scanner.space()
    return events.GetQuotaRoot(tag, scanner.mailbox())


def setquota(scanner: Scanner, tag: str) -> events.SetQuota:
    scanner.space()
    root = scanner.text("A quota root")
    scanner.space()
    limits = scanner.listed(lambda: _limit(scanner), empty=True)
    if len(limits) > _RESOURCES:
        raise Bad("Too many resources")
    return events.SetQuota(tag, root, tuple(limits))


def _limit(scanner: Scanner) -> tuple[str, int]:
    name = scanner.word("A resource")
    scanner.space()
    return name, scanner.number("A limit")


def getacl(scanner: Scanner, tag: str) -> events.GetAcl:
    scanner.space()
    return events.GetAcl(tag, scanner.mailbox())


def myrights(scanner: Scanner, tag: str) -> events.MyRights:
    scanner.space()
    return events.MyRights(tag, scanner.mailbox())


def listrights(scanner: Scanner, tag: str) -> events.ListRights:
    scanner.space()
    mailbox = scanner.mailbox()
    scanner.space()
    return events.ListRights(tag, mailbox, _identifier(scanner))


def deleteacl(scanner: Scanner, tag: str) -> events.DeleteAcl:
    scanner.space()
    mailbox = scanner.mailbox()
    scanner.space()
    return events.DeleteAcl(tag, mailbox, _identifier(scanner))


def setacl(scanner: Scanner, tag: str) -> events.SetAcl:
    scanner.space()
    mailbox = scanner.mailbox()
    scanner.space()
    identifier = _identifier(scanner)
    scanner.space()
    rights = scanner.text("The rights")
    mode = rights[:1] if rights[:1] in ("+", "-") else ""
    letters = rights.removeprefix(mode)
    if not _RIGHTS(letters):
        raise Bad("Rights are lower case letters and digits")
    return events.SetAcl(tag, mailbox, identifier, mode, "".join(dict.fromkeys(letters)))


def _identifier(scanner: Scanner) -> str:
    identifier = scanner.text("An identifier")
    if not identifier or len(identifier) > _IDENTIFIER or not identifier.isprintable():
        raise Bad("The identifier is not well formed")
    return identifier
