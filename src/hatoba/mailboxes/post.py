"""Post: what all doors to the mailboxes of a process share: the store, the hub, and whose box a name means.

Made by app, one a process; the modules of this room (boxes, letters, finding, deposit …) work on it.
Never lets anybody at another's box beyond what its access control list says.
Fails with Denied, with the store's refusals (NoBox …) and StoreTrouble.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar

import msgspec

from hatoba.mailboxes import names, rights
from hatoba.mailboxes.hub import LIST, Hub, Key
from hatoba.mailboxes.settings import Settings
from hatoba.store.mailboxes import accounts, boxes
from hatoba.store.mailboxes import rights as lists
from hatoba.store.mailboxes.accounts import Quota
from hatoba.store.mailboxes.boxes import Box
from hatoba.store.mailboxes.refusals import NoBox
from hatoba.store.mailboxes.shards import FileShard, MailShard
from hatoba.store.mailboxes.stores import MailStore
from hatoba.store.sql import Reader, Tx

T = TypeVar("T")
_HEAVY = 4  # large letters in memory at the same time
_KEPT = 100_000  # accounts whose number is remembered


class Denied(Exception):
    """It may not be done, or cannot be of this box. `code` is the word of RFC 5530 for it."""

    def __init__(self, text: str, code: str = "NOPERM") -> None:
        super().__init__(text)
        self.code = code


class Reach(msgspec.Struct, frozen=True):
    """A name somebody used, found: whose it is, and what the asker may do. `box` None: there is no such box."""

    owner: str
    account: int  # the owner's number in the shard
    name: str  # as the owner calls it
    shard: MailShard
    rights: str
    box: Box | None

    @property
    def there(self) -> Box:
        """The box; NoBox."""
        if self.box is None:
            raise NoBox(self.name)
        return self.box


class Post:
    """`quota(account)` says how much an account may hold, `known(account)` whether there is one of that key.

    `clock()` gives ms since 1970.
    """

    def __init__(
        self,
        settings: Settings,
        store: MailStore,
        hub: Hub,
        clock: Callable[[], int],
        *,
        quota: Callable[[str], Quota],
        known: Callable[[str], bool],
    ) -> None:
        self.settings = settings
        self.store = store
        self.hub = hub
        self.clock = clock
        self.quota = quota
        self.known = known
        self.heavy = asyncio.Semaphore(_HEAVY)  # held by who has a large letter in memory
        self._numbers: dict[str, int] = {}

    # ---- whose box

    async def account(self, key: str) -> int:
        """The number of an account in its shard; at first sight it gets INBOX and the usual boxes."""
        found = self._numbers.get(key)
        if found is None:
            shard = self.store.shard(key)
            found = await shard.read(lambda reader: accounts.find(reader, key))
            if found is None:
                found = await shard.do(lambda tx: self.ensure(tx, key))
            if len(self._numbers) >= _KEPT:
                self._numbers.clear()
            self._numbers[key] = found
        return found

    def ensure(self, tx: Tx, key: str) -> int:
        """The same within a transaction."""
        found = accounts.find(tx, key)
        if found is None:
            now = self.clock()
            found = accounts.ensure(tx, key, now)
            for name in self.settings.folders:
                boxes.create(tx, found, name, now, "\\" + name)
                boxes.subscribe(tx, found, name)
        return found

    async def reach(self, asker: str, written: str, *needed: str) -> Reach:
        """Where the name leads. NoBox when the asker may not even know of the box, Denied without a `needed` right.

        A name of the asker's own that is no box is no error here.
        """
        place = names.place(written, asker)
        shard = self.store.shard(place.account)
        if place.account == asker:
            number = await self.account(asker)
            box = await glance(shard, lambda reader: boxes.find(reader, number, place.name))
            return Reach(asker, number, place.name, shard, rights.ALL, box)
        reach = await glance(shard, lambda reader: _others(reader, place, shard, asker))
        if rights.LOOKUP not in reach.rights and not set(needed) & set(reach.rights):
            raise NoBox(written)
        require(reach.rights, *needed)
        return reach

    async def find(self, asker: str, written: str, *needed: str) -> Reach:
        """The same of a box that is to be there: NoBox."""
        reach = await self.reach(asker, written, *needed)
        if reach.box is None:
            raise NoBox(written)
        return reach

    # ---- what has changed

    def tell(self, owner: str, changes: Iterable[tuple[int, int]]) -> None:
        """(box id, its MODSEQ) of a commit that is on the disk."""
        self.hub.tell([(owner, box, modseq) for box, modseq in changes])

    def tell_list(self, owner: str) -> None:
        """An account's boxes or subscriptions are others now."""
        self.hub.tell([(owner, LIST, self.clock())])

    async def look(self, keys: Sequence[Key]) -> dict[Key, int]:
        """The hub's question: which MODSEQ these boxes have now. One look for each shard."""
        shards: dict[int, list[Key]] = {}
        for owner, box in keys:
            if box != LIST:
                shards.setdefault(self.store.shard(owner).number, []).append((owner, box))
        found: dict[Key, int] = {}
        for number, these in shards.items():
            wanted = [box for _, box in these]
            modseqs = await self.store.numbered(number).read(partial(boxes.modseqs, numbers=wanted))
            found.update({key: modseqs[key[1]] for key in these if key[1] in modseqs})
        return found


async def glance(shard: MailShard, function: Callable[[Reader], T]) -> T:
    """A row or two: of a file read here and now (50 µs; a thread's turn costs more), of a server in a thread."""
    if isinstance(shard, FileShard):
        return shard.look(function)
    return await shard.read(function)


def require(have: str, *needed: str) -> None:
    """Denied unless all of `needed` are there."""
    if not set(needed) <= set(have):
        raise Denied("The mailbox's owner does not let you do that")


def _others(reader: Reader, place: names.Place, shard: MailShard, asker: str) -> Reach:
    number = accounts.find(reader, place.account)
    box = boxes.find(reader, number, place.name) if number is not None else None
    if number is None or box is None:
        raise NoBox(place.name)
    given = rights.granted(lists.all_of(reader, box.id).items(), asker)
    return Reach(place.account, number, place.name, shard, given, box)
