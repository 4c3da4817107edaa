"""Notes: METADATA: what clients remember of a box, or of the account, by entry.

Called by the doors' verbs.
Never interprets a value.
Fails with Denied, NoBox and StoreTrouble.  # RFC 5464
"""

from __future__ import annotations

from collections.abc import Sequence

from hatoba.mailboxes import rights
from hatoba.mailboxes.post import Denied, Post, Reach, require
from hatoba.store.mailboxes import notes
from hatoba.store.mailboxes.shards import MailShard
from hatoba.store.sql import Tx

MOST = 200  # entries of a box
LARGEST = 64 * 1024  # octets of a value
_KINDS = ("/private/", "/shared/")


async def get(post: Post, asker: str, written: str, wanted: Sequence[str], depth: int) -> dict[str, bytes]:
    """The values of `wanted` entries and of those below them: none (0), the next level (1) or all (-1)."""
    shard, account, box, _ = await _place(post, asker, written, rights.LOOKUP)
    known = await shard.read(lambda reader: notes.all_of(reader, account, box, asker))
    return {
        entry: value for entry, value in sorted(known.items()) if any(_within(entry, name, depth) for name in wanted)
    }


def _within(entry: str, name: str, depth: int) -> bool:
    if entry == name:
        return True
    below = entry.removeprefix(name.rstrip("/") + "/")
    return depth != 0 and below != entry and (depth < 0 or "/" not in below)


async def put(post: Post, asker: str, written: str, entries: Sequence[tuple[str, bytes | None]]) -> None:
    """Sets entries, all or none; None removes one. Shared ones of a box want a right to write in it. # RFC 5464 §3.3"""
    for entry, value in entries:
        if not entry.startswith(_KINDS) or entry.endswith("/") or "//" in entry:
            raise Denied("Entries begin with /private/ or /shared/", "CANNOT")
        if value is not None and len(value) > LARGEST:
            raise Denied("The value is too large", f"METADATA MAXSIZE {LARGEST}")
    shard, account, box, have = await _place(post, asker, written, rights.LOOKUP)
    if box != notes.SERVER and any(entry.startswith("/shared/") for entry, _ in entries):
        if not set(have) & set("iwsrxte"):
            require(have, rights.WRITE)
        require(have, rights.LOOKUP)

    def write(tx: Tx) -> None:
        known = notes.all_of(tx, account, box, asker)
        for entry, value in entries:
            notes.put(tx, account, box, asker, entry, value)
            if value is not None:
                known[entry] = value
        if len(known) > MOST:
            raise Denied("There are too many entries", "METADATA TOOMANY")

    await shard.do(write)


async def _place(post: Post, asker: str, written: str, *needed: str) -> tuple[MailShard, int, int, str]:
    """(shard, account, box or SERVER, rights)."""
    if not written:
        return post.store.shard(asker), await post.account(asker), notes.SERVER, rights.ALL
    reach: Reach = await post.find(asker, written, *needed)
    return reach.shard, reach.account, reach.there.id, reach.rights
