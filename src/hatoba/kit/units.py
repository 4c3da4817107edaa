"""Durations and sizes as people write them: "5m", "4h", "250ms"; "50MB", "64KiB".

Called by every room's Settings (the two types), by app where it reads and shows values.
Never rounds what is shown: `seconds(show_seconds(x)) == x`, and the same for sizes.
Fails with ValueError that names the accepted forms.
"""

import math
import re
from decimal import Decimal
from typing import Annotated

import msgspec

# No lower bound stands here: a field that adds gt=0 to its own Meta could not be combined with a ge=0.
Seconds = Annotated[float, msgspec.Meta(extra={"unit": "duration"})]
Bytes = Annotated[int, msgspec.Meta(extra={"unit": "bytes"})]

_TIMES = {"": 1_000, "ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_TIME_NAMES = {"sec": "s", "min": "m", "hour": "h", "hours": "h", "day": "d", "days": "d", "week": "w", "weeks": "w"}
_SIZES = {"": 1, "b": 1} | {
    unit.lower() + suffix: base**power
    for power, unit in enumerate("KMGT", start=1)
    for suffix, base in (("", 1000), ("b", 1000), ("ib", 1024), ("i", 1024))
}
_TERM = re.compile(r"\s*([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([a-zA-Z]*)")
_SHOWN_TIMES = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000))
_SHOWN_SIZES = tuple(
    (unit + suffix, base**power)
    for power, unit in zip((4, 3, 2, 1), "TGMK", strict=True)
    for suffix, base in (("iB", 1024), ("B", 1000))
)


def seconds(text: str | float) -> float:
    """Seconds from "30", "30s", "250ms", "5m", "1.5h", "1h30m", "5d", "2w", or a number as it stands. ValueError."""
    if isinstance(text, int | float) and not isinstance(text, bool):
        if not (math.isfinite(text) and text >= 0):
            raise ValueError(f"{text} is no duration: it is a number of seconds from 0 on")
        return float(text)
    total, at = Decimal(0), 0
    written = str(text).strip()
    while at < len(written):
        term = _TERM.match(written, at)
        unit = term[2].lower() if term else ""
        unit = _TIME_NAMES.get(unit, unit)
        if term is None or unit not in _TIMES or (not unit and term[0] != written):
            at = 0
            break
        total += Decimal(term[1]) * _TIMES[unit]
        at = term.end()
    if not at:
        raise ValueError(f'{text!r} is no duration: write "250ms", "30s", "5m", "4h", "5d" or "1h30m"')
    return float(total / 1000)


def bytes_(text: str | int) -> int:
    """Octets from "64KB" (of 1000), "64KiB" (of 1024), "1.5GB", "4096", or a number as it stands. ValueError."""
    if isinstance(text, int) and not isinstance(text, bool):
        if text < 0:
            raise ValueError(f"{text} is no size: it is a number of octets from 0 on")
        return text
    term = _TERM.fullmatch(str(text).strip())
    factor = _SIZES.get(term[2].lower()) if term else None
    octets = Decimal(term[1]) * factor if term and factor else Decimal("0.5")
    if octets != int(octets):
        raise ValueError(f'{text!r} is no size: write "4096", "64KB", "50MB", "1.5GB" (of 1000) or "64KiB" (of 1024)')
    return int(octets)


def show_seconds(value: float) -> str:
    """The shortest whole form: 300.0 is "5m", 90.0 "90s", 0.25 "250ms", 0 "0s"."""
    thousandths = Decimal(repr(float(value))) * 1000
    if thousandths == 0:
        return "0s"
    for unit, factor in _SHOWN_TIMES:
        if thousandths % factor == 0:
            return f"{int(thousandths) // factor}{unit}"
    return f"{thousandths.normalize():f}ms"


def show_bytes(value: int) -> str:
    """The largest unit that divides it whole: 50_000_000 is "50MB", 65536 "64KiB", 1234 "1234"."""
    for unit, factor in _SHOWN_SIZES:
        if value and value % factor == 0:
            return f"{value // factor}{unit}"
    return str(value)
