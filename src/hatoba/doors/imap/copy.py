"""COPY and MOVE: letters into another box.

Called by session through its table.
Never leaves a letter in neither box: a move is one commit, or copies that are on the disk first.
Fails with TRYCREATE, Denied, OverQuota, NoSuchNumber and what the store raises.  # RFC 9051 §6.4.7, §6.4.8, RFC 4315
"""

from __future__ import annotations

from typing import Any

from hatoba.doors.imap import chosen, news, translate, words
from hatoba.doors.imap.state import State
from hatoba.mailboxes import letters, rights
from hatoba.model.numbers import Numbers
from hatoba.store.mailboxes.copies import Copied
from hatoba.store.mailboxes.refusals import NoBox
from hatoba.wire.imap import codes, events
from hatoba.wire.imap.responses import Untagged


async def copy(state: State, event: events.Copy) -> list[Any]:
    """The OK says which became which."""
    selected = state.open
    uids = chosen.uids(state, event.numbers, uid=event.uid)
    try:
        into = await state.house.post.find(state.account, event.mailbox, rights.INSERT)
    except NoBox:
        return [translate.try_create(event)]
    if not uids:
        return await news.ended(state, words.ok(event, "Nothing to copy"), expunges=event.uid)
    copied = await letters.copy(selected, uids, into)
    return await news.ended(state, words.ok(event, "Copied", _code(copied)))


async def move(state: State, event: events.Move) -> list[Any]:
    """The same as an untagged OK, then what is gone, then the end. # RFC 6851 §4.3"""
    selected = state.open
    uids = chosen.uids(state, event.numbers, uid=event.uid)
    try:
        into = await state.house.post.find(state.account, event.mailbox, rights.INSERT)
    except NoBox:
        return [translate.try_create(event)]
    if not uids:
        return await news.ended(state, words.ok(event, "Nothing to move"))
    moved = await letters.move(selected, uids, into)
    out: list[Any] = [Untagged("OK", "Moved", _code(moved))] if moved.new else []
    return [*out, *await news.ended(state, words.ok(event, "Moved"))]


def _code(copied: Copied) -> str:
    if not copied.new:
        return ""
    return codes.copyuid(copied.uidvalidity, _runs(copied.uids), _runs(copied.new))


def _runs(uids: list[int]) -> Numbers:
    """Ascending UIDs, in order, runs joined."""
    ranges: list[tuple[int, int]] = []
    for uid in uids:
        if ranges and ranges[-1][1] + 1 == uid:
            ranges[-1] = (ranges[-1][0], uid)
        else:
            ranges.append((uid, uid))
    return Numbers(tuple(ranges))
