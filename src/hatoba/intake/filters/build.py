"""Builds the checks from settings: one line each, in the phases in which they are asked.

Called by app once a house (at its start and at each reload), by the command line that explains a letter, by tests.
Never asks anything.
Fails with ValueError on settings that make no sense.
"""

from collections.abc import Sequence

from hatoba.intake import filter_settings, roster, ruling
from hatoba.intake.filters import dnsbl, greylist, lists, rate, reverse, rules
from hatoba.intake.roster import Check, Filters


def build(
    auth: filter_settings.Auth,
    settings: filter_settings.Settings,
    *,
    hostname: str,
    counters: rate.Counters | None = None,
    counting: bool = True,
    more: Sequence[Sequence[Check]] = (),
) -> Filters:
    """The checks of a house. `more`: phases behind these, for checks that are made elsewhere.

    `counters` are the workers' common ones; `counting` False looks at rates and counts nothing.
    """
    names, contents = reverse.Check(settings.reverse), rules.Check(settings.rule, settings.attachments)
    phases: list[Sequence[Check]] = [
        [lists.Check(settings.lists)],
        [*map(dnsbl.Check, settings.dnsbl), *([names] if names.wanted else ())],
        [contents] if contents.wanted else [],
        *more,
        [greylist.Check(settings.greylist)] if settings.greylist.on else [],
        [rate.Check(settings.rate, counters, counting=counting)] if settings.rate and counters is not None else [],
    ]
    outside, inside = roster.gathered(phases, inside=False), roster.gathered(phases, inside=True)
    return Filters(outside, inside, ruling.Table(settings, outside.always | inside.always), auth)
