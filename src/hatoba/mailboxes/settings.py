"""Settings of how mailboxes are used: what a new account finds, and how often what changed elsewhere is looked for.

Read by app from the [reading] table.
Never read from a file here; how mailboxes are stored stands in [mailboxes].
A value out of its bounds fails where the file is read.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from hatoba.kit.units import Seconds

Meta = msgspec.Meta


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The [reading] table."""

    folders: Annotated[
        tuple[str, ...],
        Meta(
            description="Mailboxes a new account has beside INBOX, subscribed; each is named after its use "
            "(RFC 6154): of Drafts, Sent, Trash, Junk, Archive."
        ),
    ] = ("Drafts", "Sent", "Trash", "Junk", "Archive")
    poll: Annotated[
        Seconds,
        Meta(gt=0, description="How often open mailboxes are looked at for changes that no other worker told of."),
    ] = 5.0
