"""Gather: what a shard's journal says since the last look becomes counts, and reports that came in become rows.

Called by office in a thread, for each shard that its worker works, again and again.
Never holds up a letter: it reads behind the commits, and one transaction has the counts and how far they reach.
Fails with StoreTrouble, or Moved when somebody else was quicker; then nothing was counted.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from hatoba.model import event
from hatoba.reports import evidence, kinds
from hatoba.reports.evidence import DAY, Observation
from hatoba.reports.inbox import Inbox
from hatoba.reports.settings import Settings
from hatoba.store import base, journal, reports, tallies
from hatoba.store.rows import EventRow, TallyRow
from hatoba.store.sql import Reader, Tx

BATCH = 1000  # events of one step
SAYING = 600_000  # ms after which it is said again that a journal was read to its end: reports wait for that
OLD = 3  # days: what happened before is told nobody any more
_JUDGED = frozenset({event.ACCEPTED, event.REFUSED})


class Moved(Exception):
    """Another process has read this shard's journal meanwhile."""


class Step(NamedTuple):
    """`seen` events; `counted` of them told of DMARC; `kept` reports were taken in."""

    seen: int
    counted: int = 0
    kept: int = 0


class Gatherer:
    """What the steps share. `ours` tells our own report address, whose letters are not counted."""

    def __init__(
        self, settings: Settings, register: base.Register, inbox: Inbox | None, ours: Callable[[], str]
    ) -> None:
        self.settings = settings
        self.register = register
        self.inbox = inbox
        self._ours = ours

    def step(self, reader: Reader, shard: int, now: int) -> Step:
        """Reads on in one shard's journal; fewer events than BATCH: it is read to its end."""
        seq, looked = reports.cursor(self.register.reader, shard)
        last = journal.last(reader)
        start = min(seq, last)  # a database put back from an older copy counts anew from there
        seen = journal.after(reader, start, BATCH)
        observations = self._observed(seen, now) if self.settings.dmarc else []
        received = self.inbox.received(reader, seen, now) if self.inbox is not None else []
        to = seen[-1].seq if seen else start
        if to == seq and now - looked < SAYING:
            return Step(0)
        at = now if len(seen) < BATCH else looked  # read to its end, or not yet

        def write(tx: Tx) -> int:
            if not reports.advance(tx, shard, seq, to, at):
                raise Moved(shard)
            _count(tx, observations, self.settings.rows)
            return sum(reports.add(tx, row) for row in received)

        kept = self.register.note(write)
        if self.inbox is not None:
            self.inbox.done()
        return Step(len(seen), len(observations), kept)

    def _observed(self, seen: Sequence[EventRow], now: int) -> list[Observation]:
        oldest, ours = now // DAY - OLD, self._ours()
        found = [evidence.observed(row) for row in seen if row.kind in _JUDGED]
        return [one for one in found if one is not None and one.day >= oldest and not _own(one, ours)]


def _own(observation: Observation, ours: str) -> bool:
    return bool(ours) and observation.header_from.casefold() == ours.casefold()


def _count(tx: Tx, observations: Sequence[Observation], most: int) -> None:
    """Adds them to the tally, and keeps what one domain takes of a day within `most` rows, or nearly."""
    counts: Counter[tuple[int, str, bytes]] = Counter()
    for one in observations:
        counts[one.day, one.domain, evidence.data(one.seen)] += 1
    groups: dict[tuple[int, str], dict[bytes, int]] = {}
    for (day, domain, written), count in counts.items():
        groups.setdefault((day, domain), {})[written] = count
    for (day, domain), group in groups.items():
        told = group
        if reports.width(tx, kinds.DMARC, day, domain) + len(group) > most:
            told = _narrowed(group, reports.keys(tx, kinds.DMARC, day, domain), most)
        rows = [TallyRow(kinds.DMARC, day, domain, _key(data), count, data) for data, count in told.items()]
        tallies.add(tx, rows)


def _key(data: bytes) -> str:
    return evidence.key(data) if data else kinds.REST


def _narrowed(group: dict[bytes, int], known: set[str], most: int) -> dict[bytes, int]:
    """Rows that are new beyond `most` as coarse ones; beyond twice as many, only their number is kept (b"")."""
    made: Counter[bytes] = Counter()
    for data, count in group.items():
        chosen = data
        if evidence.key(data) not in known and len(known) >= most:
            seen = evidence.read(data)
            chosen = evidence.data(evidence.coarse(seen)) if seen is not None else b""
            if evidence.key(chosen) not in known and len(known) >= 2 * most:
                chosen = b""
        known.add(_key(chosen))
        made[chosen] += count
    return dict(made)


def pending(register: base.Register, shards: Sequence[int], until: int) -> list[int]:
    """The shards whose journal was not read to its end since `until` (ms): what they say may be missing."""
    read = reports.cursors(register.reader)
    return [number for number in shards if read.get(number, 0) < until]
