"""Greylist: who is not known yet is asked to come again; who does is let in from then on. # RFC 6647

Made by build; asked at RCPT when no other check refused. What is remembered lies with the "greylist" service, shared
by all workers and nodes; `ruled` is the one rule, which the service and `hatoba explain` apply.
Never asks about accounts, trusted networks, allowed clients or, by setting, senders whose SPF passed.
Fails never: where the service cannot answer, the letter is taken.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from hatoba.directory.entries import key
from hatoba.intake import asking
from hatoba.intake.asking import Asking
from hatoba.intake.case import Case
from hatoba.intake.filter_tables import Greylist
from hatoba.kit import networks
from hatoba.kit.units import show_seconds
from hatoba.model import domain as domain_
from hatoba.model.address import Address
from hatoba.model.envelope import Recipient
from hatoba.model.outcome import Verdict
from hatoba.model.status import Status
from hatoba.store.greylist import GreyRow

NAME = "greylist"
_DIGITS = re.compile(r"[0-9]+")


class Keys(NamedTuple):
    """What a letter is remembered by: its network alone, and network, sender and recipient together."""

    network: str
    triple: str


class Told(NamedTuple):
    """What the rule says: `wait` 0 is in, else seconds to come again after; `rows` are to be written."""

    wait: int
    reason: str
    rows: tuple[GreyRow, ...] = ()


class Check:
    name = NAME

    def __init__(self, settings: Greylist) -> None:
        self.settings = settings
        self._domains = frozenset(domain_.parse(name) for name in settings.domains)

    @property
    def worth(self) -> str:
        settings = self.settings
        after = f", networks are let in after {settings.allow_after} senders" if settings.allow_after else ""
        return f"greylist for {show_seconds(settings.delay)}{after}"

    def at_recipient(self, case: Case, recipient: Recipient) -> Asking[Sequence[Verdict]]:
        if case.submitted or case.trusted or (self._domains and recipient.address.domain not in self._domains):
            return ()
        spf = case.authenticity.spf
        if self.settings.spf_pass and spf is not None and spf.result == "pass":
            return ()
        if keys(self.settings, case.source.ip, case.mail.sender, recipient.address) is None:
            return ()
        verdicts: Sequence[Verdict] = yield from asking.consult(NAME, asking.At(case, recipient))
        return verdicts


def keys(settings: Greylist, ip: str, sender: Address | None, recipient: Address) -> Keys | None:
    """None for a client without an address. Numbers and tags in a sender are left out: lists count their letters."""
    client = networks.address(ip)
    if client is None:
        return None
    network = str(networks.around(client, settings.prefix4, settings.prefix6))
    if sender is None:
        written = "<>"
    else:
        local = sender.local.partition("+")[0] or sender.local
        written = key(Address(_DIGITS.sub("#", local), sender.domain))
    return Keys(f"network {network}", f"{network} {written} {key(recipient)}")


def ruled(settings: Greylist, which: Keys, network: GreyRow | None, triple: GreyRow | None, now: int) -> Told:
    """What becomes of a letter at `now` (ms), given the rows of its keys.

    A row is written when somebody is new, comes back, or, while it lasts, once in an eighth of `expiry`.
    """
    delay, window, expiry = (round(seconds * 1000) for seconds in (settings.delay, settings.window, settings.expiry))
    stale = expiry // 8
    if network is not None and now - network.last > expiry:
        network = None
    if settings.allow_after and network is not None and network.passed >= settings.allow_after:
        rows = (msgspec.structs.replace(network, last=now),) if now - network.last > stale else ()
        return Told(0, f"{network.passed} senders of {which.network} came back", rows)
    if triple is not None and now - triple.last > (expiry if triple.passed else window):
        triple = None
    if triple is None:
        return Told(-(-delay // 1000), "not seen before", (GreyRow(which.triple, now, now, 0),))
    if triple.passed:
        rows = (
            (msgspec.structs.replace(triple, last=now, passed=triple.passed + 1),) if now - triple.last > stale else ()
        )
        return Told(0, "known", rows)
    if now - triple.first < delay:
        return Told(-(-(triple.first + delay - now) // 1000), "too early")
    known = network or GreyRow(which.network, now, now, 0)
    return Told(
        0,
        f"came back after {(now - triple.first) // 1000} seconds",
        (
            msgspec.structs.replace(triple, last=now, passed=1),
            msgspec.structs.replace(known, last=now, passed=known.passed + 1),
        ),
    )


def verdict(told: Told) -> Verdict:
    """What the rule said, for the ruling."""
    if not told.wait:
        return Verdict(NAME, "accept", None, told.reason)
    return Verdict(NAME, "greylist", Status("4.7.1", f"Greylisted: try again in {told.wait} seconds"), told.reason)
