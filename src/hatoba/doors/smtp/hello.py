"""EHLO, HELO, RSET, NOOP, HELP, VRFY, EXPN, QUIT, and what is no command at all.

Called by session through its table.
Never judges a greeting's name: it goes into the trace as it was said.  # RFC 5321 §4.1.4
Fails never.
"""

from __future__ import annotations

from hatoba.doors.smtp import words
from hatoba.doors.smtp.state import State
from hatoba.wire.smtp import events
from hatoba.wire.smtp.reply import Reply


def hello(state: State, event: events.Hello) -> Reply:
    """# RFC 5321 §4.1.1.1"""
    state.drop()
    state.helo, state.verb = event.name, event.verb
    state.identify()
    return state.place.naked if event.verb == "HELO" else state.place.greeting(state.engine.offer)


def rset(state: State, event: events.Rset) -> Reply:
    """# RFC 5321 §4.1.1.5"""
    state.drop()
    return words.CLOSING if state.draining else words.OK


def noop(state: State, event: events.Noop) -> Reply:
    """# RFC 5321 §4.1.1.9"""
    return words.OK


def help_(state: State, event: events.Help) -> Reply:
    """# RFC 5321 §4.1.1.8"""
    return words.HELP


def vrfy(state: State, event: events.Vrfy) -> Reply:
    """Tells nobody who lives here. # RFC 5321 §7.3"""
    return words.VRFY


def expn(state: State, event: events.Expn) -> Reply:
    """# RFC 5321 §7.3"""
    return state.erred(words.EXPN)


def quit_(state: State, event: events.Quit) -> Reply:
    """# RFC 5321 §4.1.1.10"""
    state.drop()
    state.why = "quit"
    return words.BYE


def malformed(state: State, event: events.Malformed) -> Reply:
    """What the engine could not take: said and counted. A browser or a proxy hears one 502, which closes."""
    counts = state.house.counts
    if event.kind == "protocol":
        counts.foreign += 1
        state.why = "no SMTP client"
        return event.reply
    counts.malformed += 1
    if event.reply.then:
        state.why = event.kind
    return state.erred(event.reply)
