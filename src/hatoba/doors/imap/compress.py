"""COMPRESS: everything behind the OK is deflated, both ways.

Called by session through its table; the engine does it.
Never inside TLS compression: TLS has none here.
Fails never.  # RFC 4978
"""

from __future__ import annotations

from hatoba.doors.imap import words
from hatoba.doors.imap.state import State
from hatoba.wire.imap import events
from hatoba.wire.imap.responses import Tagged


def compress(state: State, event: events.Compress) -> Tagged:
    return words.ok(event, "Deflating")
