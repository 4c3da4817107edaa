"""Relay: is there anything behind this forward-path that we carry letters for?

Run from the table in checks, once per RCPT.
Never routes: delivery finds the way.
Fails by a Verdict: 5.1.1 unknown user, 5.2.1 switched off, 5.7.1 relay denied or asked for by a detour, 4.2.2 full.
"""

from hatoba.intake.case import LMTP, Case, reject
from hatoba.model.envelope import Recipient
from hatoba.model.outcome import Verdict

# Marks of a route inside a local part: user%host@here, host!user@here, "user@host"@here. # RFC 5321 appendix F.2
_ROUTING = frozenset("%!@")


def destination(case: Case, recipient: Recipient) -> Verdict | None:
    """Local users must exist (no backscatter later), other domains must be ours to relay or the client trusted."""
    address = recipient.address
    if case.rewritten is not None and address in case.rewritten.behind:
        return None  # whoever stands behind it was looked at
    domain = case.directory.domain(address.domain)
    if domain is None:
        if case.trusted:
            return None
        return reject("relay", "5.7.1", f"<{address}>: relay access denied")
    if domain.kind != "local" and case.source.door == LMTP:
        return reject("relay", "5.7.1", f"<{address}>: only mailboxes of ours are delivered to by LMTP")
    if domain.kind != "local":
        if not case.trusted and not _ROUTING.isdisjoint(address.local):
            # The next host trusts us; if it reads a route there, we would have opened it to the world.
            return reject("relay", "5.7.1", f"<{address}>: a route in a local part is not followed from here")
        return None
    account = case.directory.account(address)
    if account is None:
        return reject("relay", "5.1.1", f"<{address}>: no such user here")
    if not account.enabled:
        return reject("relay", "5.2.1", f"<{address}>: mailbox switched off")
    if account.key in case.directory.full:
        return reject("quota", "4.2.2", f"<{address}>: the mailbox is full")
    return None
