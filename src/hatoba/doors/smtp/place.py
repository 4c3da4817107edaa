"""Place: one listener's fixed part of every session: its policy, what it offers, its limits.

Made by door from settings; read by the verbs.
Never changes while the listener stands.
Fails with ValueError on networks that are none.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from hatoba.doors.smtp.house import House
from hatoba.doors.smtp.settings import Listener
from hatoba.net.preamble import Proxies
from hatoba.net.pump import Pump
from hatoba.wire.smtp import offer
from hatoba.wire.smtp.reply import Reply

XCLIENT = ("NAME", "ADDR", "PORT", "PROTO", "HELO", "LOGIN", "DESTADDR", "DESTPORT")
_PRIORITY_PROFILE = "MIXER"  # RFC 6710 §4.1.3, appendix A.1


class Policy(msgspec.Struct, frozen=True):
    """What kind of listener it is, as data."""

    auth: bool  # offered under TLS, and demanded before MAIL
    implicit: bool  # TLS before the first word
    early: bool  # clients that speak before the greeting are refused, where the settings say so
    submission: bool  # FUTURERELEASE and MT-PRIORITY are offered
    lmtp: bool = False  # the dialect of RFC 2033, for named networks


POLICIES = {
    "mx": Policy(auth=False, implicit=False, early=True, submission=False),
    "submission": Policy(auth=True, implicit=False, early=False, submission=True),
    "submissions": Policy(auth=True, implicit=True, early=False, submission=True),
    "lmtp": Policy(auth=False, implicit=False, early=False, submission=False, lmtp=True),
}
THIS_MACHINE = ("127.0.0.0/8", "::1/128")


class Place:
    """See `POLICIES`. `plain` and `secured` are the offers before and under TLS, `bound` where a login can be bound."""

    __slots__ = (
        "_greetings",
        "banner",
        "bound",
        "house",
        "kind",
        "limits",
        "naked",
        "networks",
        "plain",
        "policy",
        "secured",
        "unlimited",
        "xclient",
    )  # fmt: skip

    def __init__(self, house: House, listener: Listener) -> None:
        settings, intake = house.settings, house.desk.settings
        self.house = house
        self.kind = listener.kind
        self.policy = policy = POLICIES[listener.kind]
        self.limits = offer.Limits(
            line=settings.line,
            size=intake.size,
            text_line=settings.text_line,
            nul=settings.nul,
            spill=intake.spill,
        )
        self.plain = offer.Offer(
            house.hostname,
            size=intake.size,
            tls=house.tls is not None and not policy.implicit,
            limits_rcptmax=intake.recipients,
            futurerelease=int(intake.hold_max) if policy.submission else 0,
            deliverby=int(intake.deliver_by_min),
            priority=_PRIORITY_PROFILE if policy.submission else "",
        )
        self.secured = self.bound = self.plain.replace(tls=False, requiretls=True)
        if policy.auth:
            self.secured = self.secured.replace(mechanisms=house.login.mechanisms(secured=True))
            self.bound = self.secured.replace(mechanisms=house.login.mechanisms(secured=True, bindable=True))
        self.unlimited = Proxies(settings.unlimited)
        self.xclient = Proxies(listener.xclient_networks)
        named = listener.networks or (THIS_MACHINE if policy.lmtp else ())
        self.networks = Proxies(named) if named else None  # None: everybody may connect
        self.banner = Reply(220, "", f"{house.hostname} {'LMTP' if policy.lmtp else 'ESMTP'} ready")
        self.naked = Reply(250, "", house.hostname)
        self._greetings: dict[offer.Offer, Reply] = {}

    def admits(self, ip: str) -> bool:
        """Whether this client may connect; "" is one behind a Unix socket, whose file says who may."""
        return self.networks is None or not ip or self.networks.trust(ip)

    def under_tls(self, pump: Pump) -> offer.Offer:
        """What is offered on a connection under TLS."""
        return self.bound if self.policy.auth and pump.bindings() else self.secured

    def greeting(self, offered: offer.Offer) -> Reply:
        """The reply to EHLO; made once for each offer unless it names a date."""
        if offered.futurerelease:
            until = datetime.fromtimestamp(self.house.clock() / 1000 + offered.futurerelease, UTC)
            return offer.greeting(offered.replace(futurerelease_until=until.strftime("%Y-%m-%dT%H:%M:%SZ")))
        found = self._greetings.get(offered)
        if found is None:
            found = self._greetings[offered] = offer.greeting(offered)
        return found
