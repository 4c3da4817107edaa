"""Maildirs: letters kept as files under DATA/mail, for those who read them with another server or none.

Made by courier where delivery.local is "maildir"; threads write (store.maildir).
Never overwrites a letter: delivered again after a crash it replaces its twin.
Answers a full or ailing disk with 4.3.1 / 4.2.2 / 4.3.0.
"""

import asyncio
import errno
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hatoba.delivery import keeper
from hatoba.kit import ids
from hatoba.model.status import Status
from hatoba.net import session as sessions
from hatoba.store import maildir

_TROUBLE = {
    errno.ENOSPC: Status("4.3.1", "the mail disk is full"),
    errno.EDQUOT: Status("4.2.2", "the mailbox is over its quota"),
}


class Maildirs:
    """`root` holds them; `chunks` gives a letter's content in pieces, read in a thread."""

    def __init__(self, root: Path, chunks: keeper.Chunks, *, hostname: str, threads: int, log: sessions.Log) -> None:
        self._root = root
        self._chunks = chunks
        self._hostname = maildir.component(hostname)
        self._log = log
        self._pool = ThreadPoolExecutor(threads, "local")

    async def keep(self, items: Sequence[keeper.Item]) -> list[Status]:
        """See Keeper."""
        errors = await asyncio.get_running_loop().run_in_executor(self._pool, self._write, items)
        return [keeper.DELIVERED if error is None else self._trouble(error) for error in errors]

    def _write(self, items: Sequence[keeper.Item]) -> Sequence[Exception | None]:  # in a thread
        wanted = [maildir.Item(self._folder(item), self._named(item), stored(item, self._chunks)) for item in items]
        return maildir.deliver(wanted)

    def _folder(self, item: keeper.Item) -> Path:
        return maildir.mailbox(self._root, item.owner.address.domain, item.owner.address.local)

    def _named(self, item: keeper.Item) -> str:
        return f"{item.letter.accepted // 1000}.{ids.text(item.letter.id)}R{item.n}.{self._hostname}"

    def _trouble(self, error: Exception) -> Status:
        status = _TROUBLE.get(getattr(error, "errno", None) or 0)
        if status is None:
            status = Status("4.3.0", "the mailbox cannot be written now")
            self._log.error("mailbox", exc_info=error)
        return status


def stored(item: keeper.Item, chunks: keeper.Chunks) -> Iterator[bytes]:
    """The letter as its Maildir file holds it: our two fields on top, lines ending in LF."""
    yield b"Return-Path: <%s>\nDelivered-To: %s\n" % (
        keeper.returns(item), str(item.address).encode("utf-8", "surrogateescape"),
    )  # fmt: skip
    if item.way.top:
        yield item.way.top.replace(b"\r\n", b"\n")
    held = b""
    for piece in keeper.headed(item, chunks):
        joined = held + piece
        held = b"\r" if joined.endswith(b"\r") else b""  # its LF may come with the next piece
        yield joined[: len(joined) - len(held)].replace(b"\r\n", b"\n")
    yield held
