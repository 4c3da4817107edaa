"""Builds the checks from settings: one line each, in the phases in which they are asked.

Called by app once a house (at its start and at each reload), by the command line that explains a letter, by tests.
Never asks anything.
Fails with ValueError on settings that make no sense.
"""

from collections.abc import Sequence

from hatoba.intake import filter_settings, roster, ruling
from hatoba.intake.filters.dmarc import Dmarc
from hatoba.intake.filters.iprev import Iprev
from hatoba.intake.filters.signatures import Signatures
from hatoba.intake.filters.spf import Spf
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
        _client(auth, hostname),
        _authenticity(auth),
        *more,
    ]
    outside, inside = roster.gathered(phases, inside=False), roster.gathered(phases, inside=True)
    return Filters(outside, inside, ruling.Table(settings, outside.always | inside.always), auth)


def _client(auth: filter_settings.Auth, hostname: str) -> list[Check]:
    """Who hands the letter in, and what signed it: side by side, for nothing of this depends on the rest."""
    checks: list[Check] = []
    if auth.iprev:
        checks.append(Iprev())
    if auth.spf != "off":
        checks.append(Spf(auth, hostname))
    if auth.dkim or auth.arc:
        checks.append(Signatures(dkim=auth.dkim, arc=auth.arc))
    return checks


def _authenticity(auth: filter_settings.Auth) -> list[Check]:
    """What follows from it."""
    return [] if auth.dmarc == "off" else [Dmarc(auth)]
