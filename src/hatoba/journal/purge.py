"""Purge: what is older than the retention goes, in steps small enough to ride between commits.

Called by app through the shard's writer, again and again until a step says it is done.
Never takes events of a letter still in the queue, nor a part of a letter's story: all of it or nothing.
Fails with StoreTrouble; the step is undone and can be made again.
"""

import msgspec

from hatoba.journal import terms
from hatoba.store import journal as rows
from hatoba.store import queue
from hatoba.store.rows import EventRow
from hatoba.store.sql import Tx

CURSOR = "purge"


class Step(msgspec.Struct, frozen=True):
    """What one step did. `done`: nothing older is left; the next step begins at the oldest event again."""

    examined: int
    removed: int
    done: bool


def purge(tx: Tx, before: int, limit: int) -> Step:
    """Looks at the next `limit` events that happened before `before` (ms) and removes the stories that are over.

    A story is over when the letter's last event is older than `before` and the queue holds nothing of it. One letter
    with many events may exceed the limit; a letter costs ~10 µs beside its events.
    """
    seen = rows.after(tx, rows.position(tx, CURSOR), limit)
    old = [row for row in seen if row.at < before]
    doomed: list[EventRow] = []
    for letter in dict.fromkeys(row.letter for row in old):
        story = rows.of_letter(tx, letter)
        if story and story[-1].at < before and not queue.of_letter(tx, letter):
            doomed += story
    rows.remove(tx, [row.seq for row in doomed])
    rows.forget(tx, sorted({(number, row.letter) for row in doomed for number in terms.numbers(row)}))
    done = len(seen) < limit or len(old) < len(seen)
    rows.move(tx, CURSOR, 0 if done else seen[-1].seq)
    return Step(len(seen), len(doomed), done)
