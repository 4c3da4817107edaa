"""Hub: who watches which box, and how a change reaches them: in this process, the other workers, other nodes.

Made by app, one a process; post tells it of every commit, sessions watch.
Never carries a change itself: only that there is one, so that a lost word costs a few seconds and no letter.
Fails never: a word that cannot be sent is left to the poll.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import msgspec

from hatoba.net import session

Key = tuple[str, int]  # (account, box id); box id 0: the account's list of boxes
Watcher = Callable[[], object]  # called on the loop; soon, once for any number of changes
Look = Callable[[list[Key]], Awaitable[dict[Key, int]]]  # the MODSEQ each box has now, in the store

Far = Callable[[bytes], object]  # carries a word of up to 5,000 octets to all nodes, or loses it

LIST = 0  # the "box" that stands for an account's list of boxes and subscriptions
_MOST = 32 * 1024  # octets of a datagram
_FAR_MOST = 4500  # octets of a word to other nodes
_TOGETHER = 0.005  # seconds of changes that go to other nodes in one word
_PREFIX = "mail-"
_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(list[tuple[str, int, int]])


class Hub:
    """`tell` says that a box has changed; `watch` and `leave` say who wants to know.

    `folder` holds the sockets of this node's workers (made by app, private to us), `name` is this worker's; None: there
    are no others. `look` asks the store what MODSEQ the watched boxes have, every `poll` seconds.
    """

    def __init__(self, folder: Path | None, name: str, look: Look | None, *, poll: float, log: session.Log) -> None:
        self._folder = folder
        self._name = name
        self._look = look
        self._poll = poll
        self._log = log
        self._watchers: dict[Key, set[Watcher]] = {}
        self._heard: dict[Key, int] = {}
        self._socket: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._looking: asyncio.Task[None] | None = None
        self._others: list[str] = []
        self._own = secrets.token_bytes(6)  # this hub among those of all nodes
        self._far: Far | None = None
        self._unsent: dict[Key, int] = {}  # changes other nodes have not been told of

    # ---- those who want to know

    def watch(self, key: Key, watcher: Watcher, modseq: int = 0) -> None:
        """`watcher` is called whenever the box changes beyond `modseq`, what it knows already."""
        self._watchers.setdefault(key, set()).add(watcher)
        self._heard[key] = min(modseq, self._heard.get(key, modseq))

    def leave(self, key: Key, watcher: Watcher) -> None:
        watchers = self._watchers.get(key)
        if watchers is not None:
            watchers.discard(watcher)
            if not watchers:
                del self._watchers[key]
                self._heard.pop(key, None)

    @property
    def watched(self) -> int:
        """Boxes somebody watches."""
        return len(self._watchers)

    # ---- those who know

    def tell(self, changes: Iterable[tuple[str, int, int]]) -> None:
        """(account, box id, its MODSEQ now) of a commit that is on the disk. On the loop."""
        told = list(changes)
        self._wake(told)
        if self._socket is not None and told:
            self._send(_encode(told))
        if self._far is not None and told:
            if not self._unsent:
                asyncio.get_running_loop().call_later(_TOGETHER, self._send_far)
            self._unsent.update({(account, box): modseq for account, box, modseq in told})

    def _wake(self, changes: Iterable[tuple[str, int, int]]) -> None:
        for account, box, modseq in changes:
            key = (account, box)
            watchers = self._watchers.get(key)
            if watchers is None:
                continue
            self._heard[key] = max(modseq, self._heard.get(key, 0))
            for watcher in list(watchers):
                watcher()

    # ---- the other workers of this node

    def open(self) -> None:
        """Binds this worker's socket and begins to poll. On the loop."""
        loop = asyncio.get_running_loop()
        if self._folder is not None:
            path = self._folder / f"{_PREFIX}{self._name}.sock"
            with contextlib.suppress(FileNotFoundError):
                path.unlink()  # left behind by a worker that was killed
            own = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            own.setblocking(False)
            own.bind(str(path))
            path.chmod(0o600)
            self._socket = own
            loop.add_reader(own, self._receive)
            self._meet()
        self._timer = loop.call_later(self._poll, self._tick)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._looking is not None:
            self._looking.cancel()
        if self._socket is not None and self._folder is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
            with contextlib.suppress(FileNotFoundError):
                (self._folder / f"{_PREFIX}{self._name}.sock").unlink()

    def _meet(self) -> None:
        """Who else is there."""
        assert self._folder is not None  # noqa: S101 # asked only where there is a socket
        own = f"{_PREFIX}{self._name}.sock"
        with contextlib.suppress(OSError):
            self._others = [
                str(self._folder / name)
                for name in os.listdir(self._folder)  # noqa: PTH208 # names are enough
                if name.startswith(_PREFIX) and name.endswith(".sock") and name != own
            ]

    def _send(self, word: bytes) -> None:
        assert self._socket is not None  # noqa: S101 # tell looked
        if len(word) > _MOST:
            return  # thousands of boxes at once: the poll tells
        for other in self._others:
            with contextlib.suppress(OSError):  # gone, or its buffer is full: the poll tells
                self._socket.sendto(word, other)

    def _receive(self) -> None:
        own = self._socket
        while own is not None:
            try:
                word = own.recv(_MOST)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self._log.warning("mailbox changes of other workers unheard", error=str(error))
                return
            with contextlib.suppress(msgspec.MsgspecError):  # a worker of another release
                self._wake(_decoder.decode(word))

    # ---- other nodes

    def reach(self, far: Far | None) -> None:
        """`far` carries words to the hubs of other nodes, and may carry them back to us: they `hear` them."""
        self._far = far

    def _send_far(self) -> None:
        """What changed in these milliseconds, in words that a NOTIFY can carry."""
        changes, self._unsent = list(self._unsent.items()), {}
        word: list[tuple[str, int, int]] = []
        size = 0
        for (account, box), modseq in changes:
            size += len(account.encode()) + 24
            if size > _FAR_MOST and word:
                self._say_far(word)
                word, size = [], len(account.encode()) + 24
            word.append((account, box, modseq))
        self._say_far(word)

    def _say_far(self, word: list[tuple[str, int, int]]) -> None:
        if self._far is not None and word:
            self._far(self._own + _encode(word))

    def hear(self, word: bytes) -> None:
        """A word of another node's hub, or of our own. On the loop."""
        if word[: len(self._own)] == self._own:
            return
        with contextlib.suppress(msgspec.MsgspecError):  # a node of another release
            self._wake(_decoder.decode(word[len(self._own) :]))

    # ---- the net below: whatever was missed

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._poll, self._tick)
        if self._socket is not None:
            self._meet()
        if self._look is not None and self._watchers and self._looking is None:
            self._looking = loop.create_task(self._ask(self._look))

    async def _ask(self, look: Look) -> None:
        try:
            found = await look(list(self._watchers))
            self._wake(
                (account, box, modseq)
                for (account, box), modseq in found.items()
                if modseq > self._heard.get((account, box), 0)
            )
        except Exception as error:  # noqa: BLE001 # the store is away for a while: the next poll asks again
            self._log.warning("watched mailboxes could not be looked at", error=str(error))
        finally:
            self._looking = None
