"""STATUS: a box's numbers without opening it.

Called by session through its table, by listing for RETURN (STATUS …), and by notify.
Never opens the box: the numbers stand beside it.
Fails with NoBox, Denied and what the store raises.  # RFC 9051 §6.3.11, RFC 7162 §3.1.7, RFC 8474 §4.2, RFC 8438
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hatoba.doors.imap import news, words
from hatoba.doors.imap.state import State
from hatoba.mailboxes import folders
from hatoba.store.mailboxes.boxes import Box
from hatoba.wire.imap import events, responses


async def status(state: State, event: events.Status) -> list[Any]:
    """The one that is open may be asked for, too."""
    box = await folders.status(state.house.post, state.account, event.mailbox)
    octets = 0
    if "DELETED-STORAGE" in event.items:
        octets = await folders.deleted_octets(state.house.post, state.account, event.mailbox)
    return [told(state, event.mailbox, box, event.items, octets), *await news.ended(state, words.ok(event))]


def told(state: State, mailbox: str, box: Box, items: Sequence[str], octets: int = 0) -> responses.MailboxStatus:
    """The items asked for; `octets` of letters marked deleted."""
    known: dict[str, int | str | None] = {
        "MESSAGES": box.letters,
        "UIDNEXT": box.uidnext,
        "UIDVALIDITY": box.uidvalidity,
        "UNSEEN": box.unseen,
        "DELETED": box.deleted,
        "SIZE": box.bytes,
        "HIGHESTMODSEQ": box.modseq,
        "MAILBOXID": box.objectid,
        "RECENT": folders.recent(box),
        "APPENDLIMIT": state.house.settings.letter,
        "DELETED-STORAGE": octets,
    }
    return responses.MailboxStatus(mailbox, [(item, known[item]) for item in items if item in known])
