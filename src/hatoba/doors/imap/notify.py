"""NOTIFY: the client says of which boxes and changes it wants to hear without asking.

Called by session through its table.
Never watches more boxes than the account may know of.
Fails with what the store raises; then nothing is watched.  # RFC 5465
"""

from __future__ import annotations

from typing import Any

from hatoba.doors.imap import news, words
from hatoba.doors.imap.notifying import Notifying
from hatoba.doors.imap.state import State
from hatoba.wire.imap import events


async def notify(state: State, event: events.Notify) -> list[Any]:
    """What was watched before is not any more."""
    gone(state)
    if not event.groups:
        return await news.ended(state, words.ok(event, "Nothing is watched"))
    notifying = Notifying(state, event.groups)
    told = await notifying.begin(tell=event.status)
    state.notifying = notifying
    return [*told, *await news.ended(state, words.ok(event, "Watching"))]


def gone(state: State) -> None:
    """Nothing is watched any more."""
    notifying, state.notifying = state.notifying, None
    if notifying is not None:
        notifying.end()
