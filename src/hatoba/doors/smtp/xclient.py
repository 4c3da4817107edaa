"""XCLIENT: a trusted front tells whose connection it passes on. After Postfix's XCLIENT_README.

Called by session through its table; the engine lets it through only where it was offered: to named networks.
Never lets a front raise itself: what it says replaces the client wholly, and XCLIENT stays the front's.
An attribute that makes no sense is 501 and changes nothing.
"""

from __future__ import annotations

import ipaddress

from hatoba.doors.smtp.state import State
from hatoba.intake.case import Client
from hatoba.kit import networks
from hatoba.wire.smtp import events
from hatoba.wire.smtp.reply import Reply

_UNKNOWN = frozenset({"[UNAVAILABLE]", "[TEMPUNAVAIL]"})
_BAD = Reply(501, "5.5.4", "Bad attribute value in XCLIENT")


def xclient(state: State, event: events.Xclient) -> Reply:
    """220, as if the client had just connected."""
    said = {name: "" if value.upper() in _UNKNOWN else value for name, value in event.attributes}
    try:
        ip = str(ipaddress.ip_address(said["ADDR"].removeprefix("IPV6:"))) if said.get("ADDR") else state.ip
        port = int(said["DESTPORT"]) if said.get("DESTPORT") else state.port
    except ValueError:
        return state.erred(_BAD)
    state.drop()
    named = state.house.directory.credentials.admit(said["LOGIN"], "smtp").account if said.get("LOGIN") else None
    state.account = named.key if named is not None else ""  # not the last one's
    state.ip, state.network, state.port = ip, networks.counted(ip), port
    state.helo = said.get("HELO", state.helo)
    if said.get("PROTO"):
        state.verb = "HELO" if said["PROTO"].upper() == "SMTP" else "EHLO"
    state.exchange = None
    state.client = Client()
    state.identify()
    return state.place.banner
