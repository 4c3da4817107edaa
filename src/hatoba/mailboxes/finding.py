"""Finding: letters of an open box found, put in order or threaded, in one of the reading threads.

Called by the doors' verbs for SEARCH, SORT and THREAD.
Never parses a letter: what it is sorted and searched by was made when it came.
Fails with NoSuchNumber and StoreTrouble.  # RFC 9051 §6.4.4, RFC 5256
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from hatoba.mailboxes import sort, thread
from hatoba.mailboxes.search import DAY, EPOCH, Search
from hatoba.mailboxes.selected import Selected
from hatoba.model.criteria import Key
from hatoba.store.mailboxes import contents, messages
from hatoba.store.mailboxes import search as index
from hatoba.store.sql import Reader

_SORTED = ("internal", "sent", "size", "from_", "to_", "cc", "subject", "display_from", "display_to")
_THREADED = ("internal", "sent", "subject", "reply", "message_id", "references_")


async def found(selected: Selected, key: Key, saved: Sequence[int] = ()) -> list[int]:
    """UIDs, ascending."""
    still, box, now = selected.still(saved), selected.box.id, selected.post.clock()
    return await selected.read(lambda reader: Search(still, Letters(reader, box), now).run(key))


async def ordered(
    selected: Selected, key: Key, keys: Sequence[tuple[str, bool]], saved: Sequence[int] = ()
) -> list[int]:
    """UIDs in the order of SORT's criteria."""
    still, box, now = selected.still(saved), selected.box.id, selected.post.clock()

    def run(reader: Reader) -> list[int]:
        uids = Search(still, Letters(reader, box), now).run(key)
        rows = [
            sort.Row(uid, internal, sent or internal, *rest)
            for uid, internal, sent, *rest in _rows(reader, box, uids, _SORTED)
        ]
        return sort.ordered(rows, keys)

    return await selected.read(run)


async def threaded(selected: Selected, key: Key, algorithm: str, saved: Sequence[int] = ()) -> list[thread.Node]:
    """Threads, their leaves numbered by UID; `algorithm` "REFERENCES" or "ORDEREDSUBJECT"."""
    still, box, now = selected.still(saved), selected.box.id, selected.post.clock()
    gather = thread.references if algorithm == "REFERENCES" else thread.ordered_subject

    def run(reader: Reader) -> list[thread.Node]:
        uids = Search(still, Letters(reader, box), now).run(key)
        leaves = [
            thread.Leaf(uid, sent or internal, subject, bool(reply), id_, references.split("\n") if references else ())
            for uid, internal, sent, subject, reply, id_, references in _rows(reader, box, uids, _THREADED)
        ]
        return gather(leaves)

    return await selected.read(run)


def _rows(reader: Reader, box: int, uids: Sequence[int], columns: Sequence[str]) -> Iterator[Any]:
    for rows in contents.fetch(reader, box, uids, columns, 2000):
        yield from rows


class Letters:
    """search.Source: what the store knows of a box's letters."""

    def __init__(self, reader: Reader, box: int) -> None:
        self._reader = reader
        self._box = box
        self._columns: dict[str, Mapping[int, int]] = {}

    def column(self, name: str) -> Mapping[int, int]:
        known = self._columns.get(name)
        if known is None:
            view = messages.view(self._reader, self._box, name)
            known = self._columns[name] = dict(zip(view.uids, view.columns[name], strict=True))
        return known

    def days(self, which: str) -> Mapping[int, int]:
        known = self._columns.get("day of " + which)
        if known is None:
            known = self._columns["day of " + which] = self._days(which)
        return known

    def _days(self, which: str) -> Mapping[int, int]:
        if which == "sent":
            uids = messages.view(self._reader, self._box).uids
            return {uid: day for uid, day in _rows(self._reader, self._box, uids, ("day",)) if day}
        times = self.column(which)
        zones = self.column("zone") if which == "internal" else {}
        return {uid: EPOCH + (ms + zones.get(uid, 0) * 60_000) // DAY for uid, ms in times.items()}

    def text(self, where: str, needle: str, among: Collection[int] | None) -> set[int]:
        return set(index.text(self._reader, self._box, where, needle, among))

    def header(self, name: str, needle: str, among: Collection[int] | None) -> set[int]:
        return set(index.text(self._reader, self._box, name, needle, among))

    def named(self, thread: bool, id: str) -> set[int]:  # noqa: A002 # what RFC 8474 calls it
        numbers = self.column("thread" if thread else "content")
        name = messages.threadid if thread else messages.emailid
        return {uid for uid, number in numbers.items() if name(number) == id}
