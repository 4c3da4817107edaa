"""Dates: those of SEARCH, and the date-time of APPEND.

Called by the grammar of this room.
Never reads a clock.
Fails with Bad for what is no date of the calendar.  # RFC 9051 §9 (date, date-time)
"""

from __future__ import annotations

import datetime
import re

from hatoba.wire.imap.scanner import Bad, Scanner

_MONTHS = {name: number for number, name in enumerate(b"jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}
_DATE = re.compile(rb'("?)([0-9]{1,2})-([A-Za-z]{3})-([0-9]{4})\1').match
_MOMENT = re.compile(
    rb'"([ 0-9][0-9])-([A-Za-z]{3})-([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-])([0-9]{2})([0-9]{2})"'
).match
_EPOCH = datetime.datetime(1970, 1, 1)


def date(scanner: Scanner) -> int:
    """1-Feb-1994, quoted or not, as date.toordinal()."""
    found = _DATE(scanner.data, scanner.at)
    month = _MONTHS.get(found[3].lower()) if found else None
    if found is None or month is None:
        raise Bad("A date like 1-Feb-1994 is missing")
    try:
        day = datetime.date(int(found[4]), month, int(found[2])).toordinal()
    except ValueError:
        raise Bad("There is no such date") from None
    scanner.at = found.end()
    return day


def moment(scanner: Scanner) -> tuple[int, int]:
    """ "17-Jul-1996 02:44:25 -0700" as ms since 1970 and the zone in minutes east."""
    found = _MOMENT(scanner.data, scanner.at)
    month = _MONTHS.get(found[2].lower()) if found else None
    if found is None or month is None:
        raise Bad('A date like "17-Jul-1996 02:44:25 -0700" is not well formed')
    day, year, hour, minute, second, east, west = (int(found[group]) for group in (1, 3, 4, 5, 6, 8, 9))
    try:
        local = datetime.datetime(year, month, day, hour, minute, min(second, 59))
        zone = datetime.timedelta(hours=east, minutes=west) * (-1 if found[7] == b"-" else 1)
        if second > 60 or west > 59 or east > 23:  # 60 is a leap second
            raise ValueError
    except ValueError:
        raise Bad("There is no such date") from None
    scanner.at = found.end()
    return (local - _EPOCH - zone) // datetime.timedelta(milliseconds=1), zone // datetime.timedelta(minutes=1)
