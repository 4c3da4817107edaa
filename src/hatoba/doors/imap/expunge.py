"""EXPUNGE and UID EXPUNGE: letters marked deleted go.

Called by session through its table.
Never takes a letter out that is not marked.
Fails with Denied and what the store raises.  # RFC 9051 §6.4.3, §6.4.9, RFC 7162 §3.2.7
"""

from __future__ import annotations

from typing import Any

from hatoba.doors.imap import chosen, news, words
from hatoba.doors.imap.state import State
from hatoba.mailboxes import letters
from hatoba.wire.imap import codes, events


async def expunge(state: State, event: events.Expunge) -> list[Any]:
    """What goes is told, and with QRESYNC the MODSEQ that stands for it."""
    selected = state.open
    uids = chosen.uids(state, event.numbers, uid=True) if event.uid else None
    if uids is None or uids:
        await letters.expunge(selected, uids)
    code = ""
    if "QRESYNC" in state.engine.enabled:
        code = codes.highestmodseq(selected.box.modseq)
    return await news.ended(state, words.ok(event, "Expunged", code))
