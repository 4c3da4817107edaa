"""Sharing: who may do what with a box: its access control list read and changed.

Called by the doors' verbs for ACL.
Never lets anybody see or change a list who may not administer the box; its owner always may.
Fails with Denied, NoBox, ValueError for letters that are no rights, StoreTrouble.  # RFC 4314 §3
"""

from __future__ import annotations

from hatoba.mailboxes import rights
from hatoba.mailboxes.post import Denied, Post, Reach
from hatoba.store.mailboxes import rights as lists
from hatoba.store.sql import Tx

_MOST = 200  # identifiers on a list


async def entries(post: Post, asker: str, written: str) -> list[tuple[str, str]]:
    """(identifier, rights) of the list, its owner first."""
    reach = await post.find(asker, written, rights.ADMINISTER)
    box = reach.there.id
    found = await reach.shard.read(lambda reader: lists.all_of(reader, box))
    return [(reach.owner, rights.ALL), *((who, letters) for who, letters in found.items() if who != reach.owner)]


async def mine(post: Post, asker: str, written: str) -> str:
    """What the asker may do."""
    return (await post.find(asker, written)).rights


async def possible(post: Post, asker: str, written: str, who: str) -> tuple[str, tuple[str, ...]]:
    """(rights that `who` has whatever is done, those that can be given, each by itself)."""
    reach = await post.find(asker, written, rights.ADMINISTER)
    if who == reach.owner:
        return rights.ALL, ()
    return "", tuple(rights.ALL)


async def change(post: Post, asker: str, written: str, who: str, mode: str, letters: str) -> None:
    """Adds ("+"), takes ("-") or sets ("") rights."""
    try:
        rights.parsed(letters)
    except ValueError as error:
        raise Denied(str(error), "CANNOT") from error
    reach = await post.find(asker, written, rights.ADMINISTER)
    identifier = _identified(post, reach, who)
    box = reach.there.id

    def put(tx: Tx) -> None:
        known = lists.all_of(tx, box)
        if len(known) >= _MOST and identifier not in known:
            raise Denied("The list is full", "LIMIT")
        lists.put(tx, box, identifier, rights.changed(known.get(identifier, ""), mode, letters))

    await reach.shard.do(put)
    post.tell_list(identifier.removeprefix("-"))


async def remove(post: Post, asker: str, written: str, who: str) -> None:
    """Takes an identifier off the list."""
    reach = await post.find(asker, written, rights.ADMINISTER)
    identifier = _identified(post, reach, who)
    box = reach.there.id
    await reach.shard.do(lambda tx: lists.put(tx, box, identifier, ""))
    post.tell_list(identifier.removeprefix("-"))


def _identified(post: Post, reach: Reach, who: str) -> str:
    """The identifier as it stands in lists: accounts by their keys, which are written without case."""
    sign = "-" if who.startswith("-") else ""
    name = who.removeprefix("-")
    if name.lower() == rights.ANYONE:
        return sign + rights.ANYONE
    key = name.casefold()
    if key == reach.owner:
        raise Denied("Its owner has every right, always", "CANNOT")
    if not post.known(key):
        raise Denied("There is no such account", "CANNOT")
    return sign + key
