"""CAPABILITY and ID: what we can, and who we are.

Called by session through its table.
Never says more of us than our name and version.
Fails never.  # RFC 9051 §6.1.1, RFC 2971
"""

from __future__ import annotations

from typing import Any

from hatoba.doors.imap import words
from hatoba.doors.imap.state import State
from hatoba.wire.imap import events, responses

_LOGGED = 8  # fields of a client's ID that are worth a line


def capability(state: State, event: events.Capability) -> list[Any]:
    """What we can at this point of the dialogue."""
    return [responses.Capability(state.engine.capabilities()), words.ok(event)]


def id_(state: State, event: events.Id) -> list[Any]:
    """Our name for theirs."""
    told = {name.lower(): value or "" for name, value in event.fields[:_LOGGED]}
    if told:
        state.log("client", account=state.account, name=told.get("name", ""), version=told.get("version", ""))
    ours: list[tuple[str, str | None]] = [("name", "hatoba")]
    if state.account and state.house.version:
        ours.append(("version", state.house.version))
    return [responses.Id(ours), words.ok(event)]
