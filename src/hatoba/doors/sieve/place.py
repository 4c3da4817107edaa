"""Place: one listener's fixed part of every session: what it offers before and after TLS, its limits.

Made by door from settings; read by the verbs.
Never changes while the listener stands.
Fails with ValueError on networks that are none.
"""

from __future__ import annotations

import msgspec

from hatoba.doors.sieve.house import House
from hatoba.doors.sieve.settings import Listener
from hatoba.mailboxes.scripts import Most
from hatoba.net.preamble import Proxies
from hatoba.net.pump import Pump
from hatoba.sieve import extensions
from hatoba.sieve import limits as bounds
from hatoba.wire.managesieve import offer

_NOTIFY = "mailto"  # RFC 5436


class Place:
    """`plain` and `secured` are the offers before and under TLS (`bound`: TLS that a login may be bound to), `trusted`
    that of a network that may do without. `most` is what an account may keep, `bounds` what a script may be like."""

    __slots__ = ("bound", "bounds", "cleartext", "house", "kind", "limits", "most", "plain", "secured", "trusted",
                 "unlimited")  # fmt: skip

    def __init__(self, house: House, listener: Listener) -> None:
        settings = house.settings
        self.house = house
        self.kind = listener.kind
        self.limits = offer.Limits(script=settings.script)
        self.most = Most(settings.scripts, settings.script, settings.octets)
        self.bounds = msgspec.structs.replace(bounds.USUAL, script=settings.script)
        self.secured = offer.Offer(
            f"hatoba {house.version}".strip(),
            mechanisms=house.login.mechanisms(secured=True),
            sieve=" ".join(extensions.OFFERED),
            notify=_NOTIFY,
            redirects=self.bounds.redirects,
        )
        self.bound = self.secured.replace(mechanisms=house.login.mechanisms(secured=True, bindable=True))
        self.plain = self.secured.replace(tls=house.tls is not None, mechanisms=())
        self.trusted = self.secured.replace(tls=self.plain.tls)
        self.unlimited = Proxies(settings.unlimited)
        self.cleartext = Proxies(settings.cleartext)

    def under_tls(self, pump: Pump) -> offer.Offer:
        """What is offered on a connection under TLS."""
        return self.bound if pump.bindings() else self.secured
