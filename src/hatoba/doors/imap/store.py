"""STORE: flags set, taken away or replaced, unless they changed meanwhile.

Called by session through its table.
Never changes a flag that the session has no right to.
Fails with Denied, NoSuchNumber, TooManyKeywords and what the store raises.  # RFC 9051 §6.4.6, RFC 7162 §3.1.3
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hatoba.doors.imap import chosen, news, words
from hatoba.doors.imap.state import State
from hatoba.mailboxes import letters
from hatoba.model import numbers
from hatoba.store.mailboxes.marks import Marked
from hatoba.wire.imap import codes, events


async def store(state: State, event: events.Store) -> list[Any]:
    """The flags as they are now, unless silence was asked for."""
    selected = state.open
    view = selected.view
    uids = chosen.uids(state, event.numbers, uid=event.uid)
    conditional = event.unchanged_since >= 0
    selected.condstore = selected.condstore or conditional
    marked = Marked(0, [], [], [])
    if uids:
        since = event.unchanged_since if conditional else None
        marked = await letters.store(selected, uids, event.mode or "=", event.flags, since)
    told = _told(state, event, uids, marked)
    places = view.of(told)
    view.heard(uids if not event.silent else _as_wanted(state, marked))
    out: list[Any] = []
    if selected.new_keywords():
        out += news.flags(selected)
    if places:
        out.append(news.marks(state, selected, places, uid=event.uid))
    answer = words.ok(event, "Stored")
    if marked.modified:
        by_uid = event.uid or "UIDONLY" in state.engine.enabled
        left = marked.modified if by_uid else [place + 1 for place in view.of(marked.modified)]
        answer = words.ok(event, "Some had changed", codes.modified(numbers.of(left)))
    return [*out, *await news.ended(state, answer, expunges=event.uid)]


def _told(state: State, event: events.Store, uids: Sequence[int], marked: Marked) -> list[int]:
    """Whose flags are said: all that were named, or with silence those whose MODSEQ the client must learn."""
    modified = set(marked.modified)
    if not event.silent:
        return [uid for uid in uids if uid not in modified]
    condstore = state.open.condstore or bool(state.engine.enabled & {"CONDSTORE", "QRESYNC"})
    return [uid for uid, _ in marked.changed] if condstore else []  # RFC 7162 §3.1.3


def _as_wanted(state: State, marked: Marked) -> list[int]:
    """Letters that are as the client believes; others were changed by somebody else, too, and are told of."""
    view = state.open.view
    return [uid for uid, bits in marked.changed if (place := view.place(uid)) is not None and view.bits[place] == bits]
