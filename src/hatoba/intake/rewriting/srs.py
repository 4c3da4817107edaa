"""SRS: a reverse-path of ours that leads back to the sender of a forwarded letter, and the way back.

Called by forwarding when a letter leaves for the outside, and for each RCPT that may be such an address.
Never keeps anything: the address carries its sender, a day and a keyed hash. No RFC: the form is the field's,
SRS0=hash=day=domain=local@here and SRS1=hash=first-forwarder=rest@here.
Fails with BadReturn: forged, too old, or no such form at all.
"""

import base64
import hmac
import unicodedata
from collections.abc import Sequence

from hatoba.model import domain as domain_
from hatoba.model.address import Address, BadAddress

_TAGS = ("SRS0", "SRS1")
_SEPARATORS = "=+-"  # behind the tag; others may have written any of them
_DAYS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"  # base 32: two characters, 1024 days
_ROUND = len(_DAYS) ** 2
_DAY = 86_400_000  # ms
_LEAST_HASH = 4
_AHEAD = 1  # days that another node's clock may be ahead


class BadReturn(ValueError):
    """The address is no way back of ours. `stale`: it was one, once."""

    def __init__(self, why: str, *, stale: bool = False) -> None:
        super().__init__(why)
        self.stale = stale


def tagged(local: str) -> bool:
    """Whether a local part has the form of SRS."""
    return local[:4].upper() in _TAGS and local[4:5] in _SEPARATORS and len(local) > 5


class Srs:
    """`secrets`: the newest signs, all of them are believed. `width` characters of hash, `age` in days."""

    __slots__ = ("_age", "_longest", "_secrets", "_width")

    def __init__(self, secrets: Sequence[bytes], *, width: int = 6, age: int = 21, longest: int = 200) -> None:
        if not secrets:
            raise ValueError("SRS needs a secret")
        self._secrets = tuple(secrets)
        self._width = width
        self._age = age
        self._longest = longest

    def forward(self, sender: Address, here: str, now: int) -> Address | None:
        """The reverse-path at the domain `here` for a letter from `sender`, `now` in ms.

        None where its local part, as it goes out, would be longer than `longest` octets.
        """
        local = sender.local
        if tagged(local):
            if local[:4].upper() == "SRS1":  # forwarded twice: the first forwarder stays, the one between drops out
                _, _, rest = local[5:].partition("=")
                host, _, opaque = rest.partition("=")
            else:
                host, opaque = sender.domain, local[4:]
            if host and opaque:
                return self._fit(f"SRS1={self._hash(self._secrets[0], host, opaque)}={host}={opaque}", here)
        day = _stamp(now)
        signed = self._hash(self._secrets[0], day, sender.domain, local)
        return self._fit(f"SRS0={signed}={day}={sender.domain}={local}", here)

    def _fit(self, local: str, here: str) -> Address | None:
        made = Address(local, here)
        written = str(made).encode()
        if len(written) - len(here) - 1 > self._longest or len(written) > _PATH_MOST:
            return None
        return made

    def reverse(self, address: Address, now: int) -> Address:
        """The sender behind a reverse-path of ours. BadReturn."""
        local = address.local
        if not tagged(local):
            raise BadReturn("no return address of this host")
        if local[:4].upper() == "SRS1":
            return self._first(local)
        signed, _, rest = local[5:].partition("=")
        day, _, rest = rest.partition("=")
        host, equals, user = rest.partition("=")
        if not equals:
            raise BadReturn("no return address of this host")
        self._check(signed, day, host, user)
        age = (_days(now) - _value(day) + _AHEAD) % _ROUND - _AHEAD
        if age > self._age:
            raise BadReturn(f"this return address was good for {self._age} days", stale=True)
        return _address(user, host)

    def _first(self, local: str) -> Address:
        """SRS1: back to the first forwarder, who knows the rest."""
        signed, _, rest = local[5:].partition("=")
        host, _, opaque = rest.partition("=")
        self._check(signed, host, opaque)
        return _address(f"SRS0{opaque}", host)

    def _check(self, signed: str, *parts: str) -> None:
        given = signed.upper().encode()
        if len(given) < max(_LEAST_HASH, self._width):
            raise BadReturn("no return address of this host")
        good = False
        for secret in self._secrets:  # all of them, whichever fits: the time tells nothing
            good |= hmac.compare_digest(_signature(secret, len(given), *parts).encode(), given)
        if not good:
            raise BadReturn("this return address was not made here")

    def _hash(self, secret: bytes, *parts: str) -> str:
        return _signature(secret, self._width, *parts)


_PATH_MOST = 254  # RFC 5321 §4.5.3.1.3


def _signature(secret: bytes, width: int, *parts: str) -> str:
    """`width` characters of base 32. Case does not count: hosts on the way do change it."""
    plain = "\0".join(unicodedata.normalize("NFC", part).casefold() for part in parts)
    digest = hmac.digest(secret, plain.encode("utf-8", "surrogatepass"), "sha256")
    return base64.b32encode(digest).decode()[:width]


def _days(now: int) -> int:
    return now // _DAY % _ROUND


def _stamp(now: int) -> str:
    high, low = divmod(_days(now), len(_DAYS))
    return _DAYS[high] + _DAYS[low]


def _value(day: str) -> int:
    high, low = (_DAYS.find(character) for character in day.upper()) if len(day) == 2 else (-1, -1)
    if high < 0 or low < 0:
        raise BadReturn("no return address of this host")
    return high * len(_DAYS) + low


def _address(local: str, host: str) -> Address:
    try:
        return Address(local, domain_.parse(host))
    except BadAddress:  # signed by us, but a host on the way has changed it beyond repair
        raise BadReturn("no return address of this host") from None
