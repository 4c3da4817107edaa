"""Loop: has this letter been round too often?

Run from the table in checks, at the end of the content.
Never opens the body.
Fails by a Verdict 5.4.6.
"""

from hatoba.intake.case import Case, reject
from hatoba.intake.heading import Heading
from hatoba.model.outcome import Verdict


def hops(case: Case, heading: Heading) -> Verdict | None:
    """Received fields, all of them and those of this host. # RFC 5321 §6.3"""
    if heading.hops > case.settings.hops:
        return reject("loop", "5.4.6", f"Mail loop: {heading.hops} Received fields, {case.settings.hops} allowed")
    if heading.own_hops > case.settings.own_hops:
        return reject("loop", "5.4.6", f"Mail loop: {heading.own_hops} times through this host")
    return None


def delivered(case: Case, heading: Heading) -> Verdict | None:
    """Every recipient has had this letter before, says Delivered-To: a forward that leads back."""
    lines = heading.fields.all(b"delivered-to")
    if not lines:
        return None
    had = {line.decode("utf-8", "replace").casefold() for line in lines}
    if all(str(recipient.address).casefold() in had for recipient in case.recipients):
        return reject("loop", "5.4.6", "Mail loop: it was delivered to its recipients before")
    return None
