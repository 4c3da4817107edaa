"""APPEND and REPLACE: letters put into a box as they come off the wire, all of a command or none.

Called by session through its table.
Never holds a large letter in memory while it comes; never says OK before all are on the disk.
Fails with TRYCREATE, OVERQUOTA, TOOBIG, BADURL, Denied.  # RFC 9051 §6.3.12, RFC 3502, RFC 4469, RFC 8508, RFC 7889
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from hatoba.doors.imap import cited, news, translate, words
from hatoba.doors.imap.appending import Appending, Letter
from hatoba.doors.imap.state import State
from hatoba.mailboxes import letters, quotas, rights
from hatoba.model import numbers
from hatoba.store import trouble
from hatoba.store.mailboxes.refusals import NoBox
from hatoba.wire.imap import codes, events
from hatoba.wire.imap.responses import GO_AHEAD, Continue, Tagged


async def append(state: State, event: events.Append) -> Continue | Tagged:
    """One more letter is to come: is there a box for it, a right, and room?"""
    if event.first:
        gone(state)
        refusal = await _begin(state, event)
        if refusal is not None:
            return refusal
    appending = _under_way(state)
    if len(appending.letters) >= state.house.settings.appended:
        return _ended(state, words.no(event, "Too many messages at once", "LIMIT"))
    size = appending.size + max(event.size, 0)
    if not await quotas.room(state.house.post, appending.reach.owner, size, len(appending.letters) + 1):
        return _ended(state, words.no(event, "The account may hold no more", "OVERQUOTA"))
    appending.letters.append(Letter(event))
    return GO_AHEAD


async def _begin(state: State, event: events.Append) -> Tagged | None:
    try:
        reach = await state.house.post.find(state.account, event.mailbox, rights.INSERT)
    except NoBox:
        return translate.try_create(event)
    if state.house.headroom.short(state.house.clock()):
        return words.no(event, "Short of resources, try again later", "UNAVAILABLE")
    replaced = None
    if event.replaces is not None:
        selected = state.open
        places = list(selected.view.places(event.replaces, uid=event.uid))
        if not places or selected.view.lost(selected.view.uids[places[0]]):
            return words.no(event, "There is no such message", "NONEXISTENT")
        if selected.read_only or not {rights.DELETE, rights.EXPUNGE} <= set(selected.rights):
            return words.no(event, "The message may not be replaced", "NOPERM")
        replaced = (selected, selected.view.uids[places[0]])
    state.appending = Appending(reach, replaced)
    return None


def piece(state: State, event: events.Piece) -> None:
    """Octets of the letter at hand."""
    settings = state.house.settings
    _under_way(state).letters[-1].take(event.data, settings.spill, state.house.draft)


def text(state: State, event: events.Text) -> Continue | Tagged:
    """A literal of CATENATE follows."""
    if _under_way(state).letters[-1].size + event.size > state.house.settings.letter:
        return _ended(state, words.no(event, "The message would be too large", "TOOBIG"))
    return GO_AHEAD


async def url(state: State, event: events.Url) -> Continue | Tagged:
    """A part of another letter."""
    letter = _under_way(state).letters[-1]
    octets = await cited.octets(state, event)
    if octets is None:
        return _ended(state, words.no(event, "That URL names nothing here", codes.badurl(event.url)))
    if letter.size + len(octets) > state.house.settings.letter:
        return _ended(state, words.no(event, "The message would be too large", "TOOBIG"))
    letter.take(octets, state.house.settings.spill, state.house.draft)
    return GO_AHEAD


def end(state: State, event: events.AppendEnd) -> Any:
    """All of it is here, or it broke off."""
    if event.fault is not None:
        gone(state)
        return event.fault
    return _end(state, event)


async def _end(state: State, event: events.AppendEnd) -> list[Any]:
    appending = _under_way(state)
    post = state.house.post
    try:
        if any(not letter.size for letter in appending.letters):
            return [words.no(event, "A message cannot be empty", "CANNOT")]
        async with _room(state, appending):
            if appending.size <= letters.SMALL:
                fresh = [letter.fresh() for letter in appending.letters]
            else:
                fresh = await post.store.run(lambda: [letter.fresh() for letter in appending.letters])
            try:
                placed = await letters.append(post, appending.reach, fresh, appending.replaced)
            except NoBox:
                return [translate.try_create(event)]
    finally:
        gone(state)
    state.house.counts.appended += len(placed)
    code = codes.appenduid(placed[0].uidvalidity, numbers.of(place.uid for place in placed))
    if appending.replaced is not None:
        await appending.replaced[0].refresh()
    return await news.ended(state, words.ok(event, "Appended", code))


@contextlib.asynccontextmanager
async def _room(state: State, appending: Appending) -> AsyncIterator[None]:
    """A turn for who needs much memory."""
    if appending.size <= state.house.settings.spill:
        yield
        return
    async with state.house.post.heavy:
        yield


def _under_way(state: State) -> Appending:
    assert state.appending is not None  # noqa: S101 # the engine gives these events only within a command
    return state.appending


def _ended(state: State, answer: Tagged) -> Tagged:
    gone(state)
    return answer


def gone(state: State) -> None:
    """The command is over, or the client is."""
    appending, state.appending = state.appending, None
    if appending is not None:
        with contextlib.suppress(trouble.StoreTrouble):
            appending.discard()
