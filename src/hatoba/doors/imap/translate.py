"""Translate: refusals and troubles of the rooms below into IMAP's NO and BAD, with the code a client goes by.

Called by session for what a verb raises, and for what the engine could not take.
Never hides a bug: what is not in the table closes the connection with an id.
Fails never.  # RFC 9051 §7.1, RFC 5530
"""

from __future__ import annotations

from typing import Any, Final

from hatoba.doors.imap import words
from hatoba.doors.imap.state import State
from hatoba.mailboxes import names, post, view
from hatoba.model.status import Refusal
from hatoba.store import trouble
from hatoba.store.mailboxes import refusals
from hatoba.wire.imap import events
from hatoba.wire.imap.responses import Continue, Tagged

KNOWN: Final = (Refusal, refusals.Refused, trouble.StoreTrouble, names.BadName, view.NoSuchNumber, post.Denied)

_SAID: Final[tuple[tuple[type[Exception], str, str], ...]] = (
    (refusals.NoBox, "There is no such mailbox", "NONEXISTENT"),
    (refusals.BoxExists, "There is such a mailbox already", "ALREADYEXISTS"),
    (refusals.OverQuota, "That would be more than the account may hold", "OVERQUOTA"),
    (refusals.TooManyKeywords, "The mailbox has too many different keywords", "LIMIT"),
    (refusals.Refused, "That cannot be", "CANNOT"),
    (trouble.StoreTrouble, "The mailboxes cannot be reached just now, try again later", "UNAVAILABLE"),
)


def refused(state: State, event: Any, error: Exception) -> Tagged:
    """What is said to a command that came to nothing."""
    tag = event.tag
    if isinstance(error, view.NoSuchNumber):
        return Tagged(tag, "BAD", "There is no message of that number")
    if isinstance(error, names.BadName):
        return Tagged(tag, "NO", str(error), "CANNOT")
    if isinstance(error, post.Denied):
        return Tagged(tag, "NO", str(error) or "You may not do that", error.code)
    if isinstance(error, Refusal):
        return Tagged(tag, "NO", error.status.text or "That cannot be")
    if isinstance(error, trouble.StoreTrouble):
        state.log("mailboxes out of reach", account=state.account, why=str(error))
    for kind, text, code in _SAID:
        if isinstance(error, kind):
            return Tagged(tag, "NO", text, code)
    raise error


def try_create(event: Any) -> Tagged:
    """The box that letters should go to is not there. # RFC 9051 §6.3.12"""
    return words.no(event, "There is no such mailbox", "TRYCREATE")


def malformed(state: State, event: events.Malformed) -> Any:
    """The engine could not take it, and has the answer."""
    state.house.counts.malformed += 1
    return event.reply


def proceed(state: State, event: events.Proceed) -> Continue:
    """A literal of a command may come."""
    return event.reply
