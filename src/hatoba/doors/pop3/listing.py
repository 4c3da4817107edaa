"""STAT, LIST and UIDL: how many letters there are, how large they are, and what they are called for ever.

Called by session through its table.
Never counts a letter that is marked as deleted.  # RFC 1939 §5
Fails with -ERR for a number that no letter has.
"""

from __future__ import annotations

from collections.abc import Callable

from hatoba.doors.pop3 import words
from hatoba.doors.pop3.state import State
from hatoba.wire.pop3 import content, events
from hatoba.wire.pop3.reply import Reply


def _totals(state: State) -> tuple[int, int]:
    """(letters, octets) of those that are left."""
    drop = state.open
    return drop.count - len(state.gone), drop.octets - sum(drop.sizes[number - 1] for number in state.gone)


def stat(state: State, event: events.Stat) -> Reply:
    count, octets = _totals(state)
    return Reply(True, f"{count} {octets}")


def list_(state: State, event: events.List) -> Reply:
    sizes = state.open.sizes
    return _told(state, event.number, lambda number: str(sizes[number - 1]))


def uidl(state: State, event: events.Uidl) -> Reply:
    return _told(state, event.number, state.open.uid)


def _told(state: State, number: int, fact: Callable[[int], str]) -> Reply:
    """A line about one letter, or behind the reply one about each."""
    if number:
        return Reply(True, f"{number} {fact(number)}") if state.has(number) else state.erred(words.NO_SUCH)
    count, octets = _totals(state)
    state.pump.stream(content.listing(f"{each} {fact(each)}".encode() for each in state.left()))
    return Reply(True, f"{count} messages ({octets} octets)")
