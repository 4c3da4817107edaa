"""LocalChannel: letters into Maildirs under DATA/mail, several at once, each synced before it counts.

Made by courier for the lane "local". Threads write (store.maildir); the loop looks up accounts and tells the feed.
Never expands an alias and never bounces: an unknown user is an Outcome 5.1.1.
Fails by Outcome: a full or ailing disk is 4.3.1 / 4.2.2 / 4.3.0; a bug defers with 4.3.0 and its id in the log.
"""

import asyncio
import errno
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from hatoba.delivery import feed as feeds
from hatoba.delivery import verdict, ways
from hatoba.kit import ids
from hatoba.model.address import Address
from hatoba.model.envelope import Letter, Way
from hatoba.model.outcome import DEFERRED, DELIVERED, Attempt, Job, Outcome
from hatoba.model.status import Status
from hatoba.net import session as sessions
from hatoba.store import maildir

_BATCH = 32  # jobs one thread takes at once: their directories are synced together
_RETURN_PATH = re.compile(rb"(?im)^Return-Path[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*")
_DELIVERED = Status("2.0.0", "delivered to the mailbox")
_TROUBLE = {
    errno.ENOSPC: Status("4.3.1", "the mail disk is full"),
    errno.EDQUOT: Status("4.2.2", "the mailbox is over its quota"),
}

Chunks = Callable[[Letter], Iterable[bytes]]


class Owner(Protocol):
    @property
    def address(self) -> Address: ...
    @property
    def enabled(self) -> bool: ...


class Accounts(Protocol):
    """What is asked of the directory here."""

    def account(self, address: Address) -> Owner | None:
        """Whose mailbox takes this address (subaddresses and roles resolved), None when there is none."""

    def home(self, hostname: str) -> str:
        """The local domain that a bare <postmaster> means on this host, "" for none."""


class LocalChannel:
    """The channel of local delivery. `chunks` gives a letter's content in pieces, read in a thread."""

    def __init__(
        self,
        name: str,
        feed: feeds.Feed,
        accounts: Accounts,
        root: Path,
        chunks: Chunks,
        *,
        hostname: str,
        threads: int,
        clock: Callable[[], int],
        log: sessions.Log,
    ) -> None:
        self._name = name
        self._feed = feed
        self._accounts = accounts
        self._root = root
        self._chunks = chunks
        self._host = hostname
        self._hostname = maildir.component(hostname)
        self._most = threads
        self._clock = clock
        self._log = log
        self._pool = ThreadPoolExecutor(threads, "local")
        self._running = 0
        self._closed: asyncio.Future[None] | None = None
        self._counts = {DELIVERED: 0, DEFERRED: 0, "failed": 0}
        self._last: list[str] = []

    def wake(self) -> None:
        """Takes what is due, a batch for each idle thread."""
        while self._running < self._most and self._closed is None:
            batch: list[Job] = []
            while len(batch) < _BATCH and (job := self._feed.take()) is not None:
                batch.append(job)
            if not batch:
                return
            self._start(batch)

    def _start(self, batch: list[Job]) -> None:
        started = self._clock()
        outcomes: dict[tuple[int, int], Outcome] = {}
        places: list[tuple[int, int, Path, Address]] = []
        for j, job in enumerate(batch):
            envelope = job.letter.envelope
            for n in job.indexes:
                address = envelope.recipients[n].address
                if envelope.recipients[n].way and (way := envelope.way(n)).ends:
                    outcomes[j, n] = ways.ended(n, way)
                    continue
                owner = self._owner(address)
                if isinstance(owner, Status):
                    outcomes[j, n] = verdict.ours(n, owner)
                else:
                    places.append((j, n, maildir.mailbox(self._root, owner.domain, owner.local), address))
        self._running += 1
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._pool, self._write, batch, places)
        future.add_done_callback(lambda done: self._written(batch, started, places, outcomes, done))

    def _owner(self, address: Address) -> Address | Status:
        """The address that names the mailbox, or why there is none."""
        if not address.domain:  # <postmaster>  # RFC 5321 §4.1.1.3
            address = Address(address.local, self._accounts.home(self._host))
        account = self._accounts.account(address)
        if account is None:
            return Status("5.1.1", f"<{address}>: no such user here")
        if not account.enabled:
            return Status("5.2.1", f"<{address}>: mailbox switched off")
        return account.address

    def _write(
        self, batch: list[Job], places: list[tuple[int, int, Path, Address]]
    ) -> list[Exception | None]:  # in a thread
        items = []
        for j, n, mailbox, address in places:
            letter = batch[j].letter
            name = f"{letter.accepted // 1000}.{ids.text(letter.id)}R{n}.{self._hostname}"
            items.append(maildir.Item(mailbox, name, stored(letter, address, self._chunks, letter.envelope.way(n))))
        return list(maildir.deliver(items))

    def _written(
        self,
        batch: list[Job],
        started: int,
        places: list[tuple[int, int, Path, Address]],
        outcomes: dict[tuple[int, int], Outcome],
        done: "asyncio.Future[list[Exception | None]]",
    ) -> None:
        self._running -= 1
        bug = done.exception()
        errors = done.result() if bug is None else [_logged(bug, self._log)] * len(places)
        for (j, n, _, _), error in zip(places, errors, strict=True):
            outcomes[j, n] = Outcome(n, DELIVERED, _DELIVERED) if error is None else self._trouble(n, error)
        ended = self._clock()
        for j, job in enumerate(batch):
            told = [outcomes[j, n] for n in job.indexes]
            for one in told:
                self._counts[one.kind] += 1
            self._feed.done(job, Attempt(started, ended, self._name, told))
        self.wake()
        self._end()

    def _trouble(self, n: int, error: Exception) -> Outcome:
        status = _TROUBLE.get(getattr(error, "errno", None) or 0)
        if status is None:
            status = Status("4.3.0", "the mailbox cannot be written now")
            self._log.error("mailbox", exc_info=error)
        self._last = [*self._last[-9:], str(error)]
        scope = verdict.SITE if status.code == "4.3.1" else verdict.RECIPIENT
        return verdict.ours(n, status, scope)

    def status(self) -> feeds.ChannelStatus:
        """As Channel.status; a "connection" is a thread here."""
        binds = "closing" if self._closed is not None else "connections" if self._running >= self._most else ""
        return feeds.ChannelStatus(
            self._name, "local", self._running, self._running, self._most, float(self._most), 0.0, False, 0, binds,
            tuple(self._last), self._counts[DELIVERED], self._counts[DEFERRED], self._counts["failed"],
        )  # fmt: skip

    @property
    def closed(self) -> bool:
        return self._closed is not None

    def close(self, grace: float = 20.0) -> "asyncio.Future[None]":
        """Takes no more; what threads are writing is finished and told."""
        if self._closed is None:
            self._closed = asyncio.get_running_loop().create_future()
            self._end()
        return self._closed

    def _end(self) -> None:
        if self._closed is not None and not self._running and not self._closed.done():
            self._pool.shutdown(wait=False)
            self._closed.set_result(None)


def _logged(bug: BaseException, log: sessions.Log) -> Exception:
    error_id = secrets.token_hex(6)
    log.error("fault", error_id=error_id, exc_info=bug)
    return RuntimeError(f"internal error {error_id}")


def stored(letter: Letter, address: Address, chunks: Chunks, way: Way = ways.PLAIN) -> Iterator[bytes]:
    """The letter as its Maildir file holds it: our two fields on top, old Return-Path gone, lines ending in LF.

    # RFC 5321 §4.4: the final delivery writes Return-Path, and there is only one.
    """
    sender = way.sender or letter.envelope.sender
    yield f"Return-Path: <{sender or ''}>\nDelivered-To: {address}\n".encode("utf-8", "surrogateescape")
    if way.top:
        yield way.top.replace(b"\r\n", b"\n")
    pieces = iter((letter.content,) if letter.content is not None else chunks(letter))
    head = b""
    for piece in pieces:
        head += piece
        if b"\r\n\r\n" in head:
            break
    header, blank, body = head.partition(b"\r\n\r\n")
    yield _RETURN_PATH.sub(b"", header.replace(b"\r\n", b"\n") + b"\n")
    if blank:
        yield b"\n"
    rest = body
    for piece in pieces:
        held = b"\r" if rest.endswith(b"\r") else b""  # its LF may come with the next piece
        yield rest[: len(rest) - len(held)].replace(b"\r\n", b"\n")
        rest = held + piece
    yield rest.replace(b"\r\n", b"\n")
