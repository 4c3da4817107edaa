"""STARTTLS: the plain dialogue ends, and nothing of it is remembered. # RFC 3207 §4.2

Called by session through its table, and when the handshake is over.
Never says 220 when something stands behind the command: the engine refuses that before we are asked.
Fails never; without a certificate it is 454.
"""

from __future__ import annotations

from hatoba.doors.smtp import words
from hatoba.doors.smtp.place import XCLIENT
from hatoba.doors.smtp.state import State
from hatoba.wire.smtp import events
from hatoba.wire.smtp.reply import Reply


def starttls(state: State, event: events.StartTls) -> Reply:
    """220 and the handshake."""
    tls = state.house.tls
    if tls is None:
        return words.NO_TLS_NOW
    state.pump.set_tls_context(tls.context)
    return words.START_TLS


def started(state: State, tls: str) -> None:
    """The handshake is over: the client greets anew."""
    state.house.counts.tls += 1
    state.drop()
    state.tls, state.helo, state.account, state.exchange = tls, "", "", None
    offered = state.place.under_tls(state.pump)
    state.engine.offer = offered.replace(xclient=XCLIENT) if state.xclient else offered
    state.identify()
