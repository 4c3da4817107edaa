"""SUBSCRIBE and UNSUBSCRIBE: the names a client shows.

Called by session through its table.
Never asks whether a box is there that is given up; one that is taken up must be.
Fails with NoBox and what the store raises.  # RFC 9051 §6.3.7, §6.3.8
"""

from __future__ import annotations

from typing import Any

from hatoba.doors.imap import news, words
from hatoba.doors.imap.state import State
from hatoba.mailboxes import folders
from hatoba.wire.imap import events


async def subscribe(state: State, event: events.Subscribe) -> list[Any]:
    await folders.subscribe(state.house.post, state.account, event.mailbox)
    return await news.ended(state, words.ok(event))


async def unsubscribe(state: State, event: events.Unsubscribe) -> list[Any]:
    await folders.unsubscribe(state.house.post, state.account, event.mailbox)
    return await news.ended(state, words.ok(event))
