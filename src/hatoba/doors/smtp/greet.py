"""The connection's first word: limits, shedding, early talkers, the banner; and the counting back at its end.

Called by session when a connection opens and when it is gone.
Never reads what the client said.
Fails never: whoever may not stay gets a 421 or 554 and is closed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from hatoba.doors.smtp import inquiry, translate, words
from hatoba.doors.smtp.place import XCLIENT
from hatoba.doors.smtp.state import State
from hatoba.kit import networks
from hatoba.model.status import Refusal
from hatoba.net.session import Later
from hatoba.wire.smtp.reply import Reply

ALL = "connections"


def opened(state: State) -> Reply | Later | None:
    """The banner, or why there is none."""
    house, place, pump = state.house, state.place, state.pump
    counts = house.counts
    counts.open += 1
    counts.connections += 1
    state.ip, state.port, state.tls = pump.peer[0], pump.local[1], pump.tls
    state.network = networks.counted(state.ip)
    state.since = state.started = pump.now()
    offered = place.plain
    if state.tls:
        counts.tls += 1
        offered = place.under_tls(pump)
    if place.xclient.trust(state.ip):
        state.xclient = True
        offered = offered.replace(xclient=XCLIENT)
    state.engine.offer = offered
    state.identify()
    refusal = _turned_away(state)
    if refusal is not None:
        counts.turned_away += 1
        return refusal
    steps = house.desk.greeted(state.source, state.client, house.clock())
    if steps is None:
        return place.banner
    return inquiry.ask(state, steps, partial(_asked, state))


def _asked(state: State, result: Callable[[], None]) -> Reply:
    """The checks have said what they think of the client."""
    try:
        result()
    except Refusal as refusal:
        state.house.counts.turned_away += 1
        state.why = "refused at the greeting"
        state.log("client refused", status=str(refusal.status))
        said = translate.refusal(refusal.status)
        return Reply(421 if refusal.status.temporary else 554, said.enhanced, *said.lines, then="close")
    return state.place.banner


def _turned_away(state: State) -> Reply | None:
    house, settings, counters = state.house, state.house.settings, state.house.counters
    if not state.place.admits(state.ip):
        state.why = "not of our networks"
        return words.NOT_FOR_YOU
    if house.headroom.short(house.clock()):
        house.counts.shed += 1
        state.why = "short of resources"
        return words.SHORT_AT_CONNECT
    if not counters.take(ALL, settings.connections):
        state.why = "too many connections"
        return words.TOO_MANY_CONNECTIONS
    state.counted.append(ALL)
    if state.ip and not state.place.unlimited.trust(state.ip):
        key = per_network(state.network)
        if not counters.take(key, settings.connections_per_ip):
            state.why = "too many connections from its network"
            return words.TOO_MANY_OF_YOURS
        state.counted.append(key)
    if settings.early_talkers and state.place.policy.early and state.pump.unread():
        house.counts.early += 1
        state.why = "spoke before the greeting"
        return words.EARLY
    return None


def per_network(network: str) -> str:
    """The shared counter of a client's connections."""
    return "connections " + network


def gone(state: State) -> None:
    """Gives back what `opened` took."""
    for key in state.counted:
        state.house.counters.give(key)
    state.counted.clear()
    state.house.counts.open -= 1
