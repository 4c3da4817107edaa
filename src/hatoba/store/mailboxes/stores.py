"""Stores: all mail shards of an installation, as one process uses them.

Made by app, one for each process, from the home and the settings; used by the mailboxes room and the command line.
Never opens a shard before it is asked for something.
Fails with WrongVersion before `store.prepare`, StoreTrouble.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from hatoba.store import sqlite, trouble
from hatoba.store.base import Base, Files
from hatoba.store.mailboxes import places
from hatoba.store.mailboxes.settings import Settings
from hatoba.store.mailboxes.shards import FileShard, MailShard

T = TypeVar("T")


class MailStore:
    """All mail shards of an installation. Nothing is opened before it is used; WrongVersion before `store.prepare`."""

    def __init__(self, home: Base, settings: Settings) -> None:
        self.settings = settings
        self._home = home
        self._pool = ThreadPoolExecutor(settings.readers, thread_name_prefix="mail-reader")
        self._shards: dict[int, MailShard] = {}
        self._turn = threading.Lock()
        self._count = 0

    @property
    def count(self) -> int:
        """Over how many shards the accounts are spread."""
        if not self._count:
            self._count = self._known()
        return self._count

    @property
    def made(self) -> bool:
        """There are mail shards: `store.prepare` has made them. StoreTrouble."""
        if isinstance(self._home, Files):
            return bool(places.numbers(self._home.data))
        from hatoba.store.mailboxes import server

        return server.made(self._home)

    def shard(self, account: str) -> MailShard:
        """The shard of an account, by its key."""
        return self.numbered(places.of(account, self.count))

    def holder(self, number: int) -> MailShard:
        """The shard that an account's, box's or content's id is of."""
        return self.numbered(places.holder(number))

    def shards(self) -> list[MailShard]:
        """All of them."""
        return [self.numbered(number) for number in range(self.count)]

    def numbered(self, number: int) -> MailShard:
        """A shard by its number."""
        found = self._shards.get(number)
        if found is not None:
            return found
        with self._turn:
            if number not in self._shards:
                self._shards[number] = self._open(number)
            return self._shards[number]

    async def run(self, function: Callable[[], T]) -> T:
        """Work that needs no shard but time (packing a large letter), in one of the readers' threads."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, function)

    def close(self) -> None:
        """Ends all of it. Blocks."""
        for shard in self._shards.values():
            shard.close()
        self._pool.shutdown()

    def _known(self) -> int:
        if isinstance(self._home, Files):
            path = places.database(self._home.data, 0)
            if not path.exists():
                raise trouble.WrongVersion(f"{path} does not exist yet")
            with sqlite.reader(path, busy=self._home.settings.busy_timeout) as opened:
                places.check(opened, path)
                return places.count(opened)
        from hatoba.store.mailboxes import server  # and psycopg, only where a server is named

        return server.count(self._home)

    def _open(self, number: int) -> MailShard:
        if not 0 <= number < self.count:
            raise trouble.StoreTrouble(f"there is no mail shard {number}")
        if isinstance(self._home, Files):
            return FileShard(self._home, number, self._pool, self.settings)
        from hatoba.store.mailboxes import server

        return server.ServerShard(self._home, number, self._pool)
