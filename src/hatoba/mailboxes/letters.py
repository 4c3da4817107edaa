"""Letters: put into boxes, flagged, copied, moved, expunged; each a commit that the hub is told of.

Called by the doors' verbs with a Selected or a Reach.
Never answers before the commit is on the disk, and never lets anything through that a right is missing for.
Fails with Denied, the store's refusals and StoreTrouble; then nothing was done.  # RFC 4314 §4
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hatoba.mailboxes import rights
from hatoba.mailboxes.post import Denied, Post, Reach, require
from hatoba.mailboxes.selected import Selected
from hatoba.message import binary, structure
from hatoba.store.mailboxes import contents, copies, marks, messages, packing, trash
from hatoba.store.mailboxes.copies import Copied
from hatoba.store.mailboxes.marks import Marked
from hatoba.store.mailboxes.messages import New, Placed
from hatoba.store.sql import Reader, Tx

SMALL = 16 * 1024  # octets that are parsed here and now: half a millisecond, less than a thread's turn costs
_READ_ONLY = Denied("The mailbox is open for reading only", "")


class Fresh(msgspec.Struct, frozen=True):
    """A letter to be put into a box. `internal`: ms since 1970, None for now; `zone`: minutes east."""

    raw: bytes
    flags: tuple[str, ...] = ()
    internal: int | None = None
    zone: int = 0


async def append(
    post: Post, reach: Reach, fresh: Sequence[Fresh], replaced: tuple[Selected, int] | None = None
) -> list[Placed]:
    """All of them or none. `replaced`: the letter of the same account that goes in the same commit. # RFC 8508"""
    box = reach.there
    require(reach.rights, rights.INSERT)
    now = post.clock()
    if sum(len(one.raw) for one in fresh) <= SMALL:
        news = [_packed(one, reach.rights, now) for one in fresh]
    else:
        news = await post.store.run(lambda: [_packed(one, reach.rights, now) for one in fresh])
    most = post.quota(reach.owner)
    gone = None if replaced is None or replaced[0].shard is not reach.shard else replaced

    def put(tx: Tx) -> tuple[list[Placed], tuple[int, int] | None]:
        left = None
        if gone is not None:  # first, so that the quota counts one of them
            expunged = trash.expunge(tx, gone[0].box.id, now, [gone[1]], flagged=False)
            left = (gone[0].box.id, expunged.modseq)
        return messages.append_many(tx, box.id, news, now, most), left

    placed, left = await reach.shard.do(put)
    post.tell(reach.owner, [(box.id, placed[-1].modseq)])
    if gone is not None and left is not None:
        post.tell(gone[0].owner, [left])
    elif replaced is not None:
        await expunge(replaced[0], [replaced[1]], flagged=False)
    return placed


def _packed(fresh: Fresh, have: str, now: int) -> New:
    """Parsed once and for all, and compressed; in a thread unless it is small."""
    raw = binary.coded(fresh.raw) if b"\0" in fresh.raw else fresh.raw
    content = packing.Content(raw, structure.summary(raw))
    content.pack()
    internal = now if fresh.internal is None else fresh.internal
    return New(content, internal, _allowed(fresh.flags, have), fresh.zone)


def _allowed(flags: Sequence[str], have: str) -> tuple[str, ...]:
    """The flags that one may give a letter with these rights: others are left out. # RFC 4314 §4"""
    return tuple(flag for flag in flags if _right(flag) in have)


def _right(flag: str) -> str:
    return {"\\seen": rights.SEEN, "\\deleted": rights.DELETE}.get(flag.lower(), rights.WRITE)


async def store(
    selected: Selected, uids: Sequence[int], how: str, flags: Sequence[str], unchanged_since: int | None = None
) -> Marked:
    """Sets ("+"), takes ("-") or replaces ("=") flags; the view has the change then."""
    _writable(selected)
    allowed = _allowed(flags, selected.rights)
    if flags and not allowed:
        raise Denied("The mailbox's owner does not let you set these flags")
    kept = _kept(selected, how)
    number = selected.box.id

    def change(tx: Tx) -> Marked:
        if not kept:
            return marks.change(tx, number, uids, how, allowed, unchanged_since)
        return _replaced(tx, selected, uids, allowed, unchanged_since)

    marked = await selected.shard.do(change)
    if marked.changed:
        selected.post.tell(selected.owner, [(number, marked.modseq)])
    await selected.refresh()
    return marked


def _kept(selected: Selected, how: str) -> bool:
    """Whether to replace means to leave some flags alone, for want of a right."""
    return how == marks.REPLACE and not {rights.SEEN, rights.DELETE, rights.WRITE} <= set(selected.rights)


def _replaced(
    tx: Tx, selected: Selected, uids: Sequence[int], flags: Sequence[str], unchanged_since: int | None
) -> Marked:
    """Replaces only what may be changed: those flags are added, the others that may be are taken away."""
    box = selected.box.id
    wanted = {flag.lower() for flag in flags}
    others = [
        flag
        for flag in (*selected.flags(), *selected.keywords())
        if flag.lower() not in wanted and _right(flag) in selected.rights
    ]
    taken = marks.change(tx, box, uids, marks.TAKE, others, unchanged_since)
    left = sorted(set(uids) - set(taken.modified))
    added = marks.change(tx, box, left, marks.ADD, flags)
    changed = dict(taken.changed) | dict(added.changed)
    same = set(taken.same) & set(added.same)
    return Marked(added.modseq, sorted(changed.items()), sorted(same), taken.modified)


def _writable(selected: Selected) -> None:
    if selected.read_only:
        raise _READ_ONLY


async def copy(selected: Selected, uids: Sequence[int], into: Reach) -> Copied:
    """Copies of letters, in one commit, into a box of the same account or another's."""
    box = into.there
    require(into.rights, rights.INSERT)
    post, now = selected.post, selected.post.clock()
    most = post.quota(into.owner)
    if into.shard is selected.shard:
        copied = await into.shard.do(lambda tx: copies.copy(tx, selected.box.id, uids, box.id, now, most))
    else:
        copied = await _carried(selected, uids, into)
    if copied.new:
        post.tell(into.owner, [(box.id, copied.modseq)])
    return copied


async def move(selected: Selected, uids: Sequence[int], into: Reach) -> Copied:
    """The same, and the originals go; between shards the copies are on the disk first. # RFC 6851 §3.3"""
    box = into.there
    _writable(selected)
    require(into.rights, rights.INSERT)
    require(selected.rights, rights.DELETE, rights.EXPUNGE)
    post, now = selected.post, selected.post.clock()
    most = post.quota(into.owner)
    if into.shard is selected.shard:
        moved = await into.shard.do(lambda tx: copies.move(tx, selected.box.id, uids, box.id, now, most))
        changes = [(selected.box.id, moved.gone)] if moved.gone else []
        if selected.owner == into.owner:
            post.tell(into.owner, [(box.id, moved.modseq), *changes])
        else:
            post.tell(into.owner, [(box.id, moved.modseq)])
            post.tell(selected.owner, changes)
        await selected.refresh()
        return moved
    moved = await copy(selected, uids, into)
    await expunge(selected, moved.uids, flagged=False)
    return moved


async def _carried(selected: Selected, uids: Sequence[int], into: Reach) -> Copied:
    """Into another shard: read there, put here, in one commit, some megabytes at a time in memory."""
    post, source, box = selected.post, selected.box.id, into.there
    now, most = post.clock(), post.quota(into.owner)

    def read(reader: Reader) -> list[tuple[int, New]]:
        rows = [
            row
            for rows in contents.fetch(reader, source, sorted(uids), ("flags", "internal", "zone", "raw"))
            for row in rows
        ]
        made = []
        for uid, bits, internal, zone, raw in rows:
            content = packing.Content(raw, structure.summary(raw))
            made.append((uid, New(content, internal, selected.names(bits), zone)))
        return made

    found = await selected.read(read)
    if not found:
        return Copied(box.uidvalidity, [], [], box.modseq)
    placed = await into.shard.do(lambda tx: messages.append_many(tx, box.id, [new for _, new in found], now, most))
    return Copied(placed[0].uidvalidity, [uid for uid, _ in found], [place.uid for place in placed], placed[-1].modseq)


async def expunge(selected: Selected, uids: Sequence[int] | None = None, *, flagged: bool = True) -> list[int]:
    """Letters marked \\Deleted go (of `uids`, or all); with `flagged` False those named, marked or not."""
    _writable(selected)
    require(selected.rights, rights.EXPUNGE)
    post, number = selected.post, selected.box.id
    now = post.clock()
    gone = await selected.shard.do(lambda tx: trash.expunge(tx, number, now, uids, flagged=flagged))
    if gone.uids:
        post.tell(selected.owner, [(number, gone.modseq)])
        await selected.refresh()
    return gone.uids


async def sizes(selected: Selected, uids: Sequence[int]) -> dict[int, int]:
    """Octets of these letters."""
    number = selected.box.id

    def read(reader: Reader) -> dict[int, int]:
        return {uid: size for rows in contents.fetch(reader, number, uids, ("size",), 5000) for uid, size in rows}

    return await selected.read(read)
