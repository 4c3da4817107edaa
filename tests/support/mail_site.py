"""MailSite: everything below the POP3 and ManageSieve doors, real: directory, lodge, mailboxes on SQLite, certificate.

Called by tests of those doors, on the data folder that smtp_site.prepare made (alice, bob … @example.org, PASSWORD).
Never leaves loopback; what was logged stands in `log`.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support import letters
from tests.support.smtp_site import SALT, Lines

from hatoba.directory.directory import Directory
from hatoba.directory.settings import Settings as DirectorySettings
from hatoba.doors.login.login import Login
from hatoba.doors.login.settings import Settings as LoginSettings
from hatoba.mailboxes.hub import Hub
from hatoba.mailboxes.post import Post
from hatoba.mailboxes.settings import Settings as ReadingSettings
from hatoba.net import tls
from hatoba.net.headroom import Headroom
from hatoba.net.limits import SharedCounters
from hatoba.net.settings import Headroom as HeadroomSettings
from hatoba.store import base, blobs
from hatoba.store import directory as rows
from hatoba.store.mailboxes import boxes, messages
from hatoba.store.mailboxes.accounts import Quota
from hatoba.store.mailboxes.messages import New
from hatoba.store.mailboxes.settings import Settings as MailSettings
from hatoba.store.mailboxes.stores import MailStore
from hatoba.store.settings import Database
from hatoba.store.settings import Settings as StoreSettings
from hatoba.store.sql import Tx

ALICE = "alice@example.org"
HOSTNAME = "mx.example.org"


class MailSite:
    """`post` is what the doors get; `fill` puts letters into an INBOX past all of them."""

    def __init__(self, data: Path, certificate: tuple[Path, Path]) -> None:
        self.register = rows.attach(data, StoreSettings())
        self.directory = Directory(self.register, DirectorySettings(), SALT)
        self.counters = SharedCounters.create(1)
        self.log = Lines()
        self.tls = tls.ServerTls(*certificate)
        self.headroom = Headroom(data, HeadroomSettings(min_disk=0, min_memory=0))
        self.store = MailStore(base.of(data, StoreSettings(), Database(), blobs.Settings()), MailSettings(readers=2))
        hub = Hub(None, "0", None, poll=60, log=self.log)
        self.post = Post(
            ReadingSettings(), self.store, hub, self.clock, quota=lambda account: Quota(), known=lambda account: True
        )
        self.login = Login(LoginSettings(delay=0.01), self.directory, self.counters, self.clock)

    @staticmethod
    def clock() -> int:
        return time.time_ns() // 1_000_000

    def fill(self, raws: Sequence[bytes], account: str = ALICE) -> list[int]:
        """Puts letters into the INBOX; their UIDs."""

        def put(tx: Tx) -> list[int]:
            number = self.post.ensure(tx, account)
            box = boxes.find(tx, number, boxes.INBOX)
            assert box is not None
            news = [New(letters.content(raw), letters.NOW) for raw in raws]
            return [placed.uid for placed in messages.append_many(tx, box.id, news, letters.NOW)]

        return self.store.shard(account).wait(put)

    def inbox(self, account: str = ALICE) -> dict[int, set[str]]:
        """Flags by UID."""
        box = self.box(account)
        view = self.store.shard(account).look(lambda reader: messages.view(reader, box.id))
        return {uid: set(box.names(bits)) for uid, bits in zip(view.uids, view.flags, strict=True)}

    def box(self, account: str = ALICE) -> boxes.Box:
        shard = self.store.shard(account)
        number = shard.wait(lambda tx: self.post.ensure(tx, account))
        box = shard.look(lambda reader: boxes.find(reader, number, boxes.INBOX))
        assert box is not None
        return box

    def close(self) -> None:
        self.login.close()
        self.store.close()
        self.register.close()
        self.counters.close()
        os.close(self.counters.fd)


@asynccontextmanager
async def opened(door: Any) -> AsyncIterator[Any]:
    """A door (awaitable) for the time of a test."""
    made = await door
    try:
        yield made
    finally:
        await made.drain(2)


async def aside(function: Any, *arguments: Any) -> Any:
    """A blocking client's part, in a thread, while the loop serves it."""
    return await asyncio.to_thread(function, *arguments)
