"""Folders: boxes made, renamed, deleted, subscribed to, listed, and their numbers.

Called by the doors' verbs.
Never makes or deletes INBOX, and never moves a box between accounts.
Fails with BadName, Denied, NoBox, BoxExists and StoreTrouble.  # RFC 9051 §6.3.4 to §6.3.11
"""

from __future__ import annotations

from collections.abc import Iterable

from hatoba.mailboxes import names, rights
from hatoba.mailboxes.post import Denied, Post, Reach
from hatoba.store.mailboxes import boxes, flags, messages, naming
from hatoba.store.mailboxes import rights as lists
from hatoba.store.mailboxes.boxes import Box
from hatoba.store.mailboxes.refusals import BoxExists, NoBox
from hatoba.store.sql import Reader, Tx

_MOST = 5000  # boxes of an account


async def create(post: Post, asker: str, written: str, uses: tuple[str, ...] = ()) -> Box:
    """A new box and whatever superiors it lacks, none of them subscribed. BoxExists."""
    name = names.checked(written)
    reach = await _parent(post, asker, name)
    if reach.name == names.INBOX:
        raise BoxExists(name)
    now = post.clock()

    def make(tx: Tx) -> Box:
        known = boxes.all_of(tx, reach.account)
        if len(known) >= _MOST:
            raise Denied("The account has as many mailboxes as it can have", "LIMIT")
        taken = {use for box in known for use in box.special.split()}
        if clash := taken & set(uses):  # RFC 6154 §3: ours are unique
            raise Denied(f"Another mailbox is used for {', '.join(sorted(clash))}", "USEATTR")
        have = {box.name for box in known}
        for above in names.superiors(reach.name):
            if above not in have:
                boxes.create(tx, reach.account, above, now)
        return boxes.create(tx, reach.account, reach.name, now, " ".join(uses))

    box = await reach.shard.do(make)
    post.tell_list(reach.owner)
    return box


async def _parent(post: Post, asker: str, name: str) -> Reach:
    """Where a box of that name would be; another's account lets one do so in a box with the right k. # RFC 4314 §4"""
    place = names.place(name, asker)
    if place.account == asker:
        return await post.reach(asker, name)
    above = names.seen(place.account, names.SEPARATOR.join(place.name.split(names.SEPARATOR)[:-1]), asker)
    parent = await post.find(asker, above, rights.CREATE)
    return Reach(parent.owner, parent.account, place.name, parent.shard, parent.rights, None)


async def delete(post: Post, asker: str, written: str) -> None:
    """A box and its letters; those below it stay. A name that is only a superior of others is none."""
    reach = await post.find(asker, written, rights.REMOVE)
    if reach.name == names.INBOX:
        raise Denied("INBOX cannot be deleted", "CANNOT")
    box, now = reach.there, post.clock()
    await reach.shard.do(lambda tx: naming.delete(tx, box.id, now))
    post.tell(reach.owner, [(box.id, box.modseq + 1)])
    post.tell_list(reach.owner)


async def rename(post: Post, asker: str, written: str, to: str) -> None:
    """A box with all below it; the superiors the new name lacks are made. Subscriptions follow. BoxExists."""
    new = names.checked(to)
    reach = await post.reach(asker, written, rights.REMOVE)
    target = await _parent(post, asker, new)
    if target.owner != reach.owner:
        raise Denied("A mailbox cannot be given to another account", "CANNOT")
    if target.name == names.INBOX:
        raise BoxExists(new)
    if target.name.startswith(reach.name + names.SEPARATOR):
        raise Denied("A mailbox cannot be put below itself", "CANNOT")
    now = post.clock()

    def move(tx: Tx) -> list[tuple[str, str]]:
        for above in names.superiors(target.name):
            if boxes.find(tx, reach.account, above) is None:
                boxes.create(tx, reach.account, above, now)
        moved = naming.rename(tx, reach.account, reach.name, target.name, now)
        known = set(boxes.subscribed(tx, reach.account))
        for old, name in moved:
            if old in known and old != names.INBOX:
                boxes.unsubscribe(tx, reach.account, old)
                boxes.subscribe(tx, reach.account, name)
        return moved

    await reach.shard.do(move)
    if reach.box is not None:
        post.tell(reach.owner, [(reach.box.id, reach.box.modseq + 1)])
    post.tell_list(reach.owner)


async def subscribe(post: Post, asker: str, written: str) -> None:
    """NoBox where there is no such box, or superior of boxes, that the asker may see."""
    reach = await post.reach(asker, written)
    name = names.seen(reach.owner, reach.name, asker)
    if reach.box is None and not any(box.name == name for box in await listing(post, asker)):
        raise NoBox(written)
    number = await post.account(asker)
    await post.store.shard(asker).do(lambda tx: boxes.subscribe(tx, number, name))
    post.tell_list(asker)


async def unsubscribe(post: Post, asker: str, written: str) -> None:
    name = names.normal(written)
    number = await post.account(asker)
    await post.store.shard(asker).do(lambda tx: boxes.unsubscribe(tx, number, name))
    post.tell_list(asker)


async def listing(post: Post, asker: str) -> list[names.Box]:
    """Every box the asker may know of, by the asker's names, with superiors; and what is only subscribed to."""
    number = await post.account(asker)
    own = await post.store.shard(asker).read(lambda reader: _own(reader, number))
    known, subscribed = own
    seen = {box.name: _shown(box, box.name, subscribed) for box in known}
    for owner, name, letters in await _shared(post, asker):
        if rights.LOOKUP in letters:
            full = names.seen(owner, name, asker)
            seen[full] = names.Box(full, subscribed=full in subscribed)
    for name in subscribed - seen.keys():
        seen[name] = names.Box(name, exists=False, subscribed=True, selectable=False)
    return names.with_superiors(seen.values())


def _own(reader: Reader, number: int) -> tuple[list[Box], set[str]]:
    return boxes.all_of(reader, number), set(boxes.subscribed(reader, number))


def _shown(box: Box, name: str, subscribed: set[str]) -> names.Box:
    return names.Box(name, subscribed=name in subscribed, special=tuple(box.special.split()))


async def _shared(post: Post, asker: str) -> list[tuple[str, str, str]]:
    """(owner, box, rights) of others' boxes on whose lists the asker, or anyone, is."""
    whos = (asker, rights.ANYONE, "-" + asker, "-" + rights.ANYONE)
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for shard in post.store.shards():
        for owner, name, _, who, letters in await shard.read(lambda reader: lists.shared(reader, whos)):
            if owner != asker:
                found.setdefault((owner, name), []).append((who, letters))
    return [(owner, name, rights.granted(entries, asker)) for (owner, name), entries in found.items()]


async def status(post: Post, asker: str, written: str) -> Box:
    """A box with its numbers."""
    return (await post.find(asker, written, rights.READ)).there


async def statuses(post: Post, asker: str, wanted: Iterable[str]) -> dict[str, Box]:
    """The same of many boxes, by the asker's names; what may not be read is left out."""
    number = await post.account(asker)
    known = await post.store.shard(asker).read(lambda reader: boxes.all_of(reader, number))
    found = {box.name: box for box in known}
    result = {}
    for name in wanted:
        if name in found:
            result[name] = found[name]
        elif name.startswith(names.OTHERS + names.SEPARATOR):
            reach = await post.reach(asker, name)
            if reach.box is not None and rights.READ in reach.rights:
                result[name] = reach.box
    return result


async def deleted_octets(post: Post, asker: str, written: str) -> int:
    """Octets of the letters marked deleted. # RFC 9208 §4.1.4 (DELETED-STORAGE)"""
    reach = await post.find(asker, written, rights.READ)

    def read(reader: Reader) -> int:
        view = messages.view(reader, reach.there.id, "size")
        return sum(size for bits, size in zip(view.flags, view.columns["size"], strict=True) if bits & flags.DELETED)

    return await reach.shard.read(read)


def recent(box: Box) -> int:
    """About how many letters no session was told of yet: exact while none of them was expunged."""
    return min(box.letters, max(0, box.uidnext - 1 - box.told))
