"""Place: one listener's fixed part of every session: what it offers before and after TLS, its limits.

Made by door from settings; read by the verbs.
Never changes while the listener stands.
Fails with ValueError on networks that are none.
"""

from __future__ import annotations

from hatoba.doors.imap.house import House
from hatoba.doors.imap.settings import Listener
from hatoba.net.preamble import Proxies
from hatoba.wire.imap import offer


class Place:
    """`plain` and `secured` are the offers before and under TLS, `bound` under one that SCRAM can be bound to,
    `trusted` that of a network that may do without."""

    __slots__ = (
        "bound",
        "cleartext",
        "house",
        "implicit",
        "kind",
        "limits",
        "plain",
        "secured",
        "trusted",
        "unlimited",
    )

    def __init__(self, house: House, listener: Listener) -> None:
        settings = house.settings
        self.house = house
        self.kind = listener.kind
        self.implicit = listener.kind == "imaps"
        self.limits = offer.Limits(command=settings.line, faults=settings.errors)
        without = frozenset() if settings.compress else frozenset({"COMPRESS=DEFLATE"})
        self.secured = offer.Offer(
            mechanisms=house.login.mechanisms(secured=True), append_limit=settings.letter, without=without
        )
        self.bound = self.secured.replace(mechanisms=house.login.mechanisms(secured=True, bindable=True))
        self.plain = self.secured.replace(tls=house.tls is not None and not self.implicit, mechanisms=(), login=False)
        self.trusted = self.secured.replace(tls=self.plain.tls)
        self.unlimited = Proxies(settings.unlimited)
        self.cleartext = Proxies(settings.cleartext)
