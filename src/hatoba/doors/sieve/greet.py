"""The first word: limits, shedding, the capabilities; and the counting back at the end.

Called by session when a connection opens, when TLS stands, and when it is gone.
Never reads what the client said.
Fails never: whoever may not stay gets a BYE.  # RFC 5804 §1.7
"""

from __future__ import annotations

from hatoba.doors.sieve import words
from hatoba.doors.sieve.state import State
from hatoba.kit import networks
from hatoba.wire.managesieve import events, offer
from hatoba.wire.managesieve.reply import Data, Reply

ALL = "sieve connections"


def opened(state: State) -> Data | Reply:
    """What we can, or why there is no greeting."""
    house, pump = state.house, state.pump
    house.counts.open += 1
    house.counts.connections += 1
    state.ip = pump.peer[0]
    state.network = networks.counted(state.ip)
    state.started = pump.now()
    offered(state)
    refusal = _turned_away(state)
    if refusal is not None:
        house.counts.turned_away += 1
        return refusal
    return offer.capabilities(state.engine.offer, words.READY)


def secured(state: State, tls: str) -> Data:
    """TLS stands: the capabilities are said anew.  # RFC 5804 §2.2"""
    state.tls = tls
    state.house.counts.tls += 1
    offered(state)
    return offer.capabilities(state.engine.offer, words.SECURED)


def capability(state: State, event: events.Capability) -> Data:
    return offer.capabilities(state.engine.offer, words.OK)


def trusted(state: State) -> bool:
    """Passwords may be said on this connection."""
    return bool(state.tls) or state.place.cleartext.trust(state.ip)


def offered(state: State) -> None:
    """The engine offers what may be offered now."""
    place = state.place
    now = place.under_tls(state.pump) if state.tls else place.trusted if trusted(state) else place.plain
    state.engine.offer = now.replace(owner=state.account) if state.account else now


def _turned_away(state: State) -> Reply | None:
    settings, counters = state.house.settings, state.house.counters
    if state.house.headroom.short(state.house.clock()) == "memory":
        state.why = "short of memory"
        return words.SHORT
    if not counters.take(ALL, settings.connections):
        state.why = "too many connections"
        return words.TOO_MANY
    state.counted.append(ALL)
    if not state.place.unlimited.trust(state.ip):
        key = "sieve connections " + state.network
        if not counters.take(key, settings.connections_per_ip):
            state.why = "too many connections from its network"
            return words.TOO_MANY
        state.counted.append(key)
    return None


def gone(state: State) -> None:
    """Gives back what was taken of the shared counters."""
    for key in state.counted:
        state.house.counters.give(key)
    state.counted.clear()
    state.house.counts.open -= 1
