"""Messages: letters in boxes, by UID: put in, looked at, flagged, copied, moved, expunged.

Called by the room above inside a transaction or with a reader.
Never gives a UID twice in a box, and never lowers its MODSEQ; who writes has the shard's lock, on either engine.
Fails with the refusals NoBox, OverQuota and TooManyKeywords, with StoreTrouble.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Sequence
from typing import Any

import msgspec

from hatoba.store.mailboxes import accounts, boxes, flags, numbering, packing, tables
from hatoba.store.mailboxes.accounts import Quota
from hatoba.store.mailboxes.boxes import Box
from hatoba.store.mailboxes.flags import DELETED, SEEN, Names
from hatoba.store.mailboxes.packing import Content
from hatoba.store.mailboxes.refusals import OverQuota
from hatoba.store.sql import Multi, Reader, Tx, added

_MESSAGES, _DELIVERIES = added(tables.message), added(tables.delivery)
_THREADS = added(tables.thread, after=" ON CONFLICT DO NOTHING")
_PENDING = added(tables.pending, after=" ON CONFLICT DO NOTHING")
_DELIVERED = "SELECT box, uid FROM delivery WHERE letter = ? AND place = ?"
_PLACED = "SELECT content, thread, modseq FROM message WHERE box = ? AND uid = ?"
_GREW = (
    "UPDATE box SET uidnext = uidnext + ?, modseq = ?, letters = letters + ?, unseen = unseen + ?,"
    " deleted = deleted + ?, bytes = bytes + ?, keywords = ? WHERE id = ?"
)
_REFERENCES = 20  # Message-IDs of one letter that its thread is looked for by: the first and the last ones
Row = tuple[Any, ...]
# What a View can have, in the order of the table.
COLUMNS = ("uid", "flags", "modseq", "content", "size", "internal", "zone", "saved", "thread")


class New(msgspec.Struct, frozen=True):
    """A message to be put into a box. `internal`: ms since 1970, `zone`: minutes east of UTC. `delivery`: (letter,
    place); what was put somewhere by the same key before is not put again."""

    content: Content
    internal: int
    flags: tuple[str, ...] = ()
    zone: int = 0
    delivery: tuple[int, str] | None = None


class Placed(msgspec.Struct, frozen=True, gc=False):
    """Where a message is. `fresh` is False when an earlier delivery put it there (it may be gone since)."""

    box: int
    uidvalidity: int
    uid: int
    modseq: int
    content: int
    thread: int
    fresh: bool = True


class View(msgspec.Struct):
    """A box as it is at one moment; the arrays go by message sequence number, ascending by UID."""

    box: Box
    columns: dict[str, array[int]]

    @property
    def uids(self) -> array[int]:
        return self.columns["uid"]

    @property
    def flags(self) -> array[int]:
        """Bits; `box.names` knows what they are called."""
        return self.columns["flags"]

    @property
    def modseqs(self) -> array[int]:
        return self.columns["modseq"]


def emailid(content: int) -> str:
    """EMAILID  # RFC 8474 §5.1"""
    return f"M{content:x}"


def threadid(thread: int) -> str:
    """THREADID  # RFC 8474 §5.2"""
    return f"T{thread:x}"


def view(reader: Reader, box: int, *columns: str) -> View:
    """The messages of a box: UIDs, flags and MODSEQs, and whichever other COLUMNS are named. NoBox."""
    found = boxes.get(reader, box)
    names = ("uid", "flags", "modseq", *(name for name in columns if name not in ("uid", "flags", "modseq")))
    if not set(names) <= set(COLUMNS):
        raise ValueError(f"no column is among {columns}")
    rows = reader.rows(f"SELECT {', '.join(names)} FROM message WHERE box = ? ORDER BY uid", (box,))  # noqa: S608
    arrays = zip(*rows, strict=True) if rows else ((),) * len(names)
    return View(found, {name: array("q", values) for name, values in zip(names, arrays, strict=True)})


def append(tx: Tx, box: int, new: New, now: int, most: Quota | None = None) -> Placed:
    """Puts one message into a box. NoBox, OverQuota, TooManyKeywords."""
    return append_many(tx, box, (new,), now, most)[0]


def append_many(tx: Tx, box: int, news: Sequence[New], now: int, most: Quota | None = None) -> list[Placed]:
    """Puts messages into a box, all or none, with UIDs that follow each other. NoBox, OverQuota, TooManyKeywords."""
    into = boxes.get(tx, box)
    before = [_before(tx, new) for new in news]
    fresh = [new for new, old in zip(news, before, strict=True) if old is None]
    added_ = iter(_append(tx, into, fresh, now, most)) if fresh else iter(())
    return [old or next(added_) for old in before]


class Delivered(msgspec.Struct, frozen=True, gc=False):
    """Where a delivery put a message; `content` 0: it is not there any more."""

    box: int
    uid: int
    content: int
    size: int


def delivered(reader: Reader, letter: int, place: str) -> Delivered | None:
    """What became of a delivery; None when there was none."""
    found = reader.rows(_DELIVERED, (letter, place))
    if not found:
        return None
    box, uid = found[0]
    rows = reader.rows("SELECT content, size FROM message WHERE box = ? AND uid = ?", (box, uid)) or [(0, 0)]
    return Delivered(box, uid, *rows[0])


def _before(tx: Tx, new: New) -> Placed | None:
    """Where an earlier delivery by the same key put it."""
    found = tx.rows(_DELIVERED, new.delivery) if new.delivery is not None else []
    if not found:
        return None
    box, uid = found[0]
    rows = tx.rows(_PLACED, (box, uid)) or [(0, 0, 0)]
    content, thread, modseq = rows[0]
    valid = tx.rows("SELECT uidvalidity FROM box WHERE id = ?", (box,)) or [(0,)]
    return Placed(box, valid[0][0], uid, modseq, content, thread, fresh=False)


def _append(tx: Tx, into: Box, news: Sequence[New], now: int, most: Quota | None) -> list[Placed]:
    octets = sum(new.content.size for new in news)
    check(tx, into.account, most, octets, len(news))
    names, bits = learned(tx, into, [new.flags for new in news])
    first = numbering.identify(tx, len(news))
    ids = packing.put(tx, first, [new.content for new in news])
    placed = []
    made = []
    modseq = into.modseq + 1
    for uid, new, number, value in zip(range(into.uidnext, into.uidnext + len(news)), news, ids, bits, strict=True):
        summary, size = new.content.summary, new.content.size
        thread = join(tx, into.account, number, summary.message_id, summary.references)
        made.append((into.id, uid, value, modseq, number, size, new.internal, new.zone, now, thread))
        placed.append(Placed(into.id, into.uidvalidity, uid, modseq, number, thread))
    arrive(tx, into, names, made, modseq, pending=True)
    keys = [(*new.delivery, into.id, place.uid) for new, place in zip(news, placed, strict=True) if new.delivery]
    write(tx, _DELIVERIES, keys)
    accounts.grow(tx, into.account, octets, len(news))
    return placed


def arrive(tx: Tx, into: Box, names: Names, made: Sequence[Row], modseq: int, *, pending: bool) -> None:
    """Rows of the table into a box, whose counts follow; `pending`: their contents are new to the account."""
    write(tx, _MESSAGES, made)
    if pending:
        write(tx, _PENDING, sorted({(into.account, row[4]) for row in made}))
    unseen, deleted = sum(not row[2] & SEEN for row in made), sum(bool(row[2] & DELETED) for row in made)
    octets, count = sum(row[5] for row in made), len(made)
    tx.run(_GREW, (count, modseq, count, unseen, deleted, octets, " ".join(names.keywords), into.id))


def check(tx: Tx, account: int, most: Quota | None, octets: int, letters: int) -> None:
    """OverQuota when the account would hold more than it may."""
    if most is None or not (most.bytes or most.letters):
        return
    usage = accounts.usage(tx, account)
    if (most.bytes and usage.bytes + octets > most.bytes) or (most.letters and usage.letters + letters > most.letters):
        raise OverQuota(f"{usage.bytes + octets} of {most.bytes} octets, {usage.letters + letters} of {most.letters}")


def learned(tx: Tx, into: Box, wanted: Sequence[Sequence[str]]) -> tuple[Names, list[int]]:
    """The names of a box that knows all these flags, and the bits of each. TooManyKeywords."""
    names = into.names
    new = flags.unknown(names, [flag for some in wanted for flag in some])
    if new:
        used = names.bits(flag for some in wanted for flag in some)
        if len(names.keywords) + len(new) > flags.MOST:
            for (bits,) in tx.rows("SELECT DISTINCT flags FROM message WHERE box = ?", (into.id,)):
                used |= bits
        names = flags.grown(names, new, used)
    return names, [names.bits(some) for some in wanted]


def join(tx: Tx, account: int, content: int, identity: str, references: Sequence[str]) -> int:
    """The thread of a letter: that of the first letter known that it names, or that names it; else a new one."""
    named = [identity, *references[:1], *reversed(references[1:])][:_REFERENCES]
    hashes = list(dict.fromkeys(_hashed(one) for one in named if one))
    if not hashes:
        return content
    marks = ", ".join("?" * len(hashes))
    statement = f"SELECT reference, thread FROM thread WHERE account = ? AND reference IN ({marks})"  # noqa: S608  # ours
    known: dict[int, int] = dict(tx.rows(statement, (account, *hashes)))
    thread = next((known[one] for one in hashes if one in known), content)
    write(tx, _THREADS, [(account, one, thread) for one in sorted(hashes) if one not in known])
    return thread


def _hashed(reference: str) -> int:
    digest = hashlib.blake2b(reference.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def write(tx: Tx, shape: Multi, rows: Sequence[Any]) -> None:
    """Many rows in few statements; none for none."""
    if rows:
        for statement, parameters in tx.parts(shape, rows):
            tx.run(statement, parameters)
