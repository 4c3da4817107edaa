"""Place: one listener's fixed part of every session: what it offers before and after TLS.

Made by door from settings; read by the verbs.
Never changes while the listener stands.
Fails with ValueError on networks that are none.
"""

from __future__ import annotations

from hatoba.doors.pop3.house import House
from hatoba.doors.pop3.settings import Listener
from hatoba.net.preamble import Proxies
from hatoba.net.pump import Pump
from hatoba.wire.pop3 import offer
from hatoba.wire.pop3.reply import Reply


class Place:
    """`plain` and `secured` are the offers before and under TLS (`bound`: TLS that a login may be bound to), `trusted`
    that of a network that may do without."""

    __slots__ = (
        "banner", "bound", "cleartext", "house", "implicit", "kind", "limits", "plain", "secured", "trusted",
        "unlimited",
    )  # fmt: skip

    def __init__(self, house: House, listener: Listener) -> None:
        self.house = house
        self.kind = listener.kind
        self.implicit = listener.kind == "pop3s"
        self.limits = offer.Limits()
        named = f"hatoba {house.version}".strip()
        self.secured = offer.Offer(
            user=True, mechanisms=house.login.mechanisms(secured=True), implementation=named.replace(" ", "-")
        )
        self.bound = self.secured.replace(mechanisms=house.login.mechanisms(secured=True, bindable=True))
        self.plain = offer.Offer(
            tls=house.tls is not None and not self.implicit, implementation=self.secured.implementation
        )
        self.trusted = self.secured.replace(tls=self.plain.tls)
        self.unlimited = Proxies(house.settings.unlimited)
        self.cleartext = Proxies(house.settings.cleartext)
        self.banner = Reply(True, f"{house.hostname} POP3 ready")

    def under_tls(self, pump: Pump) -> offer.Offer:
        """What is offered on a connection under TLS."""
        return self.bound if pump.bindings() else self.secured
