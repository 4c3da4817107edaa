"""When to try again: pure functions of the attempt, the settings and one drawn number.

Called by admission, lease and settlement for letters, by lanes for sites.
Never reads a clock, never draws: `now` and `draw` are arguments.
Total: every attempt number from 1 has an answer, however large.
"""

from hatoba.queue.settings import Settings

_ENOUGH = 64  # a power beyond it could overflow; every schedule has met its ceiling long before


def wait(settings: Settings, attempt: int, draw: float) -> int:
    """ms between attempt `attempt` (from 1) and the next. `draw` in [0, 1) picks the place within the jitter."""
    power = attempt - 1 if attempt < _ENOUGH else _ENOUGH
    base = min(settings.first * settings.factor**power, settings.most)
    return int(1000.0 * base * (1.0 + settings.jitter * (2.0 * draw - 1.0)))


def schedule(settings: Settings, attempt: int, now: int, draw: float) -> int:
    """ms since 1970 of the try after attempt `attempt`, which happens `now`."""
    return now + wait(settings, attempt, draw)


def suspension(settings: Settings, failures: int, draw: float) -> int:
    """ms a whole site rests after `failures` failures in a row (from 1): doubling, with the same jitter."""
    power = failures - 1 if failures < _ENOUGH else _ENOUGH
    base = min(settings.site_first * 2.0**power, settings.site_most)
    return int(1000.0 * base * (1.0 + settings.jitter * (2.0 * draw - 1.0)))
