"""FETCH: what letters are like, in answers that go out as fast as the client takes them.

Called by session through its table.
Never holds more than a chunk of letters: the next one is read when the last has gone out.
Fails with NO [UNKNOWN-CTE], NO [EXPUNGEISSUED], and what the store raises.  # RFC 9051 §6.4.5, RFC 7162 §3.1.4
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from hatoba.doors.imap import chosen, fetching, large, news, words
from hatoba.doors.imap.state import State
from hatoba.mailboxes import letters
from hatoba.mailboxes.selected import Selected
from hatoba.message.structure.sections import UnknownEncoding
from hatoba.model import numbers
from hatoba.store.mailboxes import flags
from hatoba.wire.imap import events, responses
from hatoba.wire.imap.items import Item

AT_ONCE = 512 * 1024  # octets of letters read in one step
LARGE = 1024 * 1024  # octets of a letter that is not held in memory
FROM_VIEW = 5000  # letters of one step where nothing is read


async def fetch(state: State, event: events.Fetch) -> list[Any]:
    """Marks as seen first, then reads, chunk by chunk."""
    selected = state.open
    places = _places(state, selected, event)
    modseq = event.changed_since >= 0
    selected.condstore = selected.condstore or modseq or any(_is_modseq(item) for item in event.items)
    plan = fetching.Plan(state, selected, event.items, modseq=modseq)
    state.house.counts.fetched += len(places)
    if event.vanished:
        gone = await selected.vanished(event.changed_since, event.numbers)
        if gone:
            state.pump.push(responses.Vanished(numbers.Numbers(tuple(gone)), earlier=True))
    if plan.seen and places:
        await _see(selected, places)
    try:
        missing = await _send(state, selected, plan, places)
    except UnknownEncoding:
        return await news.ended(state, words.no(event, "A transfer encoding nobody knows", "UNKNOWN-CTE"))
    if missing and not event.uid:
        answer = words.no(event, "Some of these messages are gone", "EXPUNGEISSUED")
    else:
        answer = words.ok(event, "Fetched")
    return await news.ended(state, answer, expunges=event.uid)


async def unasked(state: State, selected: Selected, items: Sequence[Item], places: list[int]) -> None:
    """The same of new letters that NOTIFY tells of; held in memory, for a command may begin meanwhile."""
    plan = fetching.Plan(state, selected, items, modseq=False)
    uids = [selected.view.uids[place] for place in places]
    by_uid = dict(zip(uids, places, strict=True))
    if not plan.columns:
        state.pump.push(plan.from_view(places))
        return
    async with aclosing(_read(selected, plan, uids, by_uid)) as steps:
        async for _, octets in steps:
            if state.commanding:
                return  # places may be others by its end: the client can fetch for itself
            state.pump.push(octets)


def _is_modseq(item: Any) -> bool:
    return getattr(item, "name", "") == "MODSEQ"


def _places(state: State, selected: Selected, event: events.Fetch) -> list[int]:
    view = selected.view
    places = chosen.places(state, event.numbers, uid=event.uid)
    if event.changed_since >= 0:
        places = [place for place in places if view.modseqs[place] > event.changed_since]
    if event.partial is not None:
        places = chosen.partial(places, event.partial)
    return places


async def _see(selected: Selected, places: Sequence[int]) -> None:
    """Reading a letter marks it seen, where that may be."""
    view = selected.view
    unseen = [view.uids[place] for place in places if not view.bits[place] & flags.SEEN]
    if unseen and selected.may_set("\\Seen"):
        await letters.store(selected, unseen, "+", ("\\Seen",))


async def _send(state: State, selected: Selected, plan: fetching.Plan, places: list[int]) -> int:
    """Pushes the answers; how many letters were not there any more."""
    pump = state.pump
    if not plan.columns:
        for start in range(0, len(places), FROM_VIEW):
            pump.push(plan.from_view(places[start : start + FROM_VIEW]))
            await pump.drained(large.PATIENCE)
        return 0
    uids = [selected.view.uids[place] for place in places]
    by_uid = dict(zip(uids, places, strict=True))
    sent = 0
    for run, alone in await _runs(selected, plan, uids):
        if alone:
            sent += await large.send(state, selected, plan, run[0], by_uid[run[0]])
            continue
        async with aclosing(_read(selected, plan, run, by_uid)) as steps:
            async for count, octets in steps:
                sent += count
                pump.push(octets)
                await pump.drained(large.PATIENCE)
    return len(places) - sent


async def _runs(selected: Selected, plan: fetching.Plan, uids: list[int]) -> list[tuple[list[int], bool]]:
    """The letters in order, in groups to be read together; True: one that is large, by itself."""
    if not plan.whole:
        return [(uids, False)]
    sizes = await letters.sizes(selected, uids)
    runs: list[tuple[list[int], bool]] = []
    octets = 0
    for uid in uids:
        size = sizes.get(uid, 0)
        if size > LARGE:
            runs.append(([uid], True))
        elif runs and not runs[-1][1] and octets + size <= AT_ONCE:
            runs[-1][0].append(uid)
            octets += size
        else:
            runs.append(([uid], False))
            octets = size
    return runs


async def _read(
    selected: Selected, plan: fetching.Plan, uids: list[int], by_uid: dict[int, int]
) -> AsyncGenerator[tuple[int, bytes], None]:
    def build(rows: list[Any]) -> tuple[int, bytes]:
        return len(rows), plan.build(by_uid, rows)

    async with aclosing(selected.fetch(uids, plan.columns, build, len(uids) if plan.whole else 0)) as steps:
        async for step in steps:
            yield step
