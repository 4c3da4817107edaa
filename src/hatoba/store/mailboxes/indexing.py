"""Indexing: fills an account's search index behind the commits: letters become segments, small ones are joined.

Called by upkeep in a thread, in any process; whoever works a shard's index holds a lease in it meanwhile.
Never holds up a commit for long: a segment is written in pieces and counts when its last piece is there.
Fails with StoreTrouble; what was begun then is removed by the next one.
"""

from __future__ import annotations

import secrets
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from hatoba.store import trouble
from hatoba.store.mailboxes import postings, tables
from hatoba.store.mailboxes.packing import unpacked
from hatoba.store.mailboxes.shards import MailShard
from hatoba.store.sql import Multi, Reader, Rows, Tx, added

T = TypeVar("T")
FEW = 512  # letters that an account may have unindexed for ever: they are scanned
MANY = 2048  # that become a segment at once
_JOIN = 4  # small segments that are joined
_SMALL = postings.MOST // _JOIN  # letters
_PART = 128  # blocks in one commit: about a mebibyte
_READ = 64  # letters read at once
_STEP = 8  # blocks read at once where segments are joined
_LEASE = 60_000  # ms
BUILDING, READY = 0, 1
_BEHIND = "SELECT account FROM pending GROUP BY account HAVING count(*) >= ? ORDER BY account"
_SEEN = "SELECT seq FROM cursor WHERE name = 'id'"
_WAITING = "SELECT content FROM pending WHERE account = ? ORDER BY content LIMIT ?"
_TEXTS = Multi("SELECT content, head, body FROM words WHERE content {among}", "i")
_TAKE = (
    "INSERT INTO writer (name, mark, at) VALUES ('index', ?, ?) ON CONFLICT (name) DO UPDATE SET mark = excluded.mark,"
    " at = excluded.at WHERE writer.at < ? OR writer.mark = excluded.mark RETURNING mark"
)
_GIVE = "DELETE FROM writer WHERE name = 'index' AND mark = ?"
_NEXT = (
    "INSERT INTO cursor (name, seq) VALUES ('segment', 1) ON CONFLICT (name) DO UPDATE SET seq = cursor.seq + 1"
    " RETURNING seq"
)
SEGMENTS = "SELECT number, count, contents, fences FROM segment WHERE account = ? AND state = 1 ORDER BY number"
_BROKEN = "SELECT account, number FROM segment WHERE state = 0"
_CROWDED = (
    "SELECT account FROM segment WHERE state = 1 AND count <= ? GROUP BY account HAVING count(*) >= ? ORDER BY account"
)
_ADD = "INSERT INTO segment (account, number, count, state, contents, fences) VALUES (?, ?, ?, 0, ?, ?)"
_READY = "UPDATE segment SET state = 1, fences = ? WHERE account = ? AND number = ?"
_REMOVE = "DELETE FROM segment WHERE account = ? AND number = ?"
_EMPTY = "DELETE FROM posting WHERE id >= ? AND id < ?"
_BLOCKS = "SELECT id, data FROM posting WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"
_LAST = "SELECT id FROM posting WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"
_OLD = "UPDATE segment SET state = 0 WHERE account = ? AND number = ?"
_POSTINGS = added(tables.posting)


class Taken(Exception):
    """Another process works this shard's index."""


class Filler:
    """One shard's index, as far as this process works at it. `clock`: ms since 1970."""

    def __init__(self, shard: MailShard, clock: Callable[[], int], few: int = FEW) -> None:
        self._shard = shard
        self._clock = clock
        self._few = few
        self._mark = secrets.randbits(62)
        self._idle = -few  # the last id given when nothing was to be done

    def turn(self) -> bool:
        """One step: a segment written or some joined, or what another left half removed. False: nothing is to be
        done, or another process does it. Blocks for 0.5 s."""
        try:
            broken = self._shard.look(lambda reader: reader.rows(_BROKEN))
            seen = self._shard.look(lambda reader: reader.rows(_SEEN))[0][0]
            if not broken and seen - self._idle < self._few // 2:  # nobody can be much behind: spare the counting
                return False
            behind = self._shard.look(lambda reader: reader.rows(_BEHIND, (self._few,)))
            small = self._shard.look(lambda reader: reader.rows(_CROWDED, (_SMALL, _JOIN)))
            if not (broken or behind or small):
                self._idle = seen
                return False
            self._do(lambda tx: None)
            for account, number in self._shard.look(lambda reader: reader.rows(_BROKEN)):
                self._clear(account, number)
            if behind:
                self._index(behind[0][0])
            elif small:
                self._join(small[0][0])
            self._shard.wait(lambda tx: tx.run(_GIVE, (self._mark,)))
        except Taken:
            return False
        return True

    def _do(self, function: Callable[[Tx], T]) -> T:
        """In a transaction, while the lease is ours; Taken."""
        now = self._clock()

        def leased(tx: Tx) -> T:
            if not tx.rows(_TAKE, (self._mark, now, now - _LEASE)):
                raise Taken
            return function(tx)

        return self._shard.wait(leased)

    def _index(self, account: int) -> None:
        waiting = [content for (content,) in self._shard.look(lambda reader: reader.rows(_WAITING, (account, MANY)))]
        there: list[int] = []
        builder = postings.Builder()
        for start in range(0, len(waiting), _READ):
            part = waiting[start : start + _READ]
            for content, head, body in self._shard.look(partial(_texts, part=part)):
                there.append(content)
                builder.add(unpacked(head).decode("utf-8", "replace"), unpacked(body).decode("utf-8", "replace"))
        if not there:
            self._do(lambda tx: _done(tx, account, waiting))
            return
        number = self._begin(account, there)
        fences = self._write(number, builder.blocks())

        def ready(tx: Tx) -> None:
            tx.run(_READY, (fences, account, number))
            _done(tx, account, waiting)

        self._do(ready)

    def _join(self, account: int) -> None:
        """Small segments become one."""
        rows = self._shard.look(lambda reader: reader.rows(SEGMENTS, (account,)))
        chosen: list[tuple[int, int, bytes]] = []
        for number, count, ids, _ in rows:
            if count <= _SMALL and sum(one[1] for one in chosen) + count <= postings.MOST:
                chosen.append((number, count, ids))
        there = [content for _, _, ids in chosen for content in numbers_of(ids)]
        number = self._begin(account, there)
        before, sources = 0, []
        for old, count, _ in chosen:
            sources.append(self._lists(old, count, before))
            before += count
        fences = self._write(number, postings.join(sources, before))

        def swap(tx: Tx) -> None:
            tx.run(_READY, (fences, account, number))
            for old, _, _ in chosen:
                tx.run(_OLD, (account, old))  # its blocks go later, in pieces

        self._do(swap)
        for old, _, _ in chosen:
            self._clear(account, old)

    def _lists(self, segment: int, count: int, before: int) -> Iterator[tuple[int, list[int]]]:
        at, end = postings.place(segment, 0), postings.place(segment + 1, 0)
        while rows := self._rows(_BLOCKS, at, end, _STEP):
            for _, data in rows:
                yield from postings.lists(data, count, before)
            at = rows[-1][0] + 1

    def _begin(self, account: int, there: Sequence[int]) -> int:
        def begin(tx: Tx) -> int:
            number = int(tx.rows(_NEXT)[0][0])
            tx.run(_ADD, (account, number, len(there), array("Q", there).tobytes(), b""))
            return number

        return self._do(begin)

    def _write(self, segment: int, blocks: Iterable[postings.Block]) -> bytes:
        """Writes the blocks in pieces; the fences of the segment."""
        fences = array("Q")
        part: list[tuple[int, bytes]] = []
        for first, data in blocks:
            part.append((postings.place(segment, len(fences)), data))
            fences.append(first)
            if len(part) == _PART:
                self._put(part)
                part = []
        if part:
            self._put(part)
        return fences.tobytes()

    def _put(self, part: list[tuple[int, bytes]]) -> None:
        def put(tx: Tx) -> None:
            for statement, parameters in tx.parts(_POSTINGS, part):
                tx.run(statement, parameters)

        self._do(put)

    def _rows(self, statement: str, first: int, end: int, most: int) -> Rows:
        return self._shard.look(lambda reader: reader.rows(statement, (first, end, most)))

    def _clear(self, account: int, number: int) -> None:
        """A segment that is not ready, or not any more, goes, in pieces."""
        first, end = postings.place(number, 0), postings.place(number + 1, 0)
        while last := self._rows(_LAST, first, end, _PART):
            span = (first, last[-1][0] + 1)
            self._do(partial(_emptied, span=span))
            first = span[1]
        self._do(lambda tx: tx.run(_REMOVE, (account, number)))


def numbers_of(ids: bytes) -> array[int]:
    """A column of numbers: the contents of a segment, in the order that its postings number them, or its fences."""
    found = array("Q")
    try:
        found.frombytes(ids)
    except ValueError as error:
        raise trouble.StoreTrouble(f"a segment's numbers: {error}", trouble.CORRUPT) from error
    return found


def reset_all(tx: Tx) -> None:
    """The index of every account that has one is to be made anew; until it is, letters are scanned."""
    for (account,) in tx.rows("SELECT DISTINCT account FROM segment"):
        tx.run("UPDATE segment SET state = 0 WHERE account = ?", (account,))
        tx.run(
            "INSERT INTO pending (account, content) SELECT DISTINCT box.account, message.content FROM message"
            " JOIN box ON box.id = message.box WHERE box.account = ? ON CONFLICT DO NOTHING",
            (account,),
        )


def check(reader: Reader, segment: int, fences: Sequence[int]) -> None:
    """Reads every block of a segment. StoreTrouble when one is missing or damaged."""
    rows = reader.rows(_LAST, (postings.place(segment, 0), postings.place(segment + 1, 0), postings.BLOCKS))
    if [number for (number,) in rows] != [postings.place(segment, at) for at in range(len(fences))]:
        raise trouble.StoreTrouble(f"segment {segment} has {len(rows)} blocks instead of {len(fences)}")
    for (number,) in rows:
        for _, data in reader.rows(_BLOCKS, (number, number + 1, 1)):
            postings.opened(data)


def _texts(reader: Reader, part: Sequence[int]) -> Rows:
    return [row for statement, wanted in reader.parts(_TEXTS, part) for row in reader.rows(statement, wanted)]


def _emptied(tx: Tx, span: tuple[int, int]) -> None:
    tx.run(_EMPTY, span)


def _done(tx: Tx, account: int, contents: Sequence[int]) -> None:
    """These letters wait no more: they are in a segment, or are gone."""
    for start in range(0, len(contents), 400):
        part = contents[start : start + 400]
        marks = ", ".join("?" * len(part))
        tx.run(f"DELETE FROM pending WHERE account = ? AND content IN ({marks})", (account, *part))  # noqa: S608  # ours
