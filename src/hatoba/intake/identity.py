"""Identity: a submission must say whose it is, and the account must own it.

Run from the tables in checks: the reverse-path at MAIL, the From field at the end of the content.
Never looks at letters from outside: SPF, DKIM and DMARC judge those.
Fails by a Verdict: 5.7.1 with the reason, 5.7.0 without an account.
"""

from hatoba.intake.case import Case, reject
from hatoba.model.address import Address
from hatoba.model.outcome import Verdict


def reverse_path(case: Case) -> Verdict | None:
    """The account may send as the reverse-path.

    The null reverse-path is taken on mx (bounces come with it, RFC 5321 §4.5.5). On submission mail programs use it
    for read receipts (RFC 8098 §3), so an account may use it too, but then `header_from` holds From to account.
    """
    if not case.submitted:
        return None
    account, sender = case.source.account, case.mail.sender
    if not account:
        if case.trusted:
            return None
        return reject("sender", "5.7.0", "Authentication required")
    if sender is None:
        if case.settings.null_sender:
            return None
        return reject("sender", "5.7.1", "The null sender may not be submitted here")
    if case.directory.may_send_as(account, sender):
        return None
    return reject("sender", "5.7.1", f"{account} may not send as <{sender}>: not an address of this account")


def header_from(case: Case, author: Address | None) -> Verdict | None:
    """The From field belongs to the account, where the settings or a null reverse-path ask for it.

    `author` is the mailbox of the From field, None when it holds none that can be read.
    """
    if not case.submitted or not case.source.account:
        return None
    if not case.settings.own_from and case.mail.sender is not None:
        return None
    account = case.source.account
    if author is not None and case.directory.may_send_as(account, author):
        return None
    shown = f"<{author}>" if author is not None else "an address that cannot be read"
    return reject("from", "5.7.1", f"The From field names {shown}: not an address of {account}")
