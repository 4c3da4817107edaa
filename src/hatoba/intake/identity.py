"""Identity: a submission must say whose it is, and the account must own it.

Run from the tables in checks: the reverse-path at MAIL, the From field at the end of the content.
Never looks at letters from outside: SPF, DKIM and DMARC judge those.
Fails by a Verdict: 5.7.1 with the reason, 5.7.0 without an account.
"""

import re

from hatoba.intake.case import Case, reject
from hatoba.intake.heading import FROM_MOST, Heading
from hatoba.model.address import Address, BadAddress
from hatoba.model.outcome import Verdict


def reverse_path(case: Case) -> Verdict | None:
    """The account may send as the reverse-path.

    The null reverse-path is taken on mx (bounces come with it, RFC 5321 §4.5.5). On submission mail programs use it
    for read receipts (RFC 8098 §3), so an account may use it too, but then `author` holds its From to account.
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


def author(case: Case, heading: Heading) -> Verdict | None:
    """The From field belongs to the account, where the settings or a null reverse-path ask for it.

    A letter without From passes: it gets the account's own.
    """
    if not case.submitted or not case.source.account:
        return None
    if not case.settings.own_from and case.mail.sender is not None:
        return None
    account = case.source.account
    if not heading.fields.has(b"from"):
        return None
    named = _mailbox(heading)
    if named is not None and case.directory.may_send_as(account, named):
        return None
    shown = f"<{named}>" if named is not None else "no single address"
    return reject("from", "5.7.1", f"The From field names {shown}: not an address of {account}")


# A display name (words and quoted strings) and <address>; no second mailbox, no group, no comment.  # RFC 5322 §3.4
_NAMED = re.compile(r"""(?:[^"<>(),;:@\\]|"(?:[^"\\]|\\.)*")*<([^<>]+)>""")


def _mailbox(heading: Heading) -> Address | None:
    """The one mailbox of the one From field; None for anything harder to read: what is unclear is not proven."""
    if (
        heading.fields.count(b"from") != 1 or len(heading.header_from) >= FROM_MOST
    ):  # cut off: a second mailbox may have stood there
        return None
    found = _NAMED.fullmatch(heading.header_from)
    try:
        return Address.parse(found[1] if found else heading.header_from)
    except BadAddress:
        return None
