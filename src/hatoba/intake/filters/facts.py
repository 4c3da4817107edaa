"""facts: what a service is told of a letter, or of a recipient before there is one: the Question behind a Consult.

Called by app for each Consult, on its way to a client in net.
Never decides and never copies the content.
Fails never.
"""

import msgspec

from hatoba.intake.asking import At, Consult, Work
from hatoba.intake.case import Case
from hatoba.kit import ids
from hatoba.model.envelope import Recipient
from hatoba.model.opinion import Question


def question(consult: Consult) -> Question:
    """Everything a client needs."""
    subject = consult.subject
    if isinstance(subject, At):
        recipients = [subject.recipient] if subject.recipient is not None else subject.case.recipients
        return _asked(subject.case, "", recipients)
    assert not isinstance(subject, Work)  # noqa: S101 # that is for the threads: none of these services is asked it
    asked = _asked(subject.case, ids.text(subject.id), subject.case.recipients)
    return msgspec.structs.replace(asked, size=subject.size, block=subject.block, pieces=subject.pieces)


def _asked(case: Case, number: str, recipients: list[Recipient]) -> Question:
    source, sender = case.source, case.mail.sender
    return Question(
        id=number,
        hostname=case.hostname,
        received=case.now,
        door=source.door,
        ip=source.ip,
        client=case.ptr,
        helo=source.helo,
        tls=source.tls,
        account=source.account,
        sender="" if sender is None else str(sender),
        recipients=tuple(str(recipient.address) for recipient in recipients),
    )
