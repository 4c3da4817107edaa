"""CREATE: a new box, its superiors with it, and its special use.

Called by session through its table.
Never makes INBOX anew: it is always there.
Fails with BoxExists, BadName, Denied and what the store raises.  # RFC 9051 §6.3.4, RFC 6154 §3, RFC 8474 §4.1
"""

from __future__ import annotations

from typing import Any

from hatoba.doors.imap import news, words
from hatoba.doors.imap.state import State
from hatoba.mailboxes import folders, names
from hatoba.wire.imap import codes, events


async def create(state: State, event: events.Create) -> list[Any]:
    """The OK names the box's id."""
    known = {use.lower(): use for use in names.SPECIAL}
    uses = [known.get(use.lower(), "") for use in event.uses]
    if not all(uses):
        return [words.no(event, "There is no such special use", "USEATTR")]
    box = await folders.create(state.house.post, state.account, event.mailbox, tuple(uses))
    return await news.ended(state, words.ok(event, "Created", codes.mailboxid(box.objectid)))
