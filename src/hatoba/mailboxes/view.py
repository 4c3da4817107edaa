"""View: what one session knows of its box: UIDs by sequence number, flags, and what it has not been told yet.

Made by post when a box is selected; read and told by the doors between commands.
Never asks the store: changes are handed to it; never renumbers before the client was told.
Fails with NoSuchNumber for a sequence number that the client cannot know.  # RFC 9051 §2.3.1, §7.5.1
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from hatoba.model import numbers


class NoSuchNumber(IndexError):
    """A sequence number that the client cannot know."""


class Mark(msgspec.Struct, frozen=True, gc=False):
    """A letter's flags as the store has them: a bit for each system flag and each of the box's keywords."""

    uid: int
    bits: int
    modseq: int


class News(msgspec.Struct, frozen=True):
    """What a client is to be told, in this order. `gone`: (sequence number at its turn, UID), `exists` None: no
    change; `marks`: positions (from 0) of letters whose flags changed."""

    gone: tuple[tuple[int, int], ...] = ()
    exists: int | None = None
    marks: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.gone or self.marks or self.exists is not None)


class View:
    r"""`uids`, `bits`, `modseqs` are parallel arrays in UID order.

    `told` is how many of them the client knows: their places are its sequence numbers less one. `modseq` is the
    highest that was taken in. `fresh` is the first UID this session is the first to be told of (\Recent).
    """

    __slots__ = ("_changed", "_gone", "bits", "fresh", "modseq", "modseqs", "told", "uids")

    def __init__(self) -> None:
        self.uids = array("I")
        self.bits = array("Q")
        self.modseqs = array("Q")
        self.told = 0
        self.modseq = 0
        self.fresh = numbers.MOST + 1
        self._gone: set[int] = set()
        self._changed: set[int] = set()

    # ---- what the store says

    def absorb(self, marks: Iterable[Mark], vanished: Iterable[int] = (), modseq: int = 0) -> None:
        """Takes changes in, untold: new letters, other flags, and UIDs that are gone. What is known already is no news.

        Changes may come twice and in any order: the higher MODSEQ wins.
        """
        late: list[Mark] = []
        last = self.uids[-1] if self.uids else 0
        for mark in marks:
            self.modseq = max(self.modseq, mark.modseq)
            if mark.uid > last:
                late.append(mark)
                continue
            place = self.place(mark.uid)
            if place is not None and mark.modseq > self.modseqs[place]:
                self.bits[place], self.modseqs[place] = mark.bits, mark.modseq
                if place < self.told:
                    self._changed.add(mark.uid)
        for mark in sorted(late, key=lambda mark: mark.uid):
            self._append(mark)
        self._vanish(vanished)
        self.modseq = max(self.modseq, modseq)

    def _append(self, mark: Mark) -> None:
        self.uids.append(mark.uid)
        self.bits.append(mark.bits)
        self.modseqs.append(mark.modseq)

    def _vanish(self, vanished: Iterable[int]) -> None:
        unseen: set[int] = set()
        for uid in vanished:
            place = self.place(uid)
            if place is None:
                continue
            if place < self.told:
                self._gone.add(uid)
            else:
                unseen.add(uid)
        if unseen:
            self._remove(unseen)

    def _remove(self, uids: set[int]) -> None:
        keep = [place for place, uid in enumerate(self.uids) if uid not in uids]
        self.bits = array("Q", [self.bits[place] for place in keep])
        self.modseqs = array("Q", [self.modseqs[place] for place in keep])
        self.uids = array("I", [self.uids[place] for place in keep])

    def heard(self, uids: Iterable[int]) -> None:
        """The client learns of these letters' flags by another answer (a FETCH of FLAGS, a silent STORE)."""
        self._changed.difference_update(uids)

    def stale(self, uids: Iterable[int]) -> None:
        """These letters' flags are to be told though nothing changed them since."""
        self._changed.update(uids)

    # ---- what the client is told

    @property
    def pending(self) -> bool:
        """Something is untold."""
        return bool(self._gone or self._changed or self.told != len(self.uids))

    def news(self, *, expunges: bool) -> News:
        """What is untold, which then counts as told. `expunges`: whether letters may be said to be gone now."""
        gone: list[tuple[int, int]] = []
        exists: int | None = None
        if expunges and self._gone:
            for uid in sorted(self._gone):
                place = self.place(uid)
                assert place is not None  # noqa: S101 # they stay in the arrays until here
                gone.append((place + 1 - len(gone), uid))
            self._remove(self._gone)
            self._changed -= self._gone
            self._gone = set()
            self.told -= len(gone)
        if self.told != len(self.uids):
            exists = self.told = len(self.uids)
        marks = tuple(sorted(place for uid in self._changed if (place := self.place(uid)) is not None))
        self._changed = set()
        return News(tuple(gone), exists, marks)

    def lost(self, uid: int) -> bool:
        """The letter is gone, though the client counts it still."""
        return uid in self._gone

    @property
    def lost_any(self) -> bool:
        return bool(self._gone)

    # ---- numbers

    def place(self, uid: int) -> int | None:
        """Where the letter stands (its sequence number less one), None where it is not in the box."""
        place = bisect_left(self.uids, uid)
        return place if place < len(self.uids) and self.uids[place] == uid else None

    @property
    def last(self) -> int:
        """The highest UID the client knows, 0 in an empty box."""
        return self.uids[self.told - 1] if self.told else 0

    def spans(self, wanted: numbers.Numbers, *, uid: bool) -> list[tuple[int, int]]:
        """The places named, as ascending (first, behind the last). NoSuchNumber: beyond the box.

        UIDs that are not there are passed over.  # RFC 9051 §6.4.9, §9 (seq-number: an error)
        """
        if not uid:
            self._known(wanted)
            return [(low - 1, high) for low, high in wanted.within(self.told)]
        spans = []
        for low, high in wanted.within(self.last):
            first = bisect_left(self.uids, low, 0, self.told)
            behind = bisect_right(self.uids, high, first, self.told)
            if first < behind:
                spans.append((first, behind))
        return spans

    def _known(self, wanted: numbers.Numbers) -> None:
        for first, last in wanted.ranges:
            if not self.told and numbers.STAR in (first, last):
                continue  # clients ask an empty box for 1:*
            for number in (first, last):
                if number > self.told:
                    raise NoSuchNumber(f"there is no message {number}")

    def places(self, wanted: numbers.Numbers, *, uid: bool) -> Iterator[int]:
        """The same, one by one."""
        for first, behind in self.spans(wanted, uid=uid):
            yield from range(first, behind)

    def of(self, uids: Iterable[int]) -> list[int]:
        """The places of these letters, those the client does not know left out."""
        return [place for uid in uids if (place := self.place(uid)) is not None and place < self.told]

    def mark(self, place: int) -> Mark:
        return Mark(self.uids[place], self.bits[place], self.modseqs[place])

    def first_without(self, bit: int) -> int:
        """The sequence number of the first letter without the flag, 0 when all have it."""
        for place in range(self.told):
            if not self.bits[place] & bit:
                return place + 1
        return 0


def uids_in(spans: Iterable[tuple[int, int]], uids: Sequence[int]) -> list[int]:
    """The UIDs at these places."""
    found: list[int] = []
    for first, behind in spans:
        found += uids[first:behind]
    return found
