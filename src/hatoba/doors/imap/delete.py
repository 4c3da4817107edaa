"""DELETE: a box and the letters in it go; what is below it stays.

Called by session through its table.
Never deletes INBOX.
Fails with NoBox, Denied and what the store raises.  # RFC 9051 §6.3.5
"""

from __future__ import annotations

from typing import Any

from hatoba.doors.imap import news, words
from hatoba.doors.imap.state import State
from hatoba.mailboxes import folders
from hatoba.wire.imap import events


async def delete(state: State, event: events.Delete) -> list[Any]:
    await folders.delete(state.house.post, state.account, event.mailbox)
    return await news.ended(state, words.ok(event, "Deleted"))
