"""SELECT and EXAMINE: a box is opened, and the client told all it needs to catch up.

Called by session through its table.
Never leaves the box open that was: it is closed first, whatever comes of the new one.
Fails with NoBox, Denied and what the store raises.  # RFC 9051 §6.3.2, RFC 7162 §3.1.8, §3.2.5
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hatoba.doors.imap import news
from hatoba.doors.imap.state import State
from hatoba.mailboxes import selected as boxes
from hatoba.mailboxes.selected import Selected
from hatoba.model import numbers
from hatoba.store.mailboxes import flags
from hatoba.wire.imap import codes, events, responses
from hatoba.wire.imap.items import Qresync
from hatoba.wire.imap.responses import Tagged, Untagged


async def select(state: State, event: events.Select) -> list[Any]:
    """Everything about the box, then what QRESYNC asked for."""
    out: list[Any] = []
    if state.selected is not None:
        state.leave()
        out.append(Untagged("OK", "The other mailbox is closed", "CLOSED"))  # RFC 7162 §3.2.11
    selected = await boxes.select(state.house.post, state.account, event.mailbox, read_only=event.examine)
    state.enter(selected)
    enabled = state.engine.enabled
    selected.ancient = "IMAP4REV2" not in enabled
    selected.condstore = event.condstore
    out += _about(state, selected)
    if not selected.ancient:
        out.append(responses.List((), event.mailbox))  # RFC 9051 §6.3.2
    if event.qresync is not None and event.qresync.validity == selected.box.uidvalidity:
        out += await _caught_up(state, selected, event.qresync)
    mode = "READ-ONLY" if selected.read_only else "READ-WRITE"
    out.append(Tagged(event.tag, "OK", "Opened", mode))
    return out


def _about(state: State, selected: Selected) -> list[Any]:
    box, view = selected.box, selected.view
    out = [*news.flags(selected), responses.Exists(view.told)]
    if selected.ancient:
        out.append(responses.Recent(selected.recent))
        if first := view.first_without(flags.SEEN):
            out.append(Untagged("OK", "First unseen", codes.unseen(first)))
    return [
        *out,
        Untagged("OK", "Valid", codes.uidvalidity(box.uidvalidity)),
        Untagged("OK", "Next", codes.uidnext(box.uidnext)),
        Untagged("OK", "Highest", codes.highestmodseq(view.modseq)),
        Untagged("OK", "Ok", codes.mailboxid(box.objectid)),
    ]


async def _caught_up(state: State, selected: Selected, asked: Qresync) -> list[Any]:
    """What went and what changed since the client was here. # RFC 7162 §3.2.5.2"""
    out: list[Any] = []
    gone = await selected.vanished(asked.modseq, asked.known)
    if gone:
        out.append(responses.Vanished(numbers.Numbers(tuple(gone)), earlier=True))
    view = selected.view
    places: Iterable[int] = range(view.told)
    if asked.known is not None:
        places = view.places(asked.known, uid=True)
    changed = [place for place in places if view.modseqs[place] > asked.modseq]
    if changed:
        out.append(news.marks(state, selected, changed, uid=True))
    return out
