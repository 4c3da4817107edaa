"""The admin log's rows: what people and keys changed, each entry chained to the one before it by its hash.

Called by app: `append` for every verb that changes something, the rest by `hatoba audit` and `hatoba verify`.
Never changes or removes an entry but for `purge`, which says so in the log itself.
Fails with StoreTrouble.
"""

from __future__ import annotations

import hashlib
import struct

import msgspec
from msgspec.structs import astuple
from sqlalchemy import bindparam, select

from hatoba.store import sql
from hatoba.store.findings import Report
from hatoba.store.sql import Reader, Tx
from hatoba.store.tables import admin, head

NAME = "admin"  # in the table of heads
GENESIS = bytes(32)
PURGED = "audit purge"  # the verb of the entry that says that older ones went
_VERSION = b"hatoba admin 1\n"
_fixed = struct.Struct(">qqqqq").pack
_PAGE = 500

_LAST = sql.text(select(*admin.c).order_by(admin.c.seq.desc()).limit(bindparam("limit")))
_BELOW = sql.text(
    select(*admin.c).where(admin.c.seq < bindparam("below")).order_by(admin.c.seq.desc()).limit(bindparam("limit"))
)
_AFTER = sql.text(
    select(*admin.c).where(admin.c.seq > bindparam("seq")).order_by(admin.c.seq).limit(bindparam("limit"))
)
_ADD = sql.added(admin)
_PUT_HEAD = sql.put(head)
_HEAD = sql.text(select(head.c.seq, head.c.hash).where(head.c.name == bindparam("name")))
_LOCK = "UPDATE head SET seq = seq WHERE name = ?"  # on a server: who comes second waits, and then sees our entry
_OLD = "SELECT seq FROM admin WHERE at < ? ORDER BY seq DESC LIMIT 1"
_FORGET = "DELETE FROM admin WHERE seq <= ?"
_TOP = 2**63 - 1


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An entry as it stands. `at` in ms; `data` is a JSON object as bytes whose keys belong to app; `hash` covers all
    of it and the hash of the entry before."""

    seq: int
    at: int
    who: str
    verb: str
    data: bytes
    hash: bytes


class Purge(msgspec.Struct, frozen=True):
    """The data of a purge's entry: entries up to `up_to` went, the last of which had that `hash` (hexadecimal)."""

    up_to: int
    hash: str
    count: int


def hashed(previous: bytes, entry: Entry) -> bytes:
    """What the entry's hash has to be, given the one before it."""
    who, verb = entry.who.encode(), entry.verb.encode()
    fixed = _fixed(entry.seq, entry.at, len(who), len(verb), len(entry.data))
    return hashlib.sha256(_VERSION + previous + fixed + who + verb + entry.data).digest()


def append(tx: Tx, at: int, who: str, verb: str, data: bytes) -> Entry:
    """Writes an entry behind the last one."""
    tx.run("INSERT INTO head (name, seq, hash) VALUES (?, 0, ?) ON CONFLICT (name) DO NOTHING", (NAME, GENESIS))
    tx.run(_LOCK, (NAME,))
    seq, previous = tx.rows(_HEAD, (NAME,))[0]
    entry = Entry(seq + 1, at, who, verb, data, b"")
    entry = msgspec.structs.replace(entry, hash=hashed(previous, entry))
    for statement, parameters in tx.parts(_ADD, [astuple(entry)]):
        tx.run(statement, parameters)
    tx.run(_PUT_HEAD, (NAME, entry.seq, entry.hash))
    return entry


def newest(reader: Reader, below: int, limit: int) -> list[Entry]:
    """Up to `limit` entries, newest first, only those with a lower seq than `below` (0: all)."""
    return [Entry(*row) for row in reader.rows(_BELOW, (below or _TOP, limit))]


def last(reader: Reader) -> Entry | None:
    """The newest entry."""
    found = reader.rows(_LAST, (1,))
    return Entry(*found[0]) if found else None


def purge(tx: Tx, before: int, now: int) -> int:
    """Removes what is older than `before` (ms), and says so; how many. The newest entry stays."""
    found = tx.rows(_OLD, (before,))
    newest_one = last(tx)
    if not found or newest_one is None:
        return 0
    up_to = min(int(found[0][0]), newest_one.seq - 1)
    edge = [Entry(*row) for row in tx.rows(_BELOW, (up_to + 1, 1))]
    if not edge:
        return 0
    count = tx.run(_FORGET, (up_to,))
    told = Purge(edge[0].seq, edge[0].hash.hex(), count)
    append(tx, now, "hatoba", PURGED, msgspec.json.encode(told))
    return count


def check(reader: Reader, report: Report) -> None:
    """Proves the chain; findings and counts go into the report."""
    purges: dict[int, str] = {}
    seq, previous, first = 0, GENESIS, True
    begins: Entry | None = None
    while entries := [Entry(*row) for row in reader.rows(_AFTER, (seq, _PAGE))]:
        for entry in entries:
            if first:
                begins, first = entry, False
            elif hashed(previous, entry) != entry.hash:
                report.add("admin-changed", f"entry {entry.seq}: {entry.verb} by {entry.who}")
            if entry.verb == PURGED:
                purges |= _told(entry)
            seq, previous = entry.seq, entry.hash
        report.look("admin entries", len(entries))
    _check_ends(reader, begins, (seq, previous), purges, report)


def _check_ends(
    reader: Reader, begins: Entry | None, ends: tuple[int, bytes], purges: dict[int, str], report: Report
) -> None:
    """The first entry rests on nothing, or on what a purge says of the one that went; the last one is the head's."""
    if begins is not None:
        rests = [bytes.fromhex(text) for up_to, text in purges.items() if up_to == begins.seq - 1]
        rests = [GENESIS] if begins.seq == 1 else rests
        if not any(hashed(one, begins) == begins.hash for one in rests):
            report.add("admin-changed", f"entry {begins.seq}, the first one: {begins.verb} by {begins.who}")
    heads = reader.rows(_HEAD, (NAME,))
    wanted = (int(heads[0][0]), bytes(heads[0][1])) if heads else (0, GENESIS)
    if wanted != ends and not (begins is None and wanted[0] == 0):
        report.add("admin-cut", f"the last entry is {ends[0]}, there was {wanted[0]}")


def _told(entry: Entry) -> dict[int, str]:
    try:
        told = msgspec.json.decode(entry.data, type=Purge)
        bytes.fromhex(told.hash)
    except (msgspec.DecodeError, ValueError):
        return {}
    return {told.up_to: told.hash}


def compare(reader: Reader, seq: int, wanted: bytes) -> str:
    """Whether a head kept elsewhere is still of this log: "same", "purged" (too old to say), "differs"."""
    found = newest(reader, seq + 1, 1)
    if found and found[0].seq == seq:
        return "same" if found[0].hash == wanted else "differs"
    oldest = [Entry(*row) for row in reader.rows(_AFTER, (0, 1))]
    return "purged" if oldest and seq < oldest[0].seq else "differs"
