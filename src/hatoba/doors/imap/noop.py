"""NOOP and CHECK: the moment to tell what has changed.

Called by session through its table.
Never changes anything.
Fails with what the store raises.  # RFC 9051 §6.1.2, RFC 3501 §6.4.1
"""

from __future__ import annotations

from typing import Any

from hatoba.doors.imap import news, words
from hatoba.doors.imap.state import State
from hatoba.wire.imap import events


def noop(state: State, event: events.Noop | events.Check) -> Any:
    """Looks at the box anew, whether somebody said that it changed or not."""
    if state.selected is None:
        return words.ok(event)
    return _noop(state, event)


async def _noop(state: State, event: events.Noop | events.Check) -> list[Any]:
    await news.up_to_date(state, always=True)
    return [*news.told(state), words.ok(event)]
