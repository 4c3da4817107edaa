"""Proves a shard's hash chain: every link against the one before it, every event against its digest.

Called by verify, inside one snapshot; and by app with heads that a person kept elsewhere.
Never writes. Names the first row that does not fit, and goes on behind it.
Fails never but for StoreTrouble: what does not fit is a finding.
"""

from __future__ import annotations

import bisect
import struct
from collections.abc import Sequence

import msgspec

from hatoba.kit import ids
from hatoba.store import chain, journal
from hatoba.store.chain import Link
from hatoba.store.findings import Report
from hatoba.store.rows import EventRow
from hatoba.store.sql import Reader

_LINKS = 32  # read at once, 10 KB each


def check(reader: Reader, report: Report) -> None:
    """Findings and counts of one shard go into the report."""
    _Proof(reader, report).run()


def compare(reader: Reader, seq: int, wanted: bytes) -> str:
    """Whether a head kept elsewhere is still that of this chain: "same", "purged" (too old to say), "differs"."""
    found = chain.after(reader, seq - 1, 1)
    if found and found[0].seq == seq:
        return "same" if found[0].hash == wanted else "differs"
    return "purged" if seq < chain.forgotten(reader) else "differs"


class _Proof:
    """One walk over the chain, from its beginning or its checkpoint to its head."""

    def __init__(self, reader: Reader, report: Report) -> None:
        self._reader, self._report = reader, report
        self._hash = chain.GENESIS
        self._seq = 0  # the end of the last link seen
        self._gone: list[tuple[int, int]] = []

    def run(self) -> None:
        position = journal.position(self._reader, chain.CURSOR)
        self._gone = self._purges()
        at, first = 0, True
        while links := chain.after(self._reader, at, _LINKS):
            for link in links:
                self._link(link, first)
                first = False
            at = links[-1].seq
        if position != self._seq:
            self._report.add("chain-cut", f"the last link ends at {self._seq}, there was one up to {position}")
        if self._seq:
            self._report.look("events not chained yet", chain.unchained(self._reader))

    def _purges(self) -> list[tuple[int, int]]:
        """What the records of purges name. Those that are no records are told as events that cannot be read."""
        found: list[tuple[int, int]] = []
        for row in journal.of_letter(self._reader, 0):
            try:
                found += chain.told(row).seqs
            except msgspec.DecodeError:
                continue
        return chain.covers(found)

    def _purged(self, seq: int) -> bool:
        at = bisect.bisect_right(self._gone, (seq, 1 << 63)) - 1
        return at >= 0 and self._gone[at][0] <= seq <= self._gone[at][1]

    def _link(self, link: Link, first: bool) -> None:
        self._report.look("links")
        if link.checkpoint and first:
            self._hash, self._seq = link.hash, link.seq
            return
        if link.first != self._seq + 1:
            name = f"between {self._seq} and {link.first}" if self._seq else f"before {link.first}"
            self._report.add("chain-cut", f"the links {name} are missing")
        elif chain.hashed(self._hash, link) != link.hash:
            self._report.add("chain-broken", f"the link of the events {link.first} to {link.seq}")
        self._events(link)
        self._hash, self._seq = link.hash, link.seq

    def _events(self, link: Link) -> None:
        try:
            leaves = dict(chain.leaves(link))
        except (struct.error, TypeError):
            self._report.add("chain-broken", f"the link of the events {link.first} to {link.seq} has no leaves")
            return
        rows = self._between(link)
        self._report.look("events chained", len(rows))
        wrong = [row for row in rows if leaves.get(row.seq) != chain.digest(row)]
        missing = [seq for seq in leaves.keys() - {row.seq for row in rows} if not self._purged(seq)]
        for seq, kind, text in sorted(self._told(wrong, missing, leaves)):
            self._report.add(kind, f"event {seq}{text}")

    def _between(self, link: Link) -> list[EventRow]:
        rows = journal.after(self._reader, link.first - 1, len(link.leaves) // chain.LEAF.size + 1)
        while rows and rows[-1].seq <= link.seq and (more := journal.after(self._reader, rows[-1].seq, chain.LINK)):
            rows += more
        return [row for row in rows if row.seq <= link.seq]

    def _told(
        self, wrong: Sequence[EventRow], missing: Sequence[int], leaves: dict[int, bytes]
    ) -> list[tuple[int, str, str]]:
        """(seq, kind of damage, words) of each row that does not fit."""
        found = []
        places = {leaves[row.seq]: row.seq for row in wrong if row.seq in leaves} | {leaves[s]: s for s in missing}
        came = set()
        for row in wrong:
            name = f" of {ids.text(row.letter)} ({row.kind})" if row.letter >= 0 else ""
            own = [place for place in places.values() if chain.digest(_at(row, place)) == leaves[place]]
            if own:
                came.update(own)
                found.append((row.seq, "event-moved", f"{name} stood at {own[0]}"))
            elif row.seq in leaves:
                found.append((row.seq, "event-changed", name))
            else:
                found.append((row.seq, "event-inserted", name))
        found += [(seq, "event-removed", " is not there any more") for seq in missing if seq not in came]
        return found


def _at(row: EventRow, seq: int) -> EventRow:
    return msgspec.structs.replace(row, seq=seq)
