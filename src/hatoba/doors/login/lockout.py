"""Lockout: failed logins are counted for all doors and workers together, answered slower each time, then not looked at.

Called by exchange.
Never tells a name that exists from one that does not: both are counted and delayed alike.
Fails never.
"""

from __future__ import annotations

import asyncio
import contextlib

from hatoba.directory import entries
from hatoba.doors.login.settings import Settings
from hatoba.model.address import Address, BadAddress
from hatoba.net.limits import SharedCounters


def shut(counters: SharedCounters, settings: Settings, network: str, now: int) -> bool:
    """Too many failures from the client's network, as anybody. `now` in ms."""
    return counters.hits(_network(network), settings.window, now) >= settings.failures_per_ip


def locked(counters: SharedCounters, settings: Settings, network: str, name: str, now: int) -> bool:
    """Too many failures from the client's network as `name`."""
    return counters.hits(_pair(network, name), settings.window, now) >= settings.failures


def failed(counters: SharedCounters, settings: Settings, network: str, name: str, now: int) -> float:
    """One more failure ("" for no readable name); the seconds its answer is to wait."""
    count = counters.hit(_network(network), settings.window, now)
    if name:
        counters.hit(_pair(network, name), settings.window, now)
    return min(settings.delay * 2.0 ** min(count - 1, 30), settings.delay_most)


def pause(seconds: float) -> asyncio.Future[None]:
    """Done after so many seconds: one timer, no task."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()
    loop.call_later(seconds, _wake, future)
    return future


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _network(network: str) -> str:
    return "auth " + network


def _pair(network: str, name: str) -> str:
    """Spellings of one address ("a"@x, a@X) count as one: each would have tries of its own otherwise."""
    with contextlib.suppress(BadAddress):
        name = entries.key(Address.parse(name))
    return f"auth {network} {name.casefold()}"
