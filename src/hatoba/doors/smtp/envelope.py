"""MAIL and RCPT: who is asked whether the letter is wanted.

Called by session through its table; hot.
Never decides about an address: intake does, and its Refusal is said.
Fails never.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from hatoba.doors.smtp import inquiry, words
from hatoba.doors.smtp.state import State
from hatoba.model.status import Refusal
from hatoba.net.session import Later
from hatoba.wire.smtp import events
from hatoba.wire.smtp.reply import Reply


def mail(state: State, event: events.Mail) -> Reply:
    """Opens a transaction. # RFC 5321 §4.1.1.2"""
    house = state.house
    if state.draining:
        return words.CLOSING
    if state.place.policy.auth and not state.account:
        house.counts.refused_senders += 1
        return state.erred(words.AUTH_REQUIRED)
    try:
        number, now = house.ids()
        if house.headroom.short(now):
            house.counts.shed += 1
            return words.SHORT_AT_MAIL
        state.transaction = house.desk.begin(state.source, event, number, now, state.verb, state.client)
    except Refusal as refusal:
        house.counts.refused_senders += 1
        state.log("sender refused", sender=shown(event), status=str(refusal.status))
        return state.refuse(refusal.status)
    state.since = state.pump.now()
    return words.MAIL_OK


def rcpt(state: State, event: events.Rcpt) -> Reply | Later | None:
    """One more recipient. # RFC 5321 §4.1.1.3"""
    transaction = state.transaction
    assert transaction is not None  # noqa: S101 # the engine lets no RCPT through before a MAIL was accepted
    try:
        steps = transaction.recipient(event.recipient)
    except Refusal as refusal:
        return _not(state, event, refusal)
    if steps is None:
        return words.RCPT_OK
    return inquiry.ask(state, steps, partial(_asked, state, event))


def _asked(state: State, event: events.Rcpt, result: Callable[[], None]) -> Reply:
    """The checks have said what they think of a recipient."""
    try:
        result()
    except Refusal as refusal:
        return _not(state, event, refusal)
    return words.RCPT_OK


def _not(state: State, event: events.Rcpt, refusal: Refusal) -> Reply:
    state.house.counts.refused_recipients += 1
    state.log("recipient refused", recipient=str(event.recipient.address), status=str(refusal.status))
    return state.refuse(refusal.status)


def shown(event: events.Mail) -> str:
    """The reverse-path for a log."""
    return "<>" if event.sender is None else str(event.sender)
