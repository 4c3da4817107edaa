"""Filter table: the checks in force as an operator reads them: order, stages, whom they are asked about, thresholds.

Called by `hatoba filter`.
Never asks a check.
Fails with ValueError on settings that make no sense.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from hatoba.app import filterfaults, services
from hatoba.app.settings import Settings
from hatoba.intake import ruling
from hatoba.intake.filters import build
from hatoba.intake.roster import STAGES, Checks, Filters


class Row(msgspec.Struct, frozen=True):
    """One check. `phase` counts from 1 within `stages`; what stands in one phase is asked side by side."""

    stages: str
    phase: int
    check: str
    outside: bool  # asked about letters of strangers
    inside: bool  # asked about submissions and trusted networks
    always: bool  # counts against an allow list, too
    worth: str


class Level(msgspec.Struct, frozen=True):
    """The thresholds for recipients in a domain; 0: never."""

    domain: str
    at: ruling.Thresholds


class Table(msgspec.Struct, frozen=True):
    checks: list[Row]
    thresholds: list[Level]


def told(settings: Settings, hostname: str) -> Table:
    """The table of these settings."""
    filters = build.build(
        settings.auth,
        settings.filter,
        hostname=hostname,
        services=services.named(settings),
        counters=filterfaults.Nothing(),
    )
    levels = [Level("(all)", filters.table.thresholds(""))]
    levels += [Level(one.name, filters.table.thresholds(one.name.lower())) for one in settings.filter.domain]
    return Table(list(_rows(filters)), levels)


def _rows(filters: Filters) -> Iterator[Row]:
    for stage in STAGES:
        word = stage.removeprefix("at_")
        inside = {check.name for phase in getattr(filters.inside, word) for check in phase}
        always = filters.outside.always | filters.inside.always
        for number, phase in enumerate(_phases(filters, word), 1):
            for check in phase:
                outer = any(check.name == one.name for each in getattr(filters.outside, word) for one in each)
                worth = str(getattr(check, "worth", ""))
                yield Row(word, number, check.name, outer, check.name in inside, check.name in always, worth)


def _phases(filters: Filters, word: str) -> list[list[Any]]:
    """The phases of strangers' letters, and behind them what is asked about our own people's alone."""
    phases = [list(phase) for phase in getattr(filters.outside, word)]
    known = {check.name for phase in phases for check in phase}
    own: Checks = filters.inside
    more = [[check for check in phase if check.name not in known] for phase in getattr(own, word)]
    return [*phases, *(phase for phase in more if phase)]
