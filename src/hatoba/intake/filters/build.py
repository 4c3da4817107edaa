"""Builds the checks from settings: one line each, in the phases in which they are asked.

Called by app once a house (at its start and at each reload), by the command line that explains a letter, by tests.
Never asks anything.
Fails with ValueError on settings that make no sense.
"""

from collections.abc import Sequence

from hatoba.intake import filter_settings, roster, ruling, service_settings
from hatoba.intake.filters import clamav, dnsbl, greylist, hook, lists, milter, rate, reverse, rspamd, rules
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
    services: service_settings.Services | None = None,
    counters: rate.Counters | None = None,
    counting: bool = True,
    more: Sequence[Sequence[Check]] = (),
) -> Filters:
    """The checks of a house. `more`: phases behind these, for checks that are made elsewhere.

    `counters` are the workers' common ones; `counting` False looks at rates and counts nothing.
    """
    names, contents = reverse.Check(settings.reverse), rules.Check(settings.rule, settings.attachments)
    phases: list[Sequence[Check]] = [
        [lists.Check(settings.lists)] if settings.lists.on else [],
        _client(auth, hostname),
        [*map(dnsbl.Check, settings.dnsbl), *([names] if names.wanted else ())],
        _authenticity(auth),
        [contents] if contents.wanted else [],
        *more,
        *_services(services or service_settings.Services()),
        [greylist.Check(settings.greylist)] if settings.greylist.on else [],
        [rate.Check(settings.rate, counters, counting=counting)] if settings.rate and counters is not None else [],
    ]
    outside, inside = roster.gathered(phases, inside=False), roster.gathered(phases, inside=True)
    return Filters(outside, inside, ruling.Table(settings, outside.always | inside.always), auth)


def _services(named: service_settings.Services) -> list[Sequence[Check]]:
    """Those that have an address: what judges side by side, then the milters, which may sign what they see."""
    judges: list[Check] = []
    if named.clamd.address:
        judges.append(clamav.Clamav(named.clamd))
    if named.rspamd.url:
        judges.append(rspamd.Rspamd(named.rspamd))
    judges += [hook.Hook(each) for each in named.hook]
    return [judges, [milter.Milters(named.milter)] if named.milter else []]


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
