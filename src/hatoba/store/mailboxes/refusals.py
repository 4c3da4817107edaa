"""Refusals: why a change of mailboxes cannot be, each a class that the room above translates for its client.

Raised by this package's functions inside a transaction, of which nothing is written then.
Never StoreTrouble: trying again later does not help.
Fails with nothing.
"""


class Refused(Exception):
    """Base of all of them; the text is for logs."""


class NoBox(Refused):
    """The mailbox is not there (any more)."""


class BoxExists(Refused):
    """The name is taken."""


class OverQuota(Refused):
    """The account would hold more than it may."""


class TooManyKeywords(Refused):
    """The mailbox has all the different keywords it can have, and each is in use."""


class NoSuch(Refused):
    """A script, a note or the like is not there."""


class InUse(Refused):
    """The active script cannot be deleted."""
