"""CAPA, UTF8, LANG, STLS and NOOP: what a client asks and agrees before it reads.

Called by session through its table.
Never says +OK to STLS when something stands behind the command: the engine refuses that before we are asked.
Fails never.  # RFC 2449 §5, RFC 6856, RFC 2595 §4
"""

from __future__ import annotations

from hatoba.doors.pop3 import words
from hatoba.doors.pop3.state import State
from hatoba.wire.pop3 import content, events, languages, offer
from hatoba.wire.pop3.reply import Data, Reply


def capa(state: State, event: events.Capa) -> Data:
    """The list of this state."""
    return offer.capabilities(state.engine.offer, bool(state.account))


def utf8(state: State, event: events.Utf8) -> Reply:
    """Letters go out as they are, with UTF8 or without it."""
    return words.UTF8


def lang(state: State, event: events.Lang) -> Data | Reply:
    """Lists the languages, or speaks another from this reply on."""
    if not event.tag:
        return content.listed("Languages", [f"{tag} {name}" for tag, name in languages.NAMES.items()])
    chosen = languages.choose(event.tag)
    if chosen is None:
        return state.erred(words.NO_LANGUAGE)
    state.engine.words = words.IN_WORDS[chosen]
    return Reply(True, f"{chosen} {languages.NAMES[chosen]}")


def stls(state: State, event: events.Stls) -> Reply:
    """+OK and the handshake."""
    tls = state.house.tls
    if tls is None:
        return words.NO_TLS_NOW
    state.pump.set_tls_context(tls.context)
    return words.START_TLS


def noop(state: State, event: events.Noop) -> Reply:
    return words.OK
