"""STARTTLS: the plain dialogue ends, and nothing of it is remembered.

Called by session through its table.
Never says OK when something stands behind the command: the engine refuses that before we are asked.
Fails never; without a certificate it is not offered.  # RFC 9051 §6.2.1
"""

from __future__ import annotations

from hatoba.doors.imap import words
from hatoba.doors.imap.state import State
from hatoba.wire.imap import events
from hatoba.wire.imap.responses import Tagged


def starttls(state: State, event: events.StartTls) -> Tagged:
    """OK and the handshake."""
    tls = state.house.tls
    if tls is None:
        return words.no(event, "TLS is not available just now", "UNAVAILABLE")
    state.pump.set_tls_context(tls.context)
    return Tagged(event.tag, "OK", "Begin TLS", then="tls")
