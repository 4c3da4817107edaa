"""RENAME: a box and all below it get another name; of INBOX the letters move into a new box.

Called by session through its table.
Never moves a box between accounts.
Fails with NoBox, BoxExists, BadName, Denied and what the store raises.  # RFC 9051 §6.3.6
"""

from __future__ import annotations

from typing import Any

from hatoba.doors.imap import news, words
from hatoba.doors.imap.state import State
from hatoba.mailboxes import folders
from hatoba.wire.imap import events


async def rename(state: State, event: events.Rename) -> list[Any]:
    await folders.rename(state.house.post, state.account, event.mailbox, event.to)
    return await news.ended(state, words.ok(event, "Renamed"))
