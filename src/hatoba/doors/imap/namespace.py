"""NAMESPACE: where one's own boxes are, and other people's.

Called by session through its table.
Never lists a box.
Fails never.  # RFC 9051 §6.3.10, RFC 2342
"""

from __future__ import annotations

from typing import Any

from hatoba.doors.imap import words
from hatoba.doors.imap.state import State
from hatoba.mailboxes import names
from hatoba.wire.imap import events, responses


def namespace(state: State, event: events.Namespace) -> list[Any]:
    others = [(names.OTHERS + names.SEPARATOR, names.SEPARATOR)]
    return [responses.Namespace((("", names.SEPARATOR),), others), words.ok(event)]
