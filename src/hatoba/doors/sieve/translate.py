"""Translate: refusals and troubles of the rooms below into ManageSieve's NO, with the code a client goes by.

Called by session for what a verb raises, and for what the engine could not take.
Never hides a bug: what is not in the table closes the connection with an id.
Fails never.  # RFC 5804 §1.3
"""

from __future__ import annotations

from typing import Final

from hatoba.doors.sieve import words
from hatoba.doors.sieve.state import State
from hatoba.mailboxes.post import Denied
from hatoba.store import trouble
from hatoba.store.mailboxes import refusals
from hatoba.wire.managesieve import events
from hatoba.wire.managesieve.reply import Reply

_SAID: Final[tuple[tuple[type[Exception], Reply], ...]] = (
    (refusals.NoSuch, words.NONE),
    (refusals.BoxExists, words.THERE),
    (refusals.InUse, words.ACTIVE),
)
KNOWN: Final = (Denied, refusals.NoSuch, refusals.BoxExists, refusals.InUse, trouble.StoreTrouble)


def refused(state: State, error: Exception) -> Reply:
    """What is said to a command that came to nothing."""
    if isinstance(error, Denied):
        return state.erred(Reply("NO", str(error), error.code))
    for kind, said in _SAID:
        if isinstance(error, kind):
            return state.erred(said)
    state.log("scripts out of reach", account=state.account, why=str(error))
    return state.erred(words.TROUBLE)


def malformed(state: State, event: events.Malformed) -> Reply:
    """The engine could not take it, and has the answer."""
    state.house.counts.malformed += 1
    state.exchange = None
    if event.reply.then:
        state.why = event.kind
    return state.erred(event.reply)
