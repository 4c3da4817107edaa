"""DELE, RSET and QUIT: what is marked, and what becomes of it.

Called by session through its table.
Never removes anything before QUIT, nor when the connection ends in another way.  # RFC 1939 §6
Fails with -ERR at QUIT when nothing could be removed: the letters are there at the next login.
"""

from __future__ import annotations

from typing import Any

from hatoba.doors.pop3 import translate, words
from hatoba.doors.pop3.state import State
from hatoba.wire.pop3 import events
from hatoba.wire.pop3.reply import Reply


def dele(state: State, event: events.Dele) -> Reply:
    """Marked: it has no number any more, except for RSET."""
    if not state.has(event.number):
        return state.erred(words.NO_SUCH)
    state.gone.add(event.number)
    return words.MARKED


def rset(state: State, event: events.Rset) -> Reply:
    state.gone.clear()
    return words.OK


def quit_(state: State, event: events.Quit) -> Any:
    """The end; from the maildrop, its update first."""
    state.why = "quit"
    return _update(state) if event.update else words.BYE


async def _update(state: State) -> Reply:
    seen = state.seen if state.house.settings.seen else set()
    try:
        await state.open.update(state.gone, seen)
    except translate.KNOWN as error:
        translate.refused(state, error)
        return words.NOT_ALL_REMOVED if state.gone else words.BYE
    state.house.counts.deleted += len(state.gone)
    return words.BYE
