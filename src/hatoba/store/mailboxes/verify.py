"""Verify: reads every message, content and count of a mail shard and says what does not fit.

Called by store.verify, beside the processes that write the shard.
Never writes. Each look is one state of the shard.
Fails never: what cannot be read is a finding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from hatoba.store import sqlite, trouble
from hatoba.store.base import Base
from hatoba.store.findings import Report
from hatoba.store.mailboxes import contents, indexing
from hatoba.store.mailboxes.flags import DELETED, SEEN
from hatoba.store.mailboxes.settings import Settings
from hatoba.store.mailboxes.stores import MailStore
from hatoba.store.sql import Reader

_STEP = 200  # contents read at once
# ruff: noqa: S608  # constants in constants
_COUNTS = f"""
SELECT b.id, b.name, count(m.uid) - b.letters, coalesce(sum(CASE WHEN m.flags & {SEEN} = 0 THEN 1 ELSE 0 END), 0)
 - b.unseen, coalesce(sum(CASE WHEN m.flags & {DELETED} <> 0 THEN 1 ELSE 0 END), 0) - b.deleted,
 coalesce(sum(m.size), 0) - b.bytes
FROM box AS b LEFT JOIN message AS m ON m.box = b.id
GROUP BY b.id, b.name, b.letters, b.unseen, b.deleted, b.bytes ORDER BY b.id"""
_AHEAD = (
    "SELECT b.id, b.name FROM box AS b WHERE EXISTS (SELECT 1 FROM message AS m WHERE m.box = b.id"
    " AND (m.uid >= b.uidnext OR m.modseq > b.modseq)) ORDER BY b.id"
)
_USAGE = (
    "SELECT a.key FROM account AS a LEFT JOIN box AS b ON b.account = a.id GROUP BY a.id, a.key, a.bytes, a.letters"
    " HAVING coalesce(sum(b.bytes), 0) <> a.bytes OR coalesce(sum(b.letters), 0) <> a.letters ORDER BY a.key"
)
_BOXLESS = "SELECT box, count(*) FROM message WHERE NOT EXISTS (SELECT 1 FROM box WHERE id = message.box) GROUP BY box"
_EMPTY = (
    "SELECT box, uid FROM message WHERE NOT EXISTS (SELECT 1 FROM content WHERE id = message.content) UNION ALL"
    " SELECT box, uid FROM trash WHERE NOT EXISTS (SELECT 1 FROM content WHERE id = trash.content)"
)
_REFERRED = """
SELECT c.id FROM content AS c LEFT JOIN (SELECT content, count(*) AS n FROM (SELECT content FROM message UNION ALL
 SELECT content FROM trash) AS x GROUP BY content) AS r ON r.content = c.id WHERE c.refs <> coalesce(r.n, 0)"""
_NEXT = "SELECT id, size, digest FROM content WHERE id > ? ORDER BY id LIMIT ?"


def shards(home: Base, progress: Callable[[str], None]) -> Iterator[Report]:
    """A report for each mail shard, as it is done; none where there are none yet."""
    store = MailStore(home, Settings(readers=1))
    try:
        for number in range(store.count if store.made else 0):
            yield _shard(store, number, progress)
    except trouble.StoreTrouble as error:
        report = Report("mail shards", {}, [])
        report.add("revision" if isinstance(error, trouble.WrongVersion) else "database-unreadable", str(error))
        yield report
    finally:
        store.close()


def _shard(store: MailStore, number: int, progress: Callable[[str], None]) -> Report:
    progress(f"mail shard {number:04d}")
    report = Report(f"mail shard {number:04d}", {}, [])
    try:
        shard = store.numbered(number)
        shard.look(lambda reader: _integrity(reader, report))
        shard.look(lambda reader: _counts(reader, report))
        after = 0
        while (step := shard.look(partial(_contents, report=report, after=after))) > after:
            after = step
        shard.look(lambda reader: _index(reader, report))
    except trouble.WrongVersion as error:
        report.add("revision", str(error))
    except trouble.StoreTrouble as error:
        report.add("database-unreadable", str(error))
    return report


def _integrity(reader: Reader, report: Report) -> None:
    if isinstance(reader, sqlite.Reader):
        for (line,) in reader.rows("PRAGMA integrity_check(100)"):
            if line != "ok":
                report.add("integrity", str(line))


def _counts(reader: Reader, report: Report) -> None:
    for number, name, *off in reader.rows(_COUNTS):
        report.look("mailboxes")
        if any(off):
            report.add("mailbox-counts", f"{name} ({number}): letters, unseen, deleted, octets are off by {off}")
    for number, name in reader.rows(_AHEAD):
        report.add("mailbox-ahead", f"{name} ({number})")
    for (key,) in reader.rows(_USAGE):
        report.add("account-usage", key)
    for number, count in reader.rows(_BOXLESS):
        report.add("message-without-mailbox", f"box {number}", count)
    for box, uid in reader.rows(_EMPTY):
        report.add("content-missing", f"UID {uid} of box {box}")
    for (number,) in reader.rows(_REFERRED):
        report.add("content-references", f"content {number}")


def _contents(reader: Reader, report: Report, after: int) -> int:
    """Reads the octets of some contents; the last one's id, or `after`."""
    rows: Sequence[tuple[int, int, bytes]] = [(*row,) for row in reader.rows(_NEXT, (after, _STEP))]
    for number, size, digest in rows:
        report.look("contents")
        try:
            hashed, octets = hashlib.blake2b(digest_size=16), 0
            for piece in contents.pieces(reader, number):
                hashed.update(piece)
                octets += len(piece)
        except trouble.StoreTrouble as error:
            report.add("content-damaged", f"content {number}: {error}")
            continue
        if octets != size or hashed.digest() != bytes(digest):
            report.add("content-damaged", f"content {number}: {octets} octets instead of {size}, or others")
    return rows[-1][0] if rows else after


def _index(reader: Reader, report: Report) -> None:
    """Blocks that cannot be read; a search would fail by them."""
    for (account,) in reader.rows("SELECT DISTINCT account FROM segment"):
        try:
            for number, count, ids, fences in reader.rows(indexing.SEGMENTS, (account,)):
                report.look("segments")
                if len(indexing.numbers_of(ids)) != count:
                    raise trouble.StoreTrouble(f"segment {number} lists {len(ids) // 8} letters instead of {count}")
                indexing.check(reader, number, indexing.numbers_of(fences))
        except trouble.StoreTrouble as error:
            report.add("mail-index", f"account {account}: {error}")
