"""Search: which letters of a view meet criteria, the cheap questions first, the rest asked only of what is left.

Called by post in a thread, with a still copy of the view and a Source that asks the store.
Never reads a letter itself and never changes a view.
Fails with NoSuchNumber for a sequence number beyond the box; else as the source does.  # RFC 9051 §6.4.4
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from hatoba.mailboxes.view import NoSuchNumber
from hatoba.model import criteria
from hatoba.model.criteria import Key
from hatoba.model.numbers import Numbers

DAY = 86_400_000  # ms
_FEW = 1000  # hits that are looked for one by one
EPOCH = 719_163  # date(1970, 1, 1).toordinal()


class Source(Protocol):
    """What the store knows of the box's letters, by UID. A column is read once a search and may hold more letters."""

    def column(self, name: str) -> Mapping[int, int]:
        """ "size" (octets), "internal", "saved" (ms, zone 0)."""

    def days(self, which: str) -> Mapping[int, int]:
        """Of "internal", "saved" or "sent": the day, as date.toordinal(), where the letter was written, no zone."""

    def text(self, where: str, needle: str, among: Collection[int] | None) -> set[int]:
        """Those of `among` (None: of the whole box) that hold `needle` there, without case."""

    def header(self, name: str, needle: str, among: Collection[int] | None) -> set[int]:
        """Those of `among` that have the field with `needle` in its value."""

    def named(self, thread: bool, id: str) -> set[int]:  # noqa: A002 # what RFC 8474 calls it
        """Those whose EMAILID, or THREADID, that is."""


class Still(msgspec.Struct, frozen=True):
    """A view as it stood, with what the session adds: bits of its flags by name, and the result saved last."""

    uids: array[int]
    bits: array[int]
    modseqs: array[int]
    fresh: int
    flags: Mapping[str, int]  # folded flag or keyword -> its bit; one that is not there is no letter's
    saved: frozenset[int] = frozenset()


class Search:
    """One search. `asked` says whether a MODSEQ was among the criteria (the answer tells the highest then)."""

    def __init__(self, still: Still, source: Source, now: int) -> None:
        """`now` in ms."""
        self._still = still
        self._source = source
        self._now = now

    def run(self, key: Key) -> list[int]:
        """The UIDs that meet `key`, ascending."""
        return sorted(self._meets(key, None))

    def _meets(self, key: Key, among: set[int] | None) -> set[int]:
        """Those of `among` that meet the key; None is all letters, which few keys need to be named one by one."""
        if among is None and type(key) not in _WHOLE:
            among = set(self._still.uids)
        if among is not None and not among:
            _numbers_known(key, len(self._still.uids))
            return among
        return _MEETS[type(key)](self, key, among)

    def _known(self, hits: set[int], among: set[int] | None) -> set[int]:
        """Those of them that are among the letters the client knows."""
        if among is not None:
            return hits & among
        uids = self._still.uids
        if len(hits) > _FEW:
            return hits.intersection(uids)
        return {uid for uid in hits if (at := bisect_left(uids, uid)) < len(uids) and uids[at] == uid}

    def _every(self, key: Any, among: set[int]) -> set[int]:
        return among

    def _and(self, key: criteria.And, among: set[int] | None) -> set[int]:
        for part in sorted(key.keys, key=cost):
            if type(part) not in _EVERY:
                among = self._meets(part, among)
        return set(self._still.uids) if among is None else among

    def _or(self, key: criteria.Or, among: set[int]) -> set[int]:
        first, second = sorted((key.first, key.second), key=cost)
        found = self._meets(first, among)
        return found | self._meets(second, among - found)

    def _not(self, key: criteria.Not, among: set[int]) -> set[int]:
        return among - self._meets(key.key, among)

    def _flagged(self, key: criteria.Flagged, among: set[int] | None) -> set[int]:
        bit = self._still.flags.get(key.flag.casefold())
        if bit is None:
            return set()
        still = self._still
        found = {uid for uid, bits in zip(still.uids, still.bits, strict=True) if bits & bit}
        return found if among is None else found & among

    def _recent(self, key: criteria.Recent, among: set[int]) -> set[int]:
        fresh = self._still.fresh
        return {uid for uid in among if uid >= fresh}

    def _sequence(self, key: criteria.Sequence, among: set[int]) -> set[int]:
        uids = self._still.uids
        if not key.uid:
            found: set[int] = set()
            _known(key.numbers, len(uids))
            for low, high in key.numbers.within(len(uids)):
                found.update(uids[low - 1 : high])
            return found & among
        found = set()
        for low, high in key.numbers.within(uids[-1]):
            found.update(uids[bisect_left(uids, low) : bisect_right(uids, high)])
        return found & among

    def _saved(self, key: criteria.Saved, among: set[int]) -> set[int]:
        return among & self._still.saved

    def _modseq(self, key: criteria.Modseq, among: set[int]) -> set[int]:
        still = self._still
        return {uid for uid, modseq in zip(still.uids, still.modseqs, strict=True) if modseq >= key.least} & among

    def _size(self, key: criteria.Size, among: set[int]) -> set[int]:
        sizes, octets = self._source.column("size"), key.octets
        if key.larger:
            return {uid for uid in among if sizes.get(uid, 0) > octets}
        return {uid for uid in among if sizes.get(uid, octets) < octets}

    def _within(self, key: criteria.Within, among: set[int]) -> set[int]:
        times, limit = self._source.column("internal"), self._now - key.seconds * 1000  # RFC 5032 §3
        if key.older:
            return {uid for uid in among if times.get(uid, limit) < limit}
        return {uid for uid in among if times.get(uid, -1) >= limit}

    def _dated(self, key: criteria.Dated, among: set[int]) -> set[int]:
        days, day = self._source.days(key.which), key.day
        known = ((uid, days[uid]) for uid in among if uid in days)
        if key.when == "before":
            return {uid for uid, its in known if its < day}
        if key.when == "on":
            return {uid for uid, its in known if its == day}
        return {uid for uid, its in known if its >= day}

    def _text(self, key: criteria.Text, among: set[int] | None) -> set[int]:
        return self._known(self._source.text(key.where, key.needle, among), among)

    def _header(self, key: criteria.Header, among: set[int] | None) -> set[int]:
        return self._known(self._source.header(key.name, key.needle, among), among)

    def _named(self, key: criteria.ObjectId, among: set[int]) -> set[int]:
        return self._source.named(key.thread, key.id) & among


_MEETS: dict[type, Callable[[Search, Any, Any], set[int]]] = {
    criteria.All: Search._every,
    criteria.SaveDateSupported: Search._every,
    criteria.And: Search._and,
    criteria.Or: Search._or,
    criteria.Not: Search._not,
    criteria.Flagged: Search._flagged,
    criteria.Recent: Search._recent,
    criteria.Sequence: Search._sequence,
    criteria.Saved: Search._saved,
    criteria.Modseq: Search._modseq,
    criteria.Size: Search._size,
    criteria.Within: Search._within,
    criteria.Dated: Search._dated,
    criteria.Text: Search._text,
    criteria.Header: Search._header,
    criteria.ObjectId: Search._named,
}
_EVERY = frozenset({criteria.All, criteria.SaveDateSupported})
_WHOLE = frozenset({criteria.And, criteria.Flagged, criteria.Text, criteria.Header})  # answer for all letters at once
_COSTS: dict[type, int] = {
    criteria.Size: 1, criteria.Within: 1, criteria.Dated: 2, criteria.ObjectId: 2, criteria.Text: 5, criteria.Header: 6,
}  # fmt: skip


def cost(key: Key) -> int:
    """How dear a key is to answer: 0 from the view alone, more when the store is asked."""
    return max((_COSTS.get(type(part), 0) for part in parts(key)), default=0)


def parts(key: Key) -> list[Key]:
    """The key and all keys within it."""
    found, todo = [], [key]
    while todo:
        part = todo.pop()
        found.append(part)
        todo += _inner(part)
    return found


def _inner(key: Key) -> Sequence[Key]:
    if isinstance(key, criteria.And):
        return key.keys
    if isinstance(key, criteria.Or):
        return (key.first, key.second)
    return (key.key,) if isinstance(key, criteria.Not) else ()


def asks_modseq(key: Key) -> bool:
    """Whether the answer is to tell the highest MODSEQ of what was found. # RFC 7162 §3.1.5"""
    return any(isinstance(part, criteria.Modseq) for part in parts(key))


def _numbers_known(key: Key, told: int) -> None:
    for part in parts(key):
        if isinstance(part, criteria.Sequence) and not part.uid:
            _known(part.numbers, told)


def _known(numbers: Numbers, told: int) -> None:
    if any(number > told for pair in numbers.ranges for number in pair):
        raise NoSuchNumber("there is no such message")
