"""SORT: letters that meet criteria, in the order asked for.

Called by session through its table.
Never sorts by what is not kept beside each letter.
Fails with NoSuchNumber and what the store raises.  # RFC 5256, RFC 5957, RFC 5267 §3
"""

from __future__ import annotations

from typing import Any

from hatoba.doors.imap import search
from hatoba.doors.imap.state import State
from hatoba.mailboxes import finding
from hatoba.mailboxes import search as searches
from hatoba.wire.imap import events


async def sort(state: State, event: events.Sort) -> list[Any]:
    uids = await finding.ordered(state.open, event.key, event.criteria, state.saved)
    asked = searches.asks_modseq(event.key)
    return await search.answered(state, event, uids, "SORT", asked=asked, ascending=False)
