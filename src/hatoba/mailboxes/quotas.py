"""Quotas: how much an account holds and may hold.

Called by the doors' verbs, and by local delivery before it takes a letter.
Never changes a limit: the directory has them.
Fails with StoreTrouble.  # RFC 9208
"""

from __future__ import annotations

from hatoba.mailboxes.post import Post
from hatoba.store.mailboxes import accounts
from hatoba.store.mailboxes.accounts import Quota, Usage


async def of(post: Post, account: str) -> tuple[Usage, Quota]:
    """(what it holds, what it may hold)."""
    number = await post.account(account)
    usage = await post.store.shard(account).read(lambda reader: accounts.usage(reader, number))
    return usage, post.quota(account)


async def room(post: Post, account: str, octets: int, letters: int = 1) -> bool:
    """Whether so much more would fit."""
    most = post.quota(account)
    if not (most.bytes or most.letters):
        return True
    usage, most = await of(post, account)
    return (not most.bytes or usage.bytes + octets <= most.bytes) and (
        not most.letters or usage.letters + letters <= most.letters
    )
