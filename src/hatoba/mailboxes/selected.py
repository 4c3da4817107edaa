"""Selected: a box that a session has open: its view, its flags by name, what the session may do, and its letters.

Made by `select`; held by one session, which tells the client of changes between its commands.
Never changes the box: letters does; never tells a client anything by itself.
Fails with NoBox when the box is not there at first; one that goes later is an empty one.
"""

from __future__ import annotations

import asyncio
import contextlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from typing import Any, TypeVar

from hatoba.mailboxes import rights
from hatoba.mailboxes.hub import Watcher
from hatoba.mailboxes.post import Post, Reach
from hatoba.mailboxes.search import Still
from hatoba.mailboxes.view import Mark, View
from hatoba.model.numbers import Numbers
from hatoba.store.mailboxes import boxes, contents, flags, messages, vanishing
from hatoba.store.mailboxes.boxes import Box
from hatoba.store.mailboxes.refusals import NoBox
from hatoba.store.sql import Reader
from hatoba.store.trouble import StoreTrouble

T = TypeVar("T")
RECENT = "\\Recent"
_KEPT = 4096  # combinations of flags whose text is kept


class Selected:
    """`rights` are letters of RFC 4314; `read_only`: opened with EXAMINE, or without a right to change anything.

    `condstore`: the client wants MODSEQs of this box. `ancient`: a client of IMAP4rev1, which knows \\Recent.
    """

    __slots__ = (
        "_claimed", "_texts", "_told", "_watcher", "ancient", "box", "condstore", "dirty", "names", "owner",
        "post", "read_only", "rights", "shard", "view",
    )  # fmt: skip

    def __init__(self, post: Post, reach: Reach, box: Box, view: View, *, read_only: bool) -> None:
        self.post = post
        self.owner = reach.owner
        self.shard = reach.shard
        self.rights = reach.rights
        self.read_only = read_only or not set(reach.rights) & set("swte")
        self.box = box
        self.view = view
        self.names = box.names
        self.condstore = False
        self.dirty = False  # the box has changed since the view was last brought up to date
        self.ancient = True
        self._claimed = 0  # UIDs up to it are told of as new by nobody else
        self._texts: dict[int, bytes] = {}
        self._told = self.names.keywords  # keywords the client has heard of
        self._watcher: Watcher | None = None

    # ---- flags in words

    def words(self, bits: int, uid: int) -> bytes:
        """The flags of a letter as IMAP writes them: b"(\\\\Seen $Forwarded)"."""
        found = self._texts.get(bits)
        if found is None:
            found = f"({' '.join(self.names(bits))})".encode()
            if len(self._texts) < _KEPT:
                self._texts[bits] = found
        if uid >= self.view.fresh and self.ancient:
            return found[:-1] + (b" \\Recent)" if len(found) > 2 else b"\\Recent)")
        return found

    def flags(self, *, changeable: bool = False) -> tuple[str, ...]:
        """System flags of the box; `changeable`: those this session may set."""
        return tuple(flag for flag in flags.SYSTEM if not changeable or self.may_set(flag))

    def keywords(self) -> list[str]:
        return [keyword for keyword in self.names.keywords if keyword]

    def new_keywords(self) -> bool:
        """Whether there are keywords the client has not heard of; it counts as told then."""
        new = self.names.keywords != self._told
        self._told = self.names.keywords
        return new

    @property
    def may_write(self) -> bool:
        """Any flag may be set."""
        return not self.read_only and bool(set(self.rights) & set("swt"))

    def may_set(self, flag: str) -> bool:
        """\\Seen wants the right s, \\Deleted t, all others w. # RFC 4314 §4"""
        needed = {"\\seen": rights.SEEN, "\\deleted": rights.DELETE}.get(flag.lower(), rights.WRITE)
        return not self.read_only and needed in self.rights

    @property
    def recent(self) -> int:
        """Letters this session is the first to be told of."""
        view = self.view
        return sum(1 for uid in view.uids[: view.told] if uid >= view.fresh)

    def still(self, saved: Sequence[int] = ()) -> Still:
        """The view as the client knows it, for a search in a thread."""
        view, told = self.view, self.view.told
        named = {flag.lower(): bit for bit, flag in enumerate([*flags.SYSTEM, *self.names.keywords]) if flag}
        masks = {name: 1 << bit for name, bit in named.items()}
        return Still(view.uids[:told], view.bits[:told], view.modseqs[:told], view.fresh, masks, frozenset(saved))

    # ---- what changes

    def watch(self, watcher: Watcher) -> None:
        """`watcher` hears of every change of the box until `leave`."""
        self._watcher = watcher
        self.post.hub.watch((self.owner, self.box.id), self._heard, self.view.modseq)

    def _heard(self) -> None:
        self.dirty = True
        if self._watcher is not None:
            self._watcher()

    def leave(self) -> None:
        if self._watcher is not None:
            self.post.hub.leave((self.owner, self.box.id), self._heard)
            self._watcher = None
            self._claim()

    def _claim(self) -> None:
        """The letters this session was told of are new to no other. # RFC 3501 §2.3.2 (\\Recent)"""
        last = self.view.last
        if self.read_only or not self.ancient or last <= max(self._claimed, self.box.told):
            return
        number = self.box.id
        with contextlib.suppress(StoreTrouble):
            self.shard.do(lambda tx: boxes.tell(tx, number, last)).add_done_callback(_heed)

    async def refresh(self) -> None:
        """Takes in what has changed in the store; the view has it then, untold."""
        self.dirty = False  # whoever changes it from here on says so again
        since = self.view.modseq
        try:
            changes = await self.shard.read(lambda reader: vanishing.since(reader, self.box.id, since))
        except NoBox:  # deleted by somebody: all that is in it goes
            self.view.absorb([], list(self.view.uids))
            return
        self._absorb(changes)

    def _absorb(self, changes: vanishing.Changes) -> None:
        box = changes.box
        if box.modseq < self.view.modseq:
            return  # it was overtaken by another look
        if box.keywords != self.box.keywords:
            self.names = box.names
            self._texts.clear()
        self.box = box
        gone = _within(self.view.uids, changes.vanished)
        self.view.absorb([Mark(*row) for row in changes.changed], gone, box.modseq)

    async def vanished(self, modseq: int, known: Numbers | None) -> list[tuple[int, int]]:
        """Ranges of UIDs that are gone since `modseq`, of `known` or of all the box ever had. # RFC 7162 §3.2.5.2"""
        changes = await self.shard.read(lambda reader: vanishing.since(reader, self.box.id, modseq))
        if known is None:
            return changes.vanished
        return _common(changes.vanished, known.within(self.box.uidnext - 1))

    # ---- letters

    def fetch(
        self, uids: Sequence[int], columns: Sequence[str], build: Callable[[list[contents.Row]], T], chunk: int = 0
    ) -> AsyncGenerator[T, None]:
        """What `build` makes, in a thread, of each chunk of rows (uid, *columns), in the order of UIDs."""
        number = self.box.id

        def steps(reader: Reader) -> Iterator[T]:
            for rows in contents.fetch(reader, number, uids, columns, chunk):
                yield build(rows)

        return self.shard.stream(steps)

    async def read(self, function: Callable[[Reader], T]) -> T:
        """Whatever else is asked of the box's shard, in a thread."""
        return await self.shard.read(function)


def _heed(claimed: asyncio.Future[int]) -> None:
    """Nobody waits for it, and a box that is gone has no new letters."""
    if not claimed.cancelled():
        claimed.exception()


def _within(uids: array[int], ranges: Sequence[tuple[int, int]]) -> list[int]:
    """Those of `uids` that are in one of the (first, last) ranges."""
    found: list[int] = []
    for first, last in ranges:
        found += uids[bisect_left(uids, first) : bisect_right(uids, last)]
    return found


def _common(one: Sequence[tuple[int, int]], other: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """What two lists of ascending, disjoint ranges share."""
    found: list[tuple[int, int]] = []
    i = j = 0
    while i < len(one) and j < len(other):
        low, high = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if low <= high:
            found.append((low, high))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return found


async def select(post: Post, asker: str, written: str, *, read_only: bool) -> Selected:
    """Opens a box; the view is told in full. NoBox, Denied."""
    reach = await post.find(asker, written, rights.READ)
    number = reach.there.id
    found = await reach.shard.read(lambda reader: messages.view(reader, number))
    view = View()
    view.uids, view.bits, view.modseqs = (array(kind, columns) for kind, columns in _arrays(found))
    view.told, view.modseq = len(view.uids), found.box.modseq
    opened = Selected(post, reach, found.box, view, read_only=read_only)
    view.fresh = found.box.told + 1
    last = found.box.uidnext - 1
    if not opened.read_only and last > found.box.told:  # it is this session that is told of the new ones
        opened._claimed = last
        view.fresh = 1 + await reach.shard.do(lambda tx: boxes.tell(tx, number, last))
    return opened


def _arrays(found: messages.View) -> tuple[tuple[str, Any], ...]:
    return (("I", found.uids), ("Q", found.flags), ("Q", found.modseqs))
