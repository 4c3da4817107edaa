"""Builds the checks from settings: one line each, in the phases in which they are asked.

Called by app once a house (at its start and at each reload), by the command line that explains a letter, by tests.
Never asks anything.
Fails with ValueError on settings that make no sense.
"""

from collections.abc import Sequence

from hatoba.intake import filter_settings, roster, ruling
from hatoba.intake.roster import Check, Filters


def build(
    auth: filter_settings.Auth,
    settings: filter_settings.Settings,
    *,
    hostname: str,
    more: Sequence[Sequence[Check]] = (),
) -> Filters:
    """The checks of a house. `more`: phases behind these, for checks that are made elsewhere."""
    phases: list[Sequence[Check]] = [
        *more,
    ]
    outside, inside = roster.gathered(phases, inside=False), roster.gathered(phases, inside=True)
    return Filters(outside, inside, ruling.Table(settings, outside.always | inside.always), auth)
