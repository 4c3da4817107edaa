"""Purge: what is older than its retention goes, in steps small enough to ride between commits.

Called by queue through the shard's writer, again and again until a step says it is done.
Never takes events of a letter still in the queue, nor a part of a letter's story: all of it or nothing. What goes is
told in the journal itself (kind purged), so that the hash chain knows it from what somebody removed.
Fails with StoreTrouble; the step is undone and can be made again.
"""

import msgspec

from hatoba.journal import terms
from hatoba.kit import ids
from hatoba.model import event
from hatoba.store import chain, queue, words
from hatoba.store import journal as rows
from hatoba.store.rows import EventRow
from hatoba.store.sql import Tx

CURSOR = "purge"
FORGOTTEN = "forgotten"  # the cursor that names the last span of the index that went, or is going


class Step(msgspec.Struct, frozen=True):
    """What one step did. `done`: nothing older is left; the next step begins at the oldest event again."""

    examined: int
    removed: int
    done: bool


def purge(tx: Tx, before: int, limit: int, now: int = 0) -> Step:
    """Looks at the next `limit` events that happened before `before` (ms) and removes the stories that are over.

    A story is over when the letter's last event is older than `before` and the queue holds nothing of it. One letter
    with many events may exceed the limit; a letter costs ~10 µs beside its events. `now` (ms) is when it happens.
    """
    seen = rows.after(tx, rows.position(tx, CURSOR), limit)
    old = [row for row in seen if row.at < before]
    doomed: list[EventRow] = _records(tx, old)
    for letter in dict.fromkeys(row.letter for row in old if row.kind != event.PURGED):
        story = rows.of_letter(tx, letter)
        if story and story[-1].at < before and not queue.of_letter(tx, letter):
            doomed += story
    rows.remove(tx, [row.seq for row in doomed])
    if doomed:
        chain.purged(tx, [row.seq for row in doomed], before, max(now, before))
    done = len(seen) < limit or len(old) < len(seen)
    rows.move(tx, CURSOR, 0 if done else seen[-1].seq)
    return Step(len(seen), len(doomed), done)


def _records(tx: Tx, old: list[EventRow]) -> list[EventRow]:
    """Of the records of former purges those that tell of nothing the chain still has."""
    records = [row for row in old if row.kind == event.PURGED]
    forgotten = chain.forgotten(tx) if records else 0
    return [row for row in records if _highest(row) <= forgotten]


def _highest(row: EventRow) -> int:
    try:
        return max((last for _, last in chain.told(row).seqs), default=0)
    except msgspec.DecodeError:
        return 0


def forget(tx: Tx, before: int, limit: int) -> bool:
    """Removes up to `limit` postings from the oldest span of the index if its time is over; True: it was not.

    It is over when every letter of the span was accepted before `before` (ms; 0: no bound), or the journal has none.
    """
    first, last = words.spans(tx)
    if first > last:
        return True
    start, end = first << terms.SPAN, (first + 1) << terms.SPAN
    if (end >> 22) + ids.EPOCH > before and words.living(tx, start, end):
        return True
    rows.move(tx, FORGOTTEN, first)
    words.drop(tx, first, limit)
    return False
