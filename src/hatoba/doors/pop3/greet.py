"""The first word: limits, shedding, the banner; and the counting back at the end.

Called by session when a connection opens, when TLS stands, and when it is gone.
Never reads what the client said.
Fails never: whoever may not stay gets an -ERR and is closed.
"""

from __future__ import annotations

from hatoba.doors.pop3 import words
from hatoba.doors.pop3.state import State
from hatoba.kit import networks
from hatoba.wire.pop3.reply import Reply

ALL = "pop3 connections"


def opened(state: State) -> Reply:
    """The banner, or why there is none."""
    house, pump = state.house, state.pump
    house.counts.open += 1
    house.counts.connections += 1
    state.ip, state.tls = pump.peer[0], pump.tls
    state.network = networks.counted(state.ip)
    state.started = pump.now()
    if state.tls:
        house.counts.tls += 1
    _offer(state)
    refusal = _turned_away(state)
    if refusal is not None:
        house.counts.turned_away += 1
        return refusal
    return state.place.banner


def secured(state: State, tls: str) -> None:
    """STLS is done: the client begins anew.  # RFC 2595 §4"""
    state.tls = tls
    state.house.counts.tls += 1
    _offer(state)


def trusted(state: State) -> bool:
    """Passwords may be said on this connection."""
    return bool(state.tls) or state.place.cleartext.trust(state.ip)


def _offer(state: State) -> None:
    place = state.place
    if state.tls:
        state.engine.offer = place.under_tls(state.pump)
    else:
        state.engine.offer = place.trusted if trusted(state) else place.plain


def _turned_away(state: State) -> Reply | None:
    settings, counters = state.house.settings, state.house.counters
    if state.house.headroom.short(state.house.clock()) == "memory":  # reading takes no disk
        state.why = "short of memory"
        return words.SHORT
    if not counters.take(ALL, settings.connections):
        state.why = "too many connections"
        return words.TOO_MANY
    state.counted.append(ALL)
    if not state.place.unlimited.trust(state.ip):
        key = per_network(state.network)
        if not counters.take(key, settings.connections_per_ip):
            state.why = "too many connections from its network"
            return words.TOO_MANY
        state.counted.append(key)
    return None


def per_network(network: str) -> str:
    """The shared counter of a client's connections."""
    return "pop3 connections " + network


def gone(state: State) -> None:
    """Gives back what was taken of the shared counters."""
    for key in state.counted:
        state.house.counters.give(key)
    state.counted.clear()
    state.house.counts.open -= 1
