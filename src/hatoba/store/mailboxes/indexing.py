"""Indexing: fills an account's search index behind the commits: letters become segments, small ones are joined.

Called by upkeep in a thread, in any process; whoever works a shard's index holds a lease in it meanwhile.
Never holds up a commit for long: a segment is written in pieces and counts when its last piece is there.
Fails with StoreTrouble; what was begun then is removed by the next one.
"""

from __future__ import annotations

import secrets
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from hatoba.store import trouble
from hatoba.store.mailboxes import grams, postings, tables
from hatoba.store.mailboxes.packing import unpacked
from hatoba.store.mailboxes.shards import MailShard
from hatoba.store.sql import Multi, Reader, Rows, Tx, added

T = TypeVar("T")
FEW = 512  # letters that an account may have unindexed for ever: they are scanned
MANY = 1024  # that become a segment at once
_JOIN = 4  # small segments that are joined
_PART = 128  # blocks in one commit
_READ = 64  # letters read at once
_LEASE = 60_000  # ms
BUILDING, READY = 0, 1
_BEHIND = "SELECT account FROM pending GROUP BY account HAVING count(*) >= ? ORDER BY account"
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
_SEGMENTS = "SELECT number, count, contents FROM segment WHERE account = ? AND state = 1 ORDER BY number"
_BROKEN = "SELECT account, number FROM segment WHERE state = 0"
_SMALL = (
    "SELECT account FROM segment WHERE state = 1 AND count <= ? GROUP BY account HAVING count(*) >= ? ORDER BY account"
)
_ADD = "INSERT INTO segment (account, number, count, state, contents) VALUES (?, ?, ?, 0, ?)"
_READY = "UPDATE segment SET state = 1 WHERE account = ? AND number = ?"
_REMOVE = "DELETE FROM segment WHERE account = ? AND number = ?"
_EMPTY = "DELETE FROM posting WHERE id >= ? AND id < ?"
_BLOCKS = "SELECT id, data FROM posting WHERE id >= ? AND id < ? ORDER BY id"
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

    def turn(self) -> bool:
        """One step: a segment written or some joined, or what another left half removed. False: nothing is to be
        done, or another process does it. Blocks for 0.5 s."""
        try:
            broken = self._shard.look(lambda reader: reader.rows(_BROKEN))
            behind = self._shard.look(lambda reader: reader.rows(_BEHIND, (self._few,)))
            small = self._shard.look(lambda reader: reader.rows(_SMALL, (postings.MOST // _JOIN, _JOIN)))
            if not (broken or behind or small):
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
        lists: defaultdict[int, list[int]] = defaultdict(list)
        for start in range(0, len(waiting), _READ):
            part = waiting[start : start + _READ]
            for content, head, body in self._shard.look(lambda reader, part=part: _texts(reader, part)):  # type: ignore[misc]
                letter = len(there)
                there.append(content)
                for number in keys(
                    unpacked(head).decode("utf-8", "replace"), unpacked(body).decode("utf-8", "replace")
                ):
                    lists[number].append(letter)
        if there:
            count = len(there)
            number = self._begin(account, there)
            self._write(number, postings.pack(lists, count).items())
            self._do(lambda tx: _done(tx, account, waiting, number))
        else:
            self._do(lambda tx: _done(tx, account, waiting))

    def _join(self, account: int) -> None:
        """Small segments become one: block by block, so that little is held."""
        rows = self._shard.look(lambda reader: reader.rows(_SEGMENTS, (account,)))
        small = [(number, count, ids) for number, count, ids in rows if count <= postings.MOST // _JOIN]
        chosen: list[tuple[int, int, bytes]] = []
        for one in small:
            if sum(count for _, count, _ in chosen) + one[1] <= postings.MOST:
                chosen.append(one)
        there = [content for _, _, ids in chosen for content in contents_of(ids)]
        number = self._begin(account, there)
        self._write(number, self._joined([(old, count) for old, count, _ in chosen], len(there)))

        def swap(tx: Tx) -> None:
            tx.run(_READY, (account, number))
            for old, _, _ in chosen:
                tx.run(_REMOVE, (account, old))
                tx.run(_ADD, (account, old, 0, b""))  # its blocks go later, in pieces

        self._do(swap)
        for old, _, _ in chosen:
            self._clear(account, old)

    def _joined(self, olds: Sequence[tuple[int, int]], total: int) -> Iterator[tuple[int, bytes]]:
        for start in range(0, postings.BLOCKS, _PART):
            merged: defaultdict[int, dict[int, list[int]]] = defaultdict(dict)
            before = 0
            for old, count in olds:
                span = postings.place(old, start), postings.place(old, start) + _PART
                for id_, data in self._shard.look(lambda reader, span=span: reader.rows(_BLOCKS, span)):  # type: ignore[misc]
                    lists = merged[id_ & (postings.BLOCKS - 1)]
                    for key, letters in postings.lists(data, count):
                        lists.setdefault(key, []).extend([before + letter for letter in letters])
                before += count
            for at, lists in merged.items():
                yield at, postings.pack_block(lists, list(lists), total)

    def _begin(self, account: int, there: Sequence[int]) -> int:
        def begin(tx: Tx) -> int:
            number = int(tx.rows(_NEXT)[0][0])
            tx.run(_ADD, (account, number, len(there), array("Q", there).tobytes()))
            return number

        return self._do(begin)

    def _write(self, segment: int, blocks: Iterable[tuple[int, bytes]]) -> None:
        part: list[tuple[int, bytes]] = []
        for at, data in blocks:
            part.append((postings.place(segment, at), data))
            if len(part) == _PART:
                self._put(part)
                part = []
        if part:
            self._put(part)

    def _put(self, part: list[tuple[int, bytes]]) -> None:
        def put(tx: Tx) -> None:
            for statement, parameters in tx.parts(_POSTINGS, part):
                tx.run(statement, parameters)

        self._do(put)

    def _clear(self, account: int, number: int) -> None:
        """A segment that is not ready, or not any more, goes, in pieces."""
        for start in range(0, postings.BLOCKS, _PART):
            first = postings.place(number, start)
            self._do(lambda tx, first=first: tx.run(_EMPTY, (first, first + _PART)))  # type: ignore[misc]
        self._do(lambda tx: tx.run(_REMOVE, (account, number)))


def keys(head: str, body: str) -> Iterator[int]:
    """The keys of a letter's postings, each once."""
    texts = {"body": body, "head": head} | {name: field(head, name) for name in postings.SPACES[2:]}
    for space, name in enumerate(postings.SPACES):
        for gram in grams.grams(texts[name]):
            yield postings.key(space, gram)


def field(head: str, name: str) -> str:
    """The values of a header field, by lines."""
    prefix = name + ":"
    return "\n".join([line[len(prefix) :] for line in head.split("\n") if line.startswith(prefix)])


def contents_of(ids: bytes) -> array[int]:
    """The contents of a segment, in the order that its postings number them."""
    found = array("Q")
    try:
        found.frombytes(ids)
    except ValueError as error:
        raise trouble.StoreTrouble(f"a segment's list of letters: {error}", trouble.CORRUPT) from error
    return found


def _texts(reader: Reader, part: Sequence[int]) -> Rows:
    return [row for statement, wanted in reader.parts(_TEXTS, part) for row in reader.rows(statement, wanted)]


def _done(tx: Tx, account: int, contents: Sequence[int], segment: int = 0) -> None:
    """These letters wait no more: they are in a segment, or are gone."""
    if segment:
        tx.run(_READY, (account, segment))
    for start in range(0, len(contents), 400):
        part = contents[start : start + 400]
        marks = ", ".join("?" * len(part))
        tx.run(f"DELETE FROM pending WHERE account = ? AND content IN ({marks})", (account, *part))  # noqa: S608  # ours
