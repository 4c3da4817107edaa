"""Lockout: failed logins are counted for all workers together, answered slower each time, then not even looked at.

Called by auth.
Never tells a name that exists from one that does not: both are counted and delayed alike.
Fails never.
"""

from __future__ import annotations

import asyncio
import contextlib

from hatoba.directory import entries
from hatoba.doors.smtp.state import State
from hatoba.model.address import Address, BadAddress


def shut(state: State) -> bool:
    """Too many failures from the client's network, as anybody."""
    settings, house = state.house.settings, state.house
    count = house.counters.hits(_network(state), settings.auth_window, house.clock())
    return count >= settings.auth_failures_per_ip


def locked(state: State, name: str) -> bool:
    """Too many failures from the client's network as `name`."""
    settings, house = state.house.settings, state.house
    return house.counters.hits(_pair(state, name), settings.auth_window, house.clock()) >= settings.auth_failures


def failed(state: State, name: str) -> float:
    """One more failure ("" for no readable name); the seconds its answer is to wait."""
    settings, house = state.house.settings, state.house
    now = house.clock()
    count = house.counters.hit(_network(state), settings.auth_window, now)
    if name:
        house.counters.hit(_pair(state, name), settings.auth_window, now)
    return min(settings.auth_delay * 2.0 ** min(count - 1, 30), settings.auth_delay_most)


def pause(seconds: float) -> asyncio.Future[None]:
    """Done after so many seconds: one timer, no task."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()
    loop.call_later(seconds, _wake, future)
    return future


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _network(state: State) -> str:
    return "auth " + state.network


def _pair(state: State, name: str) -> str:
    """Spellings of one address ("a"@x, a@X) count as one: each would have tries of its own otherwise."""
    with contextlib.suppress(BadAddress):
        name = entries.key(Address.parse(name))
    return f"auth {state.network} {name.casefold()}"
