"""The first word: limits, shedding, the greeting with what we can; and the counting back at the end.

Called by session when a connection opens, when TLS stands, and when it is gone.
Never reads what the client said.
Fails never: whoever may not stay gets a BYE.  # RFC 9051 §7.1.5
"""

from __future__ import annotations

from hatoba.doors.imap import words
from hatoba.doors.imap.state import State
from hatoba.kit import networks
from hatoba.net.session import Then
from hatoba.wire.imap import codes
from hatoba.wire.imap.responses import Untagged

ALL = "imap connections"


def opened(state: State) -> Untagged | Then:
    """The greeting, or why there is none."""
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
        return Then("close", refusal)
    return Untagged("OK", f"{house.hostname} hatoba ready", codes.capability(state.engine.capabilities()))


def secured(state: State, tls: str) -> None:
    """STARTTLS is done: what the client knew of us it is to ask again. # RFC 9051 §6.2.1"""
    state.tls = tls
    state.house.counts.tls += 1
    _offer(state)


def _offer(state: State) -> None:
    place = state.place
    if state.tls:
        state.engine.offer = place.bound if state.pump.bindings() else place.secured
    else:
        state.engine.offer = place.trusted if place.cleartext.trust(state.ip) else place.plain


def _turned_away(state: State) -> Untagged | None:
    settings, counters = state.house.settings, state.house.counters
    if state.house.headroom.short(state.house.clock()) == "memory":  # reading frees no disk, but takes none either
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
    return "imap connections " + network


def gone(state: State) -> None:
    """Gives back what was taken of the shared counters."""
    for key in state.counted:
        state.house.counters.give(key)
    state.counted.clear()
    state.house.counts.open -= 1
