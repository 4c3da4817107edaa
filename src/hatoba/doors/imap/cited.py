"""Cited: what a URL of CATENATE names: a letter of one's own, or a section of it.

Called by append.
Never reaches beyond what the account may read.
Fails with what the store raises; None for what names nothing.  # RFC 4469 §3, RFC 5092
"""

from __future__ import annotations

import re
from typing import Any

from hatoba.doors.imap.state import State
from hatoba.mailboxes import names, post, rights
from hatoba.message.structure import sections
from hatoba.store.mailboxes import contents
from hatoba.store.mailboxes.refusals import NoBox
from hatoba.store.sql import Reader
from hatoba.wire.imap import events

_SECTION = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)*)?\.?(?P<text>HEADER|TEXT|MIME)?").fullmatch


async def octets(state: State, event: events.Url) -> bytes | None:
    """The octets meant."""
    found = _SECTION(event.section or "")
    if found is None:
        return None
    place = await _place(state, event)
    if place is None:
        return None
    shard, box = place
    rows = await shard.read(lambda reader: _row(reader, box, event.uid))
    if not rows:
        return None
    _, raw, offsets = rows[0]
    cut = sections.section(raw, offsets, found["number"] or "", found["text"] or "")
    if cut is None:
        return None
    behind = len(cut) if event.count < 0 else event.first + event.count
    return cut[event.first : behind]


def _row(reader: Reader, box: int, uid: int) -> list[contents.Row]:
    return [row for rows in contents.fetch(reader, box, [uid], ("raw", "offsets")) for row in rows]


async def _place(state: State, event: events.Url) -> tuple[Any, int] | None:
    if not event.mailbox:
        if state.selected is None:
            return None
        shard, box = state.selected.shard, state.selected.box
    else:
        try:
            reach = await state.house.post.find(state.account, event.mailbox, rights.READ)
        except (NoBox, names.BadName, post.Denied):
            return None
        shard, box = reach.shard, reach.there
    if event.validity and event.validity != box.uidvalidity:
        return None
    return shard, box.id
