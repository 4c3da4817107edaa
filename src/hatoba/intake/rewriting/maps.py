"""Maps: canonical addresses and masquerading: the address that stands for another one, by the settings' tables.

Called by rewriting for the envelope and by header for each address of a field.
Never looks an address up in the directory: aliases are another matter.
Fails with ValueError on entries that make no sense, when they are made; an address that comes out broken stays.
"""

from collections.abc import Callable, Sequence

import msgspec

from hatoba.intake.rewriting.pattern import Pattern
from hatoba.intake.rewriting.settings import Canonical, Masquerade
from hatoba.model import domain as domain_
from hatoba.model.address import Address, BadAddress

SENDER, RECIPIENT = "sender", "recipient"
ENVELOPE, HEADER = "envelope", "header"


class Changed(msgspec.Struct, frozen=True, gc=False):
    """`to` is the address that stands for the one asked about, `rule` how the journal calls why."""

    to: Address
    rule: str
    signed: bool = False  # even where a DKIM signature covers the field


Rule = Callable[[Address], Address | None]


class _Entry(msgspec.Struct, frozen=True):
    change: Rule
    rule: str
    side: str
    where: str
    outside: bool  # letters from strangers too
    signed: bool = False


class Maps:
    """All tables, compiled. False when there are none."""

    __slots__ = ("_entries", "_masquerade")

    def __init__(self, canonical: Sequence[Canonical], masquerade: Masquerade) -> None:
        self._entries = [
            _Entry(_rule(one), f"canonical {one.match}", one.side, one.where, one.letters == "all", one.signed)
            for one in canonical
        ]
        self._masquerade: _Entry | None = None
        if masquerade.domains:
            hidden = _Masquerading(masquerade)
            self._masquerade = _Entry(hidden.change, "masquerade", masquerade.side, "both", masquerade.letters == "all")

    def __bool__(self) -> bool:
        return bool(self._entries) or self._masquerade is not None

    def change(self, address: Address, side: str, where: str, *, ours: bool) -> Changed | None:
        """What `address` becomes; None when it stays. `ours`: a submission, or from a relay network.

        The first canonical entry that matches, then masquerading over what it made.
        """
        made, rules, signed = address, [], True
        for entry in self._entries:
            if _meant(entry, side, where, ours) and (other := entry.change(made)) is not None:
                made, signed = other, entry.signed
                rules.append(entry.rule)
                break
        entry_ = self._masquerade
        masked = entry_ is not None and _meant(entry_, side, where, ours) and (where, side) != (ENVELOPE, RECIPIENT)
        if entry_ is not None and masked and (other := entry_.change(made)) is not None:
            made, signed = other, False
            rules.append(entry_.rule)
        return Changed(made, ", ".join(rules), signed) if rules and made != address else None


def _meant(entry: _Entry, side: str, where: str, ours: bool) -> bool:
    return (ours or entry.outside) and entry.side in (side, "both") and entry.where in (where, "both")


def _rule(one: Canonical) -> Rule:
    """The entry as a function. ValueError."""
    match, to = one.match.strip(), one.to.strip()
    if len(match) > 1 and match[0] == "/" and match[-1] == "/":
        pattern = Pattern(match[1:-1], to, "rewrite.canonical")
        return lambda address: _replaced(pattern, address)
    if match[0] == "@":
        domain = _domain(match[1:])
        if to[0] == "@":
            moved = _domain(to[1:])
            return lambda address: Address(address.local, moved) if address.domain == domain else None
        one_address = _address(to)
        return lambda address: one_address if address.domain == domain else None
    if to[0] == "@":
        raise ValueError(f"rewrite.canonical: {match!r} is one address and cannot become a domain ({to})")
    wanted, other = _name(_address(match)), _address(to)
    return lambda address: other if _name(address) == wanted else None


def _name(address: Address) -> tuple[str, str]:
    return address.local.casefold(), address.domain


def _replaced(pattern: Pattern, address: Address) -> Address | None:
    made = pattern.whole(str(address).encode())
    if made is None:
        return None
    try:
        return Address.parse(made.decode("utf-8", "replace"))
    except BadAddress:
        return None


def _domain(written: str) -> str:
    try:
        return domain_.parse(written.strip())
    except BadAddress as error:
        raise ValueError(f"rewrite: {written!r} is no domain name: {error}") from None


def _address(written: str) -> Address:
    try:
        return Address.parse(written)
    except BadAddress as error:
        raise ValueError(f"rewrite: {written!r} is no address, @domain or /pattern/: {error}") from None


class _Masquerading:
    """Longest names first: what stands nearest to the address decides."""

    __slots__ = ("_domains", "_exceptions")

    def __init__(self, settings: Masquerade) -> None:
        self._domains = sorted(
            ((_domain(name.lstrip("!")), not name.startswith("!")) for name in settings.domains),
            key=lambda pair: -len(pair[0]),
        )
        self._exceptions = frozenset(local.casefold() for local in settings.exceptions)

    def change(self, address: Address) -> Address | None:
        if address.local.casefold() in self._exceptions:
            return None
        for domain, hides in self._domains:
            if address.domain == domain:
                return None
            if address.domain.endswith(f".{domain}"):
                return Address(address.local, domain) if hides else None
        return None
