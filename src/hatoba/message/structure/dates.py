"""Dates: Date fields read as programs really write them. # RFC 5322 §3.3, §4.3

Called by the sort keys and by importers.
Never fails for an odd order, a missing zone or a day name in another tongue.
Fails never: what holds no date is None.
"""

import re
from datetime import date
from typing import NamedTuple

_MONTHS = {name: n for n, name in enumerate(
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1)}  # fmt: skip
_ZONES = {b"UT": 0, b"GMT": 0, b"EST": -300, b"EDT": -240, b"CST": -360, b"CDT": -300, b"MST": -420, b"MDT": -360,
          b"PST": -480, b"PDT": -420, b"JST": 540, b"CET": 60, b"CEST": 120, b"BST": 60, b"MET": 60,
          b"EET": 120, b"EEST": 180, b"MSK": 180, b"HST": -600, b"AKST": -540, b"AKDT": -480, b"IST": 330,
          b"KST": 540, b"AEST": 600, b"AEDT": 660, b"NZST": 720, b"NZDT": 780}  # fmt: skip
_DATE = re.compile(
    rb"(?:[A-Za-z]+[.,]?\s*,?\s*)?(\d{1,2})[\s-]+([A-Za-z]{3})[A-Za-z]*\.?[\s,-]+(\d{2,4})"
    rb"(?:[\s,]+(\d{1,2})[:.](\d{1,2})(?:[:.](\d{1,2}))?(?:[.,]\d+)?\s*(?:([+-])\s?(\d{1,2}):?(\d{2})|([A-Za-z]+))?)?"
)
# asctime: Fri Feb 22 17:06:23 2008
_ASCTIME = re.compile(
    rb"(?:[A-Za-z]+,?\s+)?([A-Za-z]{3})[A-Za-z]*\s+(\d{1,2}),?\s+(\d{1,2}):(\d{2})(?::(\d{2}))?\s+"
    rb"(?:([A-Za-z]+|[+-]\d{4})\s+)?(\d{4})"
)
_COMMENT = re.compile(rb"\([^()]*\)")
_EPOCH = date(1970, 1, 1).toordinal()


class Moment(NamedTuple):
    """`zone`: minutes east of Greenwich."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int
    zone: int

    @property
    def ordinal(self) -> int:
        """date.toordinal() of the day as written, whatever the zone."""
        return date(self.year, self.month, self.day).toordinal()

    @property
    def ms(self) -> int:
        """ms since 1970, zone 0."""
        minutes = (self.ordinal - _EPOCH) * 1440 + self.hour * 60 + self.minute - self.zone
        return (minutes * 60 + self.second) * 1000


def read(field: bytes) -> Moment | None:
    """From an unfolded Date value."""
    text = field[:200]
    while b"(" in text and (shorter := _COMMENT.sub(b" ", text)) != text:  # the innermost first
        text = shorter
    text = text.strip()
    found = _DATE.match(text)
    if found is None and (found := _ASCTIME.match(text)):
        month, day, hour, minute, second, name, year = found.groups()
        signed = name is not None and name[:1] in b"+-"
        zone = _offset(name[:1], name[1:3], name[3:]) if signed else _ZONES.get((name or b"").upper(), 0)
    elif found := found or _DATE.search(text):
        day, month, year, hour, minute, second, sign, hours, minutes, name = found.groups()
        zone = _offset(sign, hours, minutes) if sign else _ZONES.get((name or b"").upper(), 0)
    else:
        return None
    return _moment(year, _MONTHS.get(month.decode("ascii").lower(), 0), day, (hour, minute, second), zone)


def _offset(sign: bytes, hours: bytes, minutes: bytes) -> int:
    zone = int(hours) * 60 + int(minutes)
    return -zone if sign == b"-" else zone


def _moment(
    year: bytes, month: int, day: bytes, clock: tuple[bytes | None, bytes | None, bytes | None], zone: int
) -> Moment | None:
    number = int(year)
    if len(year) == 2:  # RFC 5322 §4.3
        number += 2000 if number < 50 else 1900
    elif len(year) == 3:
        number += 1900
    hour, minute, second = (int(part or 0) for part in clock)
    if hour > 24 or minute > 59 or second > 60 or not 1 <= number <= 9998:
        return None
    try:
        date(number, month, int(day))
    except ValueError:
        return None
    return Moment(number, month, int(day), hour, minute, second, zone if abs(zone) < 6000 else 0)
