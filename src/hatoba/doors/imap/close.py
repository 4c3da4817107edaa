"""CLOSE and UNSELECT: the box is left, with or without taking out the deleted letters.

Called by session through its table.
Never tells a letter's going: the client does not care any more.
Fails never but as the store does.  # RFC 9051 §6.4.1, §6.4.2
"""

from __future__ import annotations

from hatoba.doors.imap import words
from hatoba.doors.imap.state import State
from hatoba.mailboxes import letters, rights
from hatoba.wire.imap import events
from hatoba.wire.imap.responses import Tagged


async def close(state: State, event: events.Close) -> Tagged:
    """Letters marked deleted go where the box was opened for writing, silently."""
    selected = state.open
    if not selected.read_only and rights.EXPUNGE in selected.rights:
        await letters.expunge(selected)
    state.leave()
    return words.ok(event, "Closed")


def unselect(state: State, event: events.Unselect) -> Tagged:
    state.leave()
    return words.ok(event, "Left")
