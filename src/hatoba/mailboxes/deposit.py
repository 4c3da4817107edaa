"""Deposit: letters that arrive are put into the boxes of their recipients, one commit for each shard they live in.

Called by local delivery with what it made of a letter; may be called again with the same, which changes nothing.
Never decides where a letter belongs and never reads one.
Fails for each parcel by itself, with what it gives in its place: OverQuota, TooManyKeywords, StoreTrouble.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import msgspec

from hatoba.store.mailboxes import boxes, messages
from hatoba.store.mailboxes.accounts import Quota
from hatoba.store.mailboxes.boxes import INBOX
from hatoba.store.mailboxes.messages import New, Placed
from hatoba.store.mailboxes.packing import Content
from hatoba.store.mailboxes.refusals import Refused
from hatoba.store.mailboxes.shards import MailShard
from hatoba.store.mailboxes.stores import MailStore
from hatoba.store.sql import Tx
from hatoba.store.trouble import StoreTrouble

Tell = Callable[[Iterable[tuple[str, int, int]]], object]  # hub.Hub.tell: (account, box, its MODSEQ) of each change
Ensure = Callable[[Tx, str], int]  # post.Post.ensure: the number of an account, which is made when it is not there


class Parcel(msgspec.Struct, frozen=True):
    """One letter for one box of `account` (its key). `delivery` is (the letter's id, what tells its copies apart);
    a box that is not there is made where `create` says so, else the letter goes to INBOX. `internal`: ms."""

    account: str
    content: Content
    internal: int
    delivery: tuple[int, str]
    box: str = INBOX
    flags: tuple[str, ...] = ()
    create: bool = False


Result = Placed | Refused | StoreTrouble


class Deposit:
    """Into `store`; `tell` hears what is on the disk, `quota` says how much an account may hold. On the event loop."""

    def __init__(
        self, store: MailStore, ensure: Ensure, tell: Tell, quota: Callable[[str], Quota], clock: Callable[[], int]
    ) -> None:
        self._store = store
        self._ensure = ensure
        self._tell = tell
        self._quota = quota
        self._clock = clock

    async def __call__(self, parcels: Sequence[Parcel]) -> list[Result]:
        """Where each is now, on the disk, or why it is not there. What is of one shard goes in together."""
        results: list[Result | None] = [None] * len(parcels)
        groups: dict[MailShard, list[int]] = {}
        for number, parcel in enumerate(parcels):
            groups.setdefault(self._store.shard(parcel.account), []).append(number)
        work = [self._into(shard, [parcels[n] for n in numbers]) for shard, numbers in groups.items()]
        for numbers, found in zip(groups.values(), await asyncio.gather(*work), strict=True):
            for number, result in zip(numbers, found, strict=True):
                results[number] = result
        done = [result for result in results if result is not None]
        self._tell(
            {
                (parcel.account, placed.box): (parcel.account, placed.box, placed.modseq)
                for parcel, placed in zip(parcels, done, strict=True)
                if isinstance(placed, Placed) and placed.fresh
            }.values()
        )
        return done

    async def _into(self, shard: MailShard, parcels: list[Parcel]) -> list[Result]:
        """Each parcel is a savepoint of its own in one commit: what is wrong with one spoils no other."""
        now = self._clock()
        try:
            futures = [
                shard.do(partial(self._put, parcel=parcel, now=now, most=self._quota(parcel.account)))
                for parcel in parcels
            ]
        except StoreTrouble as closed:
            return [closed] * len(parcels)
        found: list[Result] = []
        for one in await asyncio.gather(*futures, return_exceptions=True):
            if isinstance(one, BaseException) and not isinstance(one, Refused | StoreTrouble):
                raise one  # a bug
            found.append(one)
        return found

    def _put(self, tx: Tx, *, parcel: Parcel, now: int, most: Quota) -> Placed:
        account = self._ensure(tx, parcel.account)
        box = boxes.find(tx, account, parcel.box)
        if box is None and parcel.create:
            box = boxes.create(tx, account, parcel.box, now)
            boxes.subscribe(tx, account, parcel.box)
        if box is None:
            box = boxes.find(tx, account, INBOX)
        assert box is not None  # noqa: S101 # an account has its INBOX from the first moment on
        new = New(parcel.content, parcel.internal, parcel.flags, delivery=parcel.delivery)
        return messages.append(tx, box.id, new, now, most)
