"""ENABLE: what the client has learned to understand.

Called by session through its table; the engine changes what it says.
Never enables what was not offered: the engine sees to that.
Fails never.  # RFC 9051 §6.3.1, RFC 5161, RFC 7162 §3.1
"""

from __future__ import annotations

from typing import Any

from hatoba.doors.imap import words
from hatoba.doors.imap.state import State
from hatoba.wire.imap import codes, events, responses


def enable(state: State, event: events.Enable) -> list[Any]:
    """With CONDSTORE and a box open, the client is told its MODSEQ, which it was not at SELECT."""
    out: list[Any] = [responses.Enabled(event.names)]
    if state.selected is not None and "IMAP4REV2" in event.names:
        state.selected.ancient = False
    if state.selected is not None and {"CONDSTORE", "QRESYNC"} & set(event.names):
        code = codes.highestmodseq(state.selected.view.modseq)
        out.append(responses.Untagged("OK", "Highest", code))  # RFC 7162 §3.1.2.1
    return [*out, words.ok(event)]
