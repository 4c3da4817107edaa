"""IDLE: the client hears of changes as they come, until it says DONE.

Called by session through its table; `heard` by the hub, through the box that is open.
Never says anything while a command is answered: its own end tells then.
Fails with nothing: a box that cannot be looked at now is looked at with the next change.  # RFC 2177, RFC 5465 §5.1
"""

from __future__ import annotations

import asyncio
from typing import Any

from hatoba.doors.imap import fetch, news, words
from hatoba.doors.imap.state import State
from hatoba.store import trouble
from hatoba.wire.imap import events
from hatoba.wire.imap.responses import Continue


def idle(state: State, event: events.Idle) -> Any:
    """From now on changes are said at once; first what is untold."""
    state.idling = event.tag
    state.house.counts.idling += 1
    _breathe(state)
    if state.selected is None:
        return Continue("idling")
    return _begin(state)


async def _begin(state: State) -> list[Any]:
    await news.up_to_date(state)
    return [Continue("idling"), *news.told(state)]


def done(state: State, event: events.Done) -> Any:
    """The end of it."""
    gone(state)
    told = news.told(state)
    return [*told, words.ok(event, "No longer idle")]


def gone(state: State) -> None:
    """Nothing is said any more without being asked for."""
    if state.idling:
        state.idling = ""
        state.house.counts.idling -= 1
    if state.still is not None:
        state.still.cancel()
        state.still = None
    if state.telling is not None:
        state.telling.cancel()
        state.telling = None


def heard(state: State) -> None:
    """The box has changed: an idle client is told."""
    if state.listening and state.telling is None:
        state.telling = asyncio.get_running_loop().create_task(_tell(state))


async def _tell(state: State) -> None:
    try:
        while state.selected is not None and state.selected.dirty and state.listening:
            await news.up_to_date(state)
            if not state.listening or state.pump.closing:
                return  # a command has begun meanwhile: it tells at its end
            before = state.selected.view.told
            if told := news.told(state, expunges=state.tells_expunges):
                state.house.counts.notices += 1
                state.pump.push(told)
                await _fetch(state, before)
    except trouble.StoreTrouble as error:
        state.log("mailbox of an idle client out of reach", account=state.account, why=str(error))
    except Exception as error:  # law 6: nobody else would hear of it
        state.house.log.error("fault", door=state.place.kind, account=state.account, exc_info=error)
        state.pump.abort()
    finally:
        state.telling = None


async def _fetch(state: State, before: int) -> None:
    """NOTIFY may have asked for something of each new letter. # RFC 5465 §5.2"""
    notifying, selected = state.notifying, state.selected
    if notifying is None or not notifying.items or selected is None or state.idling:
        return
    places = list(range(min(before, selected.view.told), selected.view.told))
    if places:
        await fetch.unasked(state, selected, notifying.items, places)


def _breathe(state: State) -> None:
    """Every few minutes a sign of life: NAT boxes forget silent connections."""
    loop = asyncio.get_running_loop()
    state.still = loop.call_later(state.house.settings.still, _still_here, state)


def _still_here(state: State) -> None:
    if state.idling and not state.pump.closing:
        state.pump.push(words.STILL)
        _breathe(state)
