"""Rate: how many recipients a sender, an account, a client, its network or a domain may have a minute, an hour, a day.

Made by build; asked last at RCPT, so that what others refuse is not counted.
Never keeps a count of its own: all workers count in one page of memory (net.limits), in windows that slide.
Fails never; too many is 450 4.7.1 with the time to wait.
"""

from collections.abc import Iterator, Sequence
from math import floor
from typing import NamedTuple, Protocol

from hatoba.directory.entries import key
from hatoba.directory.listing import above
from hatoba.intake import filter_tables
from hatoba.intake.case import Case
from hatoba.kit import networks
from hatoba.model import domain as domain_
from hatoba.model.address import Address, BadAddress
from hatoba.model.envelope import Recipient
from hatoba.model.outcome import Verdict
from hatoba.model.status import Status

NAME = "rate"
_WINDOWS = {"minute": 60, "hour": 3600, "day": 86400}  # seconds
_PREFIX4, _PREFIX6 = 24, 64  # what "network" means
_CLIENT6 = 64  # an IPv6 client has all addresses of its /64


class Counters(Protocol):
    """What net.limits.SharedCounters has for us."""

    def slide(self, key: str, window: int, now: int, times: int = 1) -> None: ...
    def slid(self, key: str, window: int, now: int) -> tuple[int, int, float]: ...


class _Limit(NamedTuple):
    """One entry, ready: `names` and `clients` are None where it is for everybody."""

    names: frozenset[str] | None
    clients: networks.Networks[bool] | None
    windows: tuple[tuple[int, int], ...]  # (seconds, most)

    @property
    def everybody(self) -> bool:
        return self.names is None and self.clients is None

    def fits(self, names: Sequence[str], client: networks.Address | None) -> bool:
        if self.names is not None:
            return any(name in self.names for name in names)
        if self.clients is not None:
            return client is not None and any(self.clients.find(client))
        return True


class _Counted(NamedTuple):
    """Somebody who is counted: the counter's key, for people, and by what entries choose."""

    key: str
    shown: str
    names: Sequence[str]
    client: networks.Address | None


class Check:
    """`counting` False looks at what is counted and adds nothing. ValueError on entries that are none."""

    name = NAME
    inside = True

    def __init__(self, settings: Sequence[filter_tables.Rate], counters: Counters, *, counting: bool = True) -> None:
        self._counters = counters
        self._counting = counting
        self._limits: dict[str, list[_Limit]] = {}
        for entry in sorted(settings, key=lambda entry: not entry.match):  # stable: those with `match` go first
            self._limits.setdefault(entry.per, []).append(_limit(entry))

    @property
    def worth(self) -> str:
        words = {seconds: word for word, seconds in _WINDOWS.items()}
        shown = []
        for per, limits in self._limits.items():
            for limit in limits:
                most = ", ".join(f"{count} per {words[window]}" for window, count in limit.windows) or "no limit"
                shown.append(f"{per}{'' if limit.everybody else ' (some)'}: {most}")
        return "defer; " + "; ".join(shown)

    def at_recipient(self, case: Case, recipient: Recipient) -> Sequence[Verdict]:
        counters, now = self._counters, case.now
        spent: list[tuple[str, int]] = []
        for per, limits in self._limits.items():
            counted = _counted(per, case, recipient.address)
            if counted is None:
                continue
            limit = next((limit for limit in limits if limit.fits(counted.names, counted.client)), None)
            for window, most in limit.windows if limit is not None else ():
                current, former, share = counters.slid(counted.key, window, now)
                if current + former * share >= most:
                    return (_too_many(per, counted.shown, most, window, wait(current, former, share, most, window)),)
                spent.append((counted.key, window))
        if self._counting:
            for name, window in spent:
                counters.slide(name, window, now)
        return ()


def wait(current: int, former: int, share: float, most: int, window: int) -> int:
    """Seconds until one more is within `most`, if nothing else comes; at least 1."""
    left = share * window  # of the window
    if current < most:
        return max(1, floor(left - (most - current) / former * window) + 1) if former else 1
    return floor(left + (1 - most / current) * window) + 1


def _too_many(per: str, shown: str, most: int, window: int, seconds: int) -> Verdict:
    word = next(word for word, length in _WINDOWS.items() if length == window)
    who = {"account": "this account", "sender": "this sender", "domain": "this domain"}.get(per, "your network")
    text = f"Too many recipients for {who}, {most} per {word}: try again in {seconds} seconds"
    if per in ("account", "sender"):
        text = text.replace(" for ", " of ")
    return Verdict(NAME, "defer", Status("4.7.1", text), f"{per} {shown}: {most} per {word} used up")


def _limit(entry: filter_tables.Rate) -> _Limit:
    windows = tuple((seconds, most) for word, seconds in _WINDOWS.items() if (most := getattr(entry, word)))
    if not entry.match:
        return _Limit(None, None, windows)
    if entry.per in ("ip", "network"):
        clients: networks.Networks[bool] = networks.Networks()
        for written in entry.match:
            clients.put(networks.network(written), True)
        return _Limit(None, clients, windows)
    return _Limit(frozenset(map(_name, entry.match)), None, windows)


def _name(written: str) -> str:
    try:
        if "@" in written:
            return key(Address.parse(written))
        return "." + domain_.parse(written[1:]) if written.startswith(".") else domain_.parse(written)
    except BadAddress as error:
        raise ValueError(f"{written!r} is no address or domain: {error}") from None


def _counted(per: str, case: Case, recipient: Address) -> _Counted | None:
    source, sender = case.source, case.mail.sender
    if per == "account":
        if not source.account:
            return None
        return _Counted(f"account {source.account}", source.account, tuple(_names(source.account)), None)
    if per == "sender":
        if sender is None:  # bounces have no sender in common
            return None
        name = key(sender)
        return _Counted(f"sender {name}", name, tuple(_names(name)), None)
    if per == "domain":
        return _Counted(f"domain {recipient.domain}", recipient.domain, tuple(above(recipient.domain)), None)
    client = networks.address(source.ip)
    if client is None:
        return None
    prefix = networks.around(client, 32 if per == "ip" else _PREFIX4, _CLIENT6 if per == "ip" else _PREFIX6)
    return _Counted(f"{per} {prefix}", str(prefix), (), client)


def _names(account: str) -> Iterator[str]:
    yield account
    yield from above(account.rpartition("@")[2])
