"""Relay: is there anything behind this forward-path that we carry letters for?

Run from the table in checks, once per RCPT.
Never routes: delivery finds the way.
Fails by a Verdict: 5.1.1 unknown user, 5.2.1 switched off, 5.7.1 relay access denied.
"""

from hatoba.intake.case import Case, reject
from hatoba.model.envelope import Recipient
from hatoba.model.outcome import Verdict


def destination(case: Case, recipient: Recipient) -> Verdict | None:
    """Local users must exist (no backscatter later), other domains must be ours to relay or the client trusted."""
    address = recipient.address
    domain = case.directory.domain(address.domain)
    if domain is None:
        if case.trusted:
            return None
        return reject("relay", "5.7.1", f"<{address}>: relay access denied")
    if domain.kind != "local":
        return None
    account = case.directory.account(address)
    if account is None:
        return reject("relay", "5.1.1", f"<{address}>: no such user here")
    if not account.enabled:
        return reject("relay", "5.2.1", f"<{address}>: mailbox switched off")
    return None
