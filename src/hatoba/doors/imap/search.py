"""SEARCH: which letters meet criteria, said the old way or as ESEARCH, and kept as "$".

Called by session through its table.
Never tells an expunge while it answers with sequence numbers.
Fails with NoSuchNumber and what the store raises.  # RFC 9051 §6.4.4, RFC 5182, RFC 5267, RFC 7162 §3.1.5, RFC 9394
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hatoba.doors.imap import chosen, news, words
from hatoba.doors.imap.state import State
from hatoba.mailboxes import finding
from hatoba.mailboxes import search as searches
from hatoba.model import numbers
from hatoba.model.numbers import Numbers
from hatoba.wire.imap import codes, events, responses
from hatoba.wire.imap.items import Returns
from hatoba.wire.imap.responses import Untagged


async def search(state: State, event: events.Search) -> list[Any]:
    """The letters' numbers, in ascending order."""
    selected = state.open
    asked = searches.asks_modseq(event.key)
    selected.condstore = selected.condstore or asked
    uids = await _or_empty(state, event.returns, finding.found(selected, event.key, state.saved))
    return await answered(state, event, uids, "SEARCH", asked=asked, ascending=True)


async def _or_empty(state: State, returns: Returns | None, search_: Any) -> list[int]:
    """A search with SAVE that fails leaves nothing saved. # RFC 5182 §2.1"""
    try:
        found: list[int] = await search_
    except Exception:
        if returns is not None and returns.save:
            state.saved = []
        raise
    return found


async def answered(
    state: State, event: events.Search | events.Sort, uids: list[int], verb: str, *, asked: bool, ascending: bool
) -> list[Any]:
    """The answer to a search or a sort, and its end. `asked`: the highest MODSEQ of what was found is told."""
    selected, returns = state.open, event.returns
    view = selected.view
    places = {uid: place for uid in uids if (place := view.place(uid)) is not None and place < view.told}
    uids = [uid for uid in uids if uid in places]
    by_uid = event.uid or "UIDONLY" in state.engine.enabled
    shown = uids if by_uid else [places[uid] + 1 for uid in uids]
    modseq = max((view.modseqs[place] for place in places.values()), default=0) if asked else 0
    out: list[Any] = []
    if returns is None and (verb == "SORT" or selected.ancient):
        out.append(responses.Search(shown, modseq, verb))
    else:
        wanted = returns if returns is not None else Returns(all=True)
        out += _extended(event, wanted, shown, by_uid, modseq, ascending)
        if wanted.save:
            state.saved = _saved(wanted, uids)
    return [*out, *await news.ended(state, words.ok(event, "Searched"), expunges=event.uid)]


def _extended(
    event: events.Search | events.Sort, returns: Returns, shown: list[int], by_uid: bool, modseq: int, ascending: bool
) -> list[Any]:
    out: list[Any] = []
    if returns.update:
        out.append(Untagged("NO", "Searches are not followed up here", codes.noupdate(event.tag)))
    said = returns.min or returns.max or returns.all or returns.count or returns.partial is not None
    if not said and returns.save:
        return out
    partial = None
    if returns.partial is not None:
        part = chosen.partial(shown, returns.partial)
        partial = (returns.partial, _set(part, ascending) if part else None)
    out.append(
        responses.ESearch(
            tag=event.tag,
            uid=by_uid,
            min=shown[0] if returns.min and shown else None,  # of a sort the first of its order  # RFC 5267 §3.1
            max=shown[-1] if returns.max and shown else None,
            all=_set(shown, ascending) if returns.all and shown else None,
            count=len(shown) if returns.count else None,
            modseq=modseq or None,
            partial=partial,
            relevancy=[100] * len(shown) if returns.relevancy else None,
        )
    )
    return out


def _set(shown: Sequence[int], ascending: bool) -> Numbers:
    if ascending:
        return numbers.of(shown)
    ranges: list[tuple[int, int]] = []
    for number in shown:  # an order is kept: runs upwards alone are joined
        if ranges and ranges[-1][1] + 1 == number:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return Numbers(tuple(ranges))


def _saved(returns: Returns, uids: list[int]) -> list[int]:
    """MIN and MAX alone save just those; with ALL, COUNT or nothing, everything. # RFC 5182 §2.4"""
    if returns.partial is not None and not returns.all and not returns.count:
        return chosen.partial(uids, returns.partial)
    if (returns.min or returns.max) and not (returns.all or returns.count):
        return sorted({*(uids[:1] if returns.min else ()), *(uids[-1:] if returns.max else ())})
    return list(uids)


def cancel_update(state: State, event: events.CancelUpdate) -> Any:
    """No search is followed up, so there is nothing to cancel. # RFC 5267 §4.3.3"""
    return words.ok(event)
