"""Scripts: an account's Sieve scripts, kept, listed, made the active one; what no account may have more of.

Called by doors.sieve; delivery asks for the active one.
Never reads what a script says: whoever puts one has compiled it.
Fails with Denied (its code is ManageSieve's), the store's refusals and StoreTrouble.  # RFC 5804 §2
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hatoba.mailboxes.post import Denied, Post
from hatoba.store.mailboxes import scripts
from hatoba.store.mailboxes.scripts import Script
from hatoba.store.sql import Reader, Tx


class Most(msgspec.Struct, frozen=True):
    """What an account may have: `scripts`, and `octets` of all of them together; `size` of one."""

    scripts: int
    size: int
    octets: int


async def listed(post: Post, account: str) -> list[Script]:
    """All of them, by name."""
    number = await post.account(account)
    return await post.store.shard(account).read(lambda reader: scripts.all_of(reader, number))


async def get(post: Post, account: str, name: str) -> bytes:
    """The text of one. NoSuch."""
    number = await post.account(account)
    return await post.store.shard(account).read(lambda reader: scripts.get(reader, number, name))


async def fits(post: Post, account: str, name: str, size: int, most: Most) -> None:
    """Denied where a script of so many octets would be too much.  # RFC 5804 §2.5"""
    number = await post.account(account)

    def look(reader: Reader) -> None:
        _check(scripts.all_of(reader, number), name, size, most)

    await post.store.shard(account).read(look)


async def put(post: Post, account: str, name: str, source: bytes, most: Most) -> None:
    """Adds a script, or changes one: if it is active it stays so. Denied."""
    number, now = await post.account(account), post.clock()

    def keep(tx: Tx) -> None:
        _check(scripts.all_of(tx, number), name, len(source), most)
        scripts.put(tx, number, name, source, now)

    await post.store.shard(account).do(keep)


async def activate(post: Post, account: str, name: str) -> None:
    """Makes one the active one; "": none of them. NoSuch."""
    number = await post.account(account)
    await post.store.shard(account).do(lambda tx: scripts.activate(tx, number, name))


async def delete(post: Post, account: str, name: str) -> None:
    """Removes one that is not active. NoSuch, InUse."""
    number = await post.account(account)
    await post.store.shard(account).do(lambda tx: scripts.delete(tx, number, name))


async def rename(post: Post, account: str, old: str, new: str) -> None:
    """Gives one another name; the active one stays active. NoSuch, BoxExists."""
    number = await post.account(account)
    await post.store.shard(account).do(lambda tx: scripts.rename(tx, number, old, new))


def _check(known: Sequence[Script], name: str, size: int, most: Most) -> None:
    others = [script for script in known if script.name != name]
    if size > most.size or sum(script.size for script in others) + size > most.octets:
        raise Denied("The script is larger than what may be kept", "QUOTA/MAXSIZE")
    if len(others) >= most.scripts:
        raise Denied("There are as many scripts as there may be", "QUOTA/MAXSCRIPTS")
