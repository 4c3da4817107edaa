"""Points in time as people write them: "2h" (ago), "2026-11-24", "2026-11-24T09:30", with or without a zone.

Called by the command line (search, audit log).
Never reads a clock: now is an argument.
Fails with ValueError, whose text shows the forms.
"""

from datetime import datetime

from hatoba.kit import units


def read(written: str, now: int) -> int:
    """ms since 1970 of a point in time; without a zone it is this machine's. ValueError."""
    try:
        return now - int(units.seconds(written) * 1000)
    except ValueError:
        pass
    try:
        return int(datetime.fromisoformat(written).astimezone().timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        raise ValueError(
            f'{written!r} is no point in time: write "2h" (ago), "3d", "2026-11-24" or "2026-11-24T09:30"'
        ) from None
