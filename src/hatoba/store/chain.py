"""The hash chain over a shard's events: links of up to 256 events, each of which rests on the one before it.

Called by queue in idle moments (read in a thread, write through the writer), by journal's purge, by `hatoba audit`;
chain_check proves it. Decision 0017 says what it can show and what it cannot.
Never touches an event. A link keeps the digest of each event it covers: a purge takes events and breaks nothing.
Fails with StoreTrouble.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import astuple
from sqlalchemy import bindparam, select

from hatoba.model import event
from hatoba.model.event import Event
from hatoba.store import journal, sql
from hatoba.store.rows import EventRow
from hatoba.store.sql import Reader, Tx
from hatoba.store.tables import event as _event
from hatoba.store.tables import link as _link

CURSOR = "chain"  # where the last link ends: without that link it says that one is missing
LINK = 256  # events of one link, at most
GENESIS = bytes(32)  # what the first link rests on
_VERSION = b"hatoba link 1\n"
_fixed = struct.Struct(">qqqq").pack
LEAF = struct.Struct(">q32s")

_columns = (_link.c.seq, _link.c.first, _link.c.at, _link.c.count, _link.c.hash, _link.c.leaves)
LAST = sql.text(select(*_columns).order_by(_link.c.seq.desc()).limit(bindparam("limit")))
AFTER = sql.text(
    select(*_columns).where(_link.c.seq > bindparam("seq")).order_by(_link.c.seq).limit(bindparam("limit"))
)
_ADD = sql.added(_link)
_COUNT = "SELECT count(*) FROM event WHERE seq > ? AND seq <= ?"
_BEHIND = "SELECT count(*) FROM event WHERE seq > ?"
_FIRST_EVENT = sql.text(select(_event.c.seq).order_by(_event.c.seq).limit(bindparam("limit")))
_OVER = "SELECT seq FROM link WHERE seq < ? ORDER BY seq DESC LIMIT 1"
_FORGET = "DELETE FROM link WHERE seq < ?"
_EMPTY = "UPDATE link SET leaves = ? WHERE seq = ?"


class Link(msgspec.Struct, frozen=True, gc=False):
    """One link. It covers every seq from `first` (right behind the link before it) to `seq`; `at` in ms.

    `leaves` has 40 octets for each of its `count` events: seq and digest. A link whose leaves are gone is a checkpoint:
    all that it and its predecessors covered was purged, and its hash is what the next one rests on.
    """

    seq: int
    first: int
    at: int
    count: int
    hash: bytes
    leaves: bytes

    @property
    def checkpoint(self) -> bool:
        return not self.leaves


class Purged(msgspec.Struct, frozen=True, gc=False):
    """The data of a purged event: which seqs went (ranges, ends included), all older than `before` (ms)."""

    seqs: tuple[tuple[int, int], ...]
    before: int


def digest(row: EventRow) -> bytes:
    """SHA-256 over an event as it stands in its row; b"" for one whose columns are of other types than we write."""
    try:
        kind = row.kind.encode()
        return hashlib.sha256(_fixed(row.seq, row.letter, row.at, len(kind)) + kind + row.data).digest()
    except (struct.error, TypeError, AttributeError, UnicodeEncodeError):  # SQLite keeps anything in any column
        return b""


def hashed(previous: bytes, link: Link) -> bytes:
    """What the link's hash has to be, given the one before it."""
    try:
        fixed = _fixed(link.seq, link.first, link.at, link.count)
        return hashlib.sha256(_VERSION + previous + fixed + link.leaves).digest()
    except (struct.error, TypeError):
        return b""


def leaves(link: Link) -> list[tuple[int, bytes]]:
    """(seq, digest) of each event it covers. struct.error or TypeError where they are no leaves."""
    return [(seq, found) for seq, found in LEAF.iter_unpack(link.leaves)]


def last(reader: Reader) -> Link | None:
    """The newest link."""
    found = reader.rows(LAST, (1,))
    return Link(*found[0]) if found else None


def after(reader: Reader, seq: int, limit: int) -> list[Link]:
    """Up to `limit` links that end behind `seq`, oldest first."""
    return [Link(*row) for row in reader.rows(AFTER, (seq, limit))]


def read(reader: Reader, now: int, limit: int) -> list[Link]:
    """Links over the events that none covers yet, at most `limit` of them: for `write`. ~3 µs an event."""
    newest = last(reader)
    seq, previous = (newest.seq, newest.hash) if newest is not None else (0, GENESIS)
    made: list[Link] = []
    while limit > 0 and (rows := journal.after(reader, seq, min(LINK, limit))):
        packed = b"".join([LEAF.pack(row.seq, digest(row)) for row in rows])
        link = Link(rows[-1].seq, seq + 1, now, len(rows), b"", packed)
        link = msgspec.structs.replace(link, hash=hashed(previous, link))
        made.append(link)
        seq, previous, limit = link.seq, link.hash, limit - len(rows)
    return made


def write(tx: Tx, links: Sequence[Link]) -> bool:
    """Adds links that `read` made. False, and nothing is written, where events or the chain changed since: read again.

    (After a commit that was in doubt, the events of letters that were refused go again.)
    """
    if not links:
        return True
    newest = last(tx)
    behind = newest.seq if newest is not None else 0
    there = tx.rows(_COUNT, (behind, links[-1].seq))[0][0]
    if links[0].first != behind + 1 or there != sum(link.count for link in links):
        return False
    for statement, parameters in tx.parts(_ADD, [astuple(link) for link in links]):
        tx.run(statement, parameters)
    journal.move(tx, CURSOR, links[-1].seq)
    return True


def unchained(reader: Reader) -> int:
    """How many events no link covers yet."""
    newest = last(reader)
    return int(reader.rows(_BEHIND, (newest.seq if newest is not None else 0,))[0][0])


def purged(tx: Tx, seqs: Iterable[int], before: int, now: int) -> None:
    """Events went: says so in the chain, as far as it covered them, and forgets the links that nothing is left of."""
    newest = last(tx)
    if newest is None:
        return
    gone = ranges(seq for seq in seqs if seq <= newest.seq)
    if gone:
        journal.append(tx, [Event(0, now, event.PURGED, msgspec.json.encode(Purged(gone, before)))])
    oldest = tx.rows(_FIRST_EVENT, (1,))
    over = tx.rows(_OVER, (oldest[0][0],)) if oldest else []
    if over:
        tx.run(_EMPTY, (b"", over[0][0]))
        tx.run(_FORGET, (over[0][0],))


def told(row: EventRow) -> Purged:
    """What a record of a purge says. msgspec.DecodeError."""
    return msgspec.json.decode(row.data, type=Purged)


def forgotten(reader: Reader) -> int:
    """The seq up to which nothing is left to be proven: the checkpoint's, 0 where there is none."""
    found = after(reader, 0, 1)
    return found[0].seq if found and found[0].checkpoint else 0


def ranges(seqs: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Sorted numbers as (first, last) of each run."""
    found: list[tuple[int, int]] = []
    for seq in sorted(seqs):
        if found and seq == found[-1][1] + 1:
            found[-1] = (found[-1][0], seq)
        else:
            found.append((seq, seq))
    return tuple(found)


def covers(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Overlapping and neighbouring ranges as few, sorted: for look-ups by bisection."""
    found: list[tuple[int, int]] = []
    for first, end in sorted(spans):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((first, end))
    return found
