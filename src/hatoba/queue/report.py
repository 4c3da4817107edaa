"""Report: what the queue holds, lane by lane, and one letter's recipients: the answers to `hatoba queue`.

Called by admin. Reads the store in a thread and asks the lanes in memory what binds.
Never writes.
Fails as the store does.
"""

from collections import defaultdict

import msgspec

from hatoba.queue.lanes import LaneStatus
from hatoba.queue.leased import Last, last_of
from hatoba.store import queue as rows_
from hatoba.store.rows import STATES, Filter, Listed, RecipientRow
from hatoba.store.sql import Reader

SAMPLED = 20_000  # a lane with more rows than this tells no oldest letter: finding it would read them all


class LaneSummary(msgspec.Struct):
    """One site of one shard. Times in ms, 0 for none. Counts are recipients."""

    site: str
    ready: int = 0
    active: int = 0
    held: int = 0
    quarantined: int = 0
    next_due: int = 0
    oldest: int = 0  # when its oldest letter was accepted; 0 also where the lane is too long to look
    attempts: int = 0  # of that letter
    last: Last = Last()  # of that letter
    hold: str | None = None  # the reason of a standing hold on the site
    lane: LaneStatus | None = None  # what is in memory, None for nothing


class RecipientReport(msgspec.Struct, frozen=True):
    """One recipient of a letter in the queue, and what binds it now ("" nothing but its time)."""

    n: int
    address: str
    site: str
    state: str
    attempts: int
    next_at: int
    crashes: int
    last: Last
    binds: str
    lane: LaneStatus | None = None


def last(row: RecipientRow) -> Last:
    """The row's last status, or a word about why it cannot be read."""
    try:
        return last_of(row.last)
    except msgspec.MsgspecError as error:
        return Last(quarantined=f"unreadable: {error}")


def summary(reader: Reader, holds: dict[str, str], lanes: dict[str, LaneStatus]) -> list[LaneSummary]:
    """Every lane with rows, with something in memory, or held; by name."""
    found: dict[str, LaneSummary] = {}
    sizes: dict[str, int] = defaultdict(int)
    for count in rows_.counts(reader):
        one = found.setdefault(count.site, LaneSummary(count.site))
        setattr(one, STATES[count.state], count.count)
        sizes[count.site] += count.count
        if count.first and count.state == 0:
            one.next_due = count.first
    for site in (*holds, *lanes):
        found.setdefault(site, LaneSummary(site))
    for site, one in found.items():
        one.hold, one.lane = holds.get(site), lanes.get(site)
        if 0 < sizes[site] <= SAMPLED and (oldest := _oldest(reader, site)) is not None:
            one.oldest, one.attempts, one.last = oldest.accepted, oldest.row.attempts, last(oldest.row)
    return [found[site] for site in sorted(found)]


def _oldest(reader: Reader, site: str) -> Listed | None:
    # "" as a filter means any site, and unrouted rows are not worth a walk over all
    return next(iter(rows_.select(reader, Filter(site=site), 1)), None) if site else None


def letter(reader: Reader, number: int, lanes: dict[str, LaneStatus], now: int) -> list[RecipientReport]:
    """The recipients of a letter still in the queue, by n."""
    return [_recipient(row, lanes.get(row.site), now) for row in rows_.of_letter(reader, number)]


def _recipient(row: RecipientRow, lane: LaneStatus | None, now: int) -> RecipientReport:
    state = STATES[row.state]
    if state in ("held", "quarantined"):
        binds = last(row).quarantined or state
    elif state == "ready" and row.next_at > now:
        binds = "waits for its time" if not (lane and lane.suspended_until > row.next_at) else lane.binds
    elif not row.site:
        binds = "its route is being looked up"
    else:
        binds = "" if lane is None else lane.binds
    return RecipientReport(
        row.n, row.address, row.site, state, row.attempts, row.next_at, row.crashes, last(row), binds, lane
    )
