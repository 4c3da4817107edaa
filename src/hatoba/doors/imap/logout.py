"""LOGOUT: the orderly end.

Called by session through its table.
Never expunges: that is CLOSE's.
Fails never.  # RFC 9051 §6.1.3
"""

from __future__ import annotations

from hatoba.doors.imap import words
from hatoba.doors.imap.state import State
from hatoba.wire.imap import events
from hatoba.wire.imap.responses import Closing


def logout(state: State, event: events.Logout) -> Closing:
    """BYE, OK, and the end."""
    state.why = "logout"
    state.leave()
    return Closing(words.ok(event, "Logged out"), "Good bye")
