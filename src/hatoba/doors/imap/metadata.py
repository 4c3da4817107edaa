"""GETMETADATA and SETMETADATA: what clients remember of a box, or of the account.

Called by session through its table.
Never interprets a value.
Fails with Denied, NoBox and what the store raises.  # RFC 5464 §4
"""

from __future__ import annotations

from typing import Any

from hatoba.doors.imap import news, words
from hatoba.doors.imap.state import State
from hatoba.mailboxes import notes
from hatoba.wire.imap import codes, events, responses


async def get_metadata(state: State, event: events.GetMetadata) -> list[Any]:
    """Values larger than MAXSIZE are left out, and the largest of them is named."""
    found = await notes.get(state.house.post, state.account, event.mailbox, event.entries, event.depth)
    entries: list[tuple[str, bytes | None]] = [
        (entry, value) for entry, value in found.items() if event.maxsize < 0 or len(value) <= event.maxsize
    ]
    if event.depth == 0:  # what was asked for by name is answered, NIL where there is none
        entries += [(entry, None) for entry in event.entries if entry not in found]
    longest = max((len(value) for value in found.values()), default=0)
    code = codes.metadata_longentries(longest) if 0 <= event.maxsize < longest else ""
    out: list[Any] = [responses.Metadata(event.mailbox, entries)] if entries else []
    return [*out, *await news.ended(state, words.ok(event, "Done", code))]


async def set_metadata(state: State, event: events.SetMetadata) -> list[Any]:
    await notes.put(state.house.post, state.account, event.mailbox, event.entries)
    return await news.ended(state, words.ok(event))
