"""Shelf: where local delivery left a letter that may hold a report: in a mailbox of ours, or in a Maildir.

Made by app as delivery.local says; asked by inbox, in a thread.
Never changes a letter.
Fails with OSError or StoreTrouble when what is there cannot be read; a letter that is gone is None.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from hatoba.kit import ids
from hatoba.model.address import Address
from hatoba.store import maildir
from hatoba.store.mailboxes import contents, messages, trash
from hatoba.store.mailboxes.stores import MailStore


class Owner(Protocol):
    @property
    def key(self) -> str: ...
    @property
    def address(self) -> Address: ...


class Found(NamedTuple):
    """A letter as it lies there; `remove` throws it away, once what it told is kept."""

    content: bytes
    remove: Callable[[], object]


class Shelf(Protocol):
    """Where recipient `n` of a letter, accepted then (ms), has it; None when it is not there any more. ValueError when
    it has more than `most` octets."""

    def find(self, owner: Owner, letter: int, n: int, accepted: int, most: int) -> Found | None: ...


class Files:
    """The Maildirs below `root`."""

    def __init__(self, root: Path, hostname: str) -> None:
        self._root = root
        self._host = maildir.component(hostname)

    def find(self, owner: Owner, letter: int, n: int, accepted: int, most: int) -> Found | None:
        folder = maildir.mailbox(self._root, owner.address.domain, owner.address.local)
        path = maildir.found(folder, f"{accepted // 1000}.{ids.text(letter)}R{n}.{self._host}")
        return None if path is None else Found(maildir.read(path, most), lambda: path.unlink(missing_ok=True))


class Mailboxes:
    """Our own, in `store`. `clock` gives ms."""

    def __init__(self, store: MailStore, clock: Callable[[], int]) -> None:
        self._store = store
        self._clock = clock

    def find(self, owner: Owner, letter: int, n: int, accepted: int, most: int) -> Found | None:
        shard = self._store.shard(owner.key)
        at = shard.look(lambda reader: messages.delivered(reader, letter, str(n)))
        if at is None or not at.content:
            return None
        if at.size > most:
            raise ValueError(f"{at.size} octets, above the {most} of reports.unpacked")
        return Found(
            shard.look(lambda reader: contents.raw(reader, at.content)),
            lambda: shard.wait(lambda tx: trash.expunge(tx, at.box, self._clock(), [at.uid], flagged=False)),
        )
