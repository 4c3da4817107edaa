"""Editing: carries out what services want changed in a letter that goes on: its header, its body, its envelope.

Called by transaction once the checks are through, with their verdicts in the order in which they were asked.
Never edits what no verdict names; addresses were looked at by the check that took them over.
Fails never; a letter that nobody is left to get keeps its recipients and is dropped with the reason.
"""

from collections.abc import Iterable, Sequence

import msgspec

from hatoba.intake.case import Reverse
from hatoba.intake.subject import Subject
from hatoba.message import fields
from hatoba.model.address import Address
from hatoba.model.edits import Edits
from hatoba.model.envelope import Notes, Recipient
from hatoba.model.outcome import Verdict


class Edited(msgspec.Struct):
    """A letter's parts as they are to go on. `above` stands on top of all that we add; `body` None: unchanged.

    `nobody` names the check that took the last recipient away, "" where there is one left.
    """

    block: bytes
    sender: Address | None
    recipients: tuple[Recipient, ...]
    above: bytes = b""
    body: bytes | None = None
    nobody: str = ""


def carried_out(
    verdicts: Iterable[Verdict], block: bytes, sender: Address | None, recipients: Sequence[Recipient]
) -> Edited:
    """All edits, one verdict after the other; the very `block` where no field is touched."""
    edited = Edited(block, sender, tuple(recipients))
    for verdict in verdicts:
        if verdict.edits is not None:
            _carry_out(edited, verdict.edits, verdict.check)
    return edited


def seen(subject: Subject, wanted: Edits, check: str) -> Subject:
    """The letter as whoever is asked next is to see it: with the changes of the one before."""
    case = subject.case
    edited = Edited(subject.block, case.mail.sender, tuple(case.recipients))
    _carry_out(edited, wanted, check)
    case = msgspec.structs.replace(case, recipients=list(edited.recipients))
    if wanted.sender is not None:
        case.mail = Reverse(edited.sender, case.mail.size, case.mail.body, case.mail.smtputf8)
    return subject.changed(case, edited.above + edited.block, edited.body)


def _carry_out(edited: Edited, wanted: Edits, check: str) -> None:
    if wanted.fields:
        edited.above, edited.block = fields.changed(edited.block, wanted.fields, edited.above)
    if wanted.body is not None:
        edited.body = wanted.body
    if wanted.sender is not None:
        edited.sender = Address.parse(wanted.sender) if wanted.sender else None
    if wanted.added or wanted.removed:
        left = _readdressed(edited.recipients, wanted.added, wanted.removed)
        edited.recipients, edited.nobody = (left, "") if left else (edited.recipients, check)


def _readdressed(known: Sequence[Recipient], added: Sequence[str], removed: Sequence[str]) -> tuple[Recipient, ...]:
    gone = {Address.parse(each) for each in removed}
    left = {recipient.address: recipient for recipient in known if recipient.address not in gone}
    for each in added:
        address = Address.parse(each)
        left.setdefault(address, Recipient(address))
    return tuple(left.values())


def told(edited: Edited, notes: Notes) -> None:
    """What the journal is to say of a letter that nobody is left to get: unless it is held, it is dropped."""
    if edited.nobody and not notes.hold and not notes.drop:
        notes.drop = f"discarded: {edited.nobody}: it took every recipient away"


def shape(body: bytes) -> tuple[bool, bool]:
    """(some line begins with a dot, some octet is above 127) of a new body."""
    return body.startswith(b".") or b"\n." in body, not body.isascii()
