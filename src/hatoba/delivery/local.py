"""LocalChannel: letters for those who live here, several at once, each safe in its mailbox before it counts.

Made by courier for the lane "local". A keeper writes (boxes, maildirs); here accounts are looked up, the feed is told.
Never expands an alias and never bounces: an unknown user is an Outcome 5.1.1.
Fails by Outcome: what the keeper answers, 4.3.0 for what it could not foresee, with its id in the log.
"""

import asyncio
import secrets
from collections.abc import Callable
from typing import Protocol

from hatoba.delivery import feed as feeds
from hatoba.delivery import keeper, verdict, ways
from hatoba.model.address import Address
from hatoba.model.outcome import DEFERRED, DELIVERED, Attempt, Job, Outcome
from hatoba.model.status import Status
from hatoba.net import session as sessions

_BATCH = 32  # jobs the keeper gets at once: they are synced together


class Accounts(Protocol):
    """What is asked of the directory here."""

    def account(self, address: Address) -> keeper.Owner | None:
        """Whose mailbox takes this address (subaddresses and roles resolved), None when there is none."""

    def home(self, hostname: str) -> str:
        """The local domain that a bare <postmaster> means on this host, "" for none."""


class LocalChannel:
    """The channel of local delivery: at most `most` batches are with the keeper at a time."""

    def __init__(
        self,
        name: str,
        feed: feeds.Feed,
        accounts: Accounts,
        keep: keeper.Keeper,
        *,
        hostname: str,
        most: int,
        clock: Callable[[], int],
        log: sessions.Log,
    ) -> None:
        self._name = name
        self._feed = feed
        self._accounts = accounts
        self._keep = keep
        self._host = hostname
        self._most = most
        self._clock = clock
        self._log = log
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
        places: list[tuple[int, int]] = []
        items: list[keeper.Item] = []
        for j, job in enumerate(batch):
            envelope = job.letter.envelope
            for n in job.indexes:
                address = envelope.recipients[n].address
                way = envelope.way(n) if envelope.recipients[n].way else ways.PLAIN
                if way.ends:
                    outcomes[j, n] = ways.ended(n, way)
                    continue
                owner = self._owner(address)
                if isinstance(owner, Status):
                    outcomes[j, n] = verdict.ours(n, owner)
                else:
                    places.append((j, n))
                    items.append(keeper.Item(job.letter, n, address, owner, way))
        self._running += 1
        kept = asyncio.ensure_future(self._keep.keep(items))
        kept.add_done_callback(lambda done: self._written(batch, started, places, outcomes, done))

    def _owner(self, address: Address) -> keeper.Owner | Status:
        """Whose mailbox takes it, or why there is none."""
        if not address.domain:  # <postmaster>  # RFC 5321 §4.1.1.3
            address = Address(address.local, self._accounts.home(self._host))
        account = self._accounts.account(address)
        if account is None:
            return Status("5.1.1", f"<{address}>: no such user here")
        if not account.enabled:
            return Status("5.2.1", f"<{address}>: mailbox switched off")
        return account

    def _written(
        self,
        batch: list[Job],
        started: int,
        places: list[tuple[int, int]],
        outcomes: dict[tuple[int, int], Outcome],
        done: "asyncio.Future[list[Status]]",
    ) -> None:
        self._running -= 1
        bug = None if done.cancelled() else done.exception()
        if done.cancelled() or bug is not None:
            said = [_logged(bug or asyncio.CancelledError(), self._log)] * len(places)
        else:
            said = done.result()
        for (j, n), status in zip(places, said, strict=True):
            outcomes[j, n] = self._told(n, status)
        ended = self._clock()
        for j, job in enumerate(batch):
            told = [outcomes[j, n] for n in job.indexes]
            for one in told:
                self._counts[one.kind] += 1
            self._feed.done(job, Attempt(started, ended, self._name, told))
        self.wake()
        self._end()

    def _told(self, n: int, status: Status) -> Outcome:
        if status.code.startswith("2."):
            return Outcome(n, DELIVERED, status)
        self._last = [*self._last[-9:], status.text]
        return verdict.ours(n, status, verdict.SITE if status.code == "4.3.1" else verdict.RECIPIENT)

    def status(self) -> feeds.ChannelStatus:
        """As Channel.status; a "connection" is a batch with the keeper here."""
        binds = "closing" if self._closed is not None else "connections" if self._running >= self._most else ""
        return feeds.ChannelStatus(
            self._name, "local", self._running, self._running, self._most, float(self._most), 0.0, False, 0, binds,
            tuple(self._last), self._counts[DELIVERED], self._counts[DEFERRED], self._counts["failed"],
        )  # fmt: skip

    @property
    def closed(self) -> bool:
        return self._closed is not None

    def close(self, grace: float = 20.0) -> "asyncio.Future[None]":
        """Takes no more; what the keeper has is finished and told."""
        if self._closed is None:
            self._closed = asyncio.get_running_loop().create_future()
            self._end()
        return self._closed

    def _end(self) -> None:
        if self._closed is not None and not self._running and not self._closed.done():
            self._closed.set_result(None)


def _logged(bug: BaseException, log: sessions.Log) -> Status:
    error_id = secrets.token_hex(6)
    log.error("fault", error_id=error_id, exc_info=bug)
    return Status("4.3.0", f"internal error {error_id}")
