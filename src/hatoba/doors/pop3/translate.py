"""Translate: troubles of the rooms below into POP3's -ERR, with the response code a client goes by.

Called by the verbs and by session for what a verb raises.
Never hides a bug: what is not in KNOWN closes the connection with an id.
Fails never.  # RFC 3206
"""

from __future__ import annotations

from typing import Final

from hatoba.doors.pop3 import words
from hatoba.doors.pop3.state import State
from hatoba.store import trouble
from hatoba.store.mailboxes import refusals
from hatoba.wire.pop3 import events
from hatoba.wire.pop3.reply import Reply

KNOWN: Final = (refusals.Refused, trouble.StoreTrouble)


def refused(state: State, error: Exception) -> Reply:
    """What is said to a command that came to nothing: the store is away, or INBOX itself is."""
    state.house.counts.store_troubles += 1
    state.log("maildrop out of reach", account=state.account, why=str(error))
    return state.erred(words.TROUBLE)


def malformed(state: State, event: events.Malformed) -> Reply:
    """The engine could not take it, and has the answer."""
    state.house.counts.malformed += 1
    state.exchange = None
    if event.reply.then:
        state.why = event.kind
    return state.erred(event.reply)
