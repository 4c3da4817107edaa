"""Dates: the date of a field, and its parts as tests compare them. # RFC 5260 §4

Called by the tests date and currentdate.
Never reads a clock: the present is handed in.
Fails never: a field without a date gives None.
"""

from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from hatoba.message import encode
from hatoba.message.structure import dates

_ZONE_MOST = 24 * 60
_MJD = 678_576  # date.toordinal() of day 0 of the Modified Julian Days
PARTS = frozenset({"year", "month", "day", "date", "julian", "hour", "minute", "second", "time", "iso8601", "std11",
                   "zone", "weekday"})  # fmt: skip


class Moment(NamedTuple):
    """`seconds` since 1970; `zone` is minutes east of Greenwich, as the field has it."""

    seconds: int
    zone: int


def read(value: bytes) -> Moment | None:
    """The date of an unfolded field; of a Received that behind its last semicolon. # RFC 5260 §4"""
    found = dates.read(value.rpartition(b";")[2].strip())
    if found is None or abs(found.zone) >= _ZONE_MOST:
        return None
    return Moment(found.ms // 1000, found.zone)


def offset(text: str) -> int | None:
    """Minutes east of Greenwich of "+hhmm"; None where it is none. # RFC 5260 §4.1"""
    if len(text) != 5 or text[0] not in "+-" or not (text[1:].isascii() and text[1:].isdecimal()):
        return None
    zone = int(text[1:3]) * 60 + int(text[3:])
    if zone >= _ZONE_MOST:
        return None
    return -zone if text[0] == "-" else zone


def part(name: str, seconds: int, zone: int) -> str | None:
    """One part of a moment on the clocks of `zone`; None where no part is called so. # RFC 5260 §4.2"""
    try:
        t = datetime.fromtimestamp(seconds, timezone(timedelta(minutes=zone)))
    except (ValueError, OverflowError, OSError):
        return None
    written = encode.offset(zone)
    made = {
        "year": f"{t.year:04}",
        "month": f"{t.month:02}",
        "day": f"{t.day:02}",
        "date": f"{t.year:04}-{t.month:02}-{t.day:02}",
        "julian": str(t.toordinal() - _MJD),
        "hour": f"{t.hour:02}",
        "minute": f"{t.minute:02}",
        "second": f"{t.second:02}",
        "time": f"{t.hour:02}:{t.minute:02}:{t.second:02}",
        "iso8601": f"{t.year:04}-{t.month:02}-{t.day:02}T{t.hour:02}:{t.minute:02}:{t.second:02}"
        + (f"{written[:3]}:{written[3:]}" if zone else "Z"),
        "std11": encode.date(seconds * 1000, zone),
        "zone": written,
        "weekday": str(t.isoweekday() % 7),
    }
    return made.get(name)
