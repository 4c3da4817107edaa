"""Filter faults: what is wrong in the tables of [filter] and cannot be said by a type: patterns, networks, names.

Called by checks, at every start, reload and `hatoba config check`.
Never asks anything.
Fails never: each fault is told with its key and the fix.
"""

from collections.abc import Callable, Iterator

from hatoba.app.settings import Settings
from hatoba.directory import listing
from hatoba.directory.entries import BadEntry
from hatoba.intake.filters import dnsbl, greylist, rate, rules

Found = Iterator[tuple[str, str, str]]  # (key, what is wrong, the fix)


class Nothing:
    """Counters for a check that nobody will ask."""

    def slide(self, key: str, window: int, now: int, times: int = 1) -> None:
        return

    def slid(self, key: str, window: int, now: int) -> tuple[int, int, float]:
        return 0, 0, 0.0


def found(settings: Settings) -> Found:
    """Every fault of [filter]."""
    filter_ = settings.filter
    made: list[tuple[str, Callable[[], object]]] = [
        ("filter.greylist.domains", lambda: greylist.Check(filter_.greylist)),
        *((f"filter.dnsbl[{n}]", lambda each=each: dnsbl.Check(each)) for n, each in enumerate(filter_.dnsbl)),
        *(
            (f"filter.rate[{n}]", lambda each=each: rate.Check([each], Nothing()))
            for n, each in enumerate(filter_.rate)
        ),
        *(
            (f"filter.rule[{n}]", lambda each=each: rules.Check([each], filter_.attachments))
            for n, each in enumerate(filter_.rule)
        ),
    ]
    for key, make in made:
        try:
            make()
        except ValueError as error:
            yield key, str(error), f"See [[{key.partition('[')[0]}]] in docs/settings.md and docs/filtering.md."
    yield from _lists(settings)
    yield from _names(settings)


def _lists(settings: Settings) -> Found:
    lists = settings.filter.lists
    for verdict, entries in ((listing.ALLOW, lists.allow), (listing.DENY, lists.deny)):
        for written in entries:
            try:
                entry = listing.parse(verdict, written)
            except BadEntry as error:
                yield f"filter.lists.{verdict}", str(error), 'Such as "192.0.2.0/24", ".example.org", "helo:localhost".'
                continue
            if verdict == listing.ALLOW and entry.subject == listing.SENDER and not _proven(settings):
                fix = 'Set auth.spf = "tag", or filter.lists.proof = "none" to trust what anybody can write.'
                yield "filter.lists.allow", f"{written!r} never counts: no sender is proven without SPF", fix


def _proven(settings: Settings) -> bool:
    return settings.filter.lists.proof == "none" or settings.auth.spf != "off"


def _names(settings: Settings) -> Found:
    reverse = settings.filter.reverse
    asks = [name for name in ("missing", "unconfirmed", "generic") if getattr(reverse, name) not in (0, "off")]
    if asks and not settings.auth.iprev:
        yield f"filter.reverse.{asks[0]}", "nobody looks the client's names up", "Set auth.iprev = true."
