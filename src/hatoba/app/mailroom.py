"""The mailboxes of one worker: their store, who hears of changes, where local letters are kept, the doors to read them.

Made by wiring; opened and closed by worker, on its loop.
Never decides who may read what.
Fails with StoreTrouble when the store cannot be opened; a node that keeps Maildirs has mailboxes all the same.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from functools import partial
from importlib import metadata
from typing import Any, NamedTuple

import structlog

from hatoba.app import answers, fullness
from hatoba.app.places import Places
from hatoba.app.settings import Settings
from hatoba.delivery import boxes, keeper, maildirs
from hatoba.directory.directory import Directory
from hatoba.doors.imap import counts as imap_counts
from hatoba.doors.imap import house as imap
from hatoba.doors.login.login import Login
from hatoba.doors.pop3 import counts as pop3_counts
from hatoba.doors.pop3 import house as pop3
from hatoba.doors.sieve import counts as sieve_counts
from hatoba.doors.sieve import house as sieve
from hatoba.mailboxes.deposit import Deposit
from hatoba.mailboxes.hub import Hub
from hatoba.mailboxes.post import Post
from hatoba.mailboxes.rules import Rules
from hatoba.message import headers
from hatoba.net.headroom import Headroom
from hatoba.net.limits import SharedCounters
from hatoba.net.tls import ServerTls
from hatoba.reports import shelf
from hatoba.sieve.situation import Situation
from hatoba.store.base import Base
from hatoba.store.blobs import Draft
from hatoba.store.mailboxes import upkeep
from hatoba.store.mailboxes.accounts import Quota
from hatoba.store.mailboxes.stores import MailStore


class Houses(NamedTuple):
    """What the doors of each protocol share."""

    imap: imap.House
    pop3: pop3.House
    sieve: sieve.House


class Counts(NamedTuple):
    """What they count, on through new settings."""

    imap: imap_counts.Counts
    pop3: pop3_counts.Counts
    sieve: sieve_counts.Counts


def _log(name: str) -> Any:
    return structlog.get_logger(name).bind()


def _spam(content: bytes, junk: float) -> float | None:
    """What our filters found, 0 to 100 where they call it junk; None: they did not say.  # RFC 5235 §2"""
    header = headers.scan(content)
    if (header.first(b"x-spam-flag") or b"").strip().upper() == b"YES":
        return 100.0
    try:
        score = float((header.first(b"x-spam-score") or b"").decode("ascii", "replace"))
    except ValueError:
        return None
    return max(0.0, min(99.0, 100.0 * score / junk)) if junk > 0 else None


class Mailroom:
    """`worker` tells the workers of this node apart, `clock` gives ms since 1970."""

    def __init__(
        self,
        settings: Settings,
        home: Base,
        places: Places,
        directory: Directory,
        worker: int,
        clock: Callable[[], int],
    ) -> None:
        log = _log("mailboxes")
        self._settings = settings
        self._places = places
        self._directory = directory
        self._clock = clock
        self._drawn = itertools.count()
        self._appending = places.run / f"appending-{worker}"
        self._counts = Counts(imap_counts.Counts(), pop3_counts.Counts(), sieve_counts.Counts())
        self.store = MailStore(home, settings.mailboxes)
        self._upkeep = upkeep.Upkeep(self.store, clock)
        self._looking: asyncio.Task[None] | None = None
        self.hub = Hub(places.run, str(worker), self._look, poll=settings.reading.poll, log=log)
        self.post = Post(settings.reading, self.store, self.hub, clock, quota=self._quota, known=self._known)
        self.deposit = Deposit(self.store, self.post.ensure, self.hub.tell, self._quota, clock)

    def keep(self, hostname: str, chunks: keeper.Chunks, outlet: answers.Outlet) -> keeper.Keeper:
        """Where local delivery brings letters; `outlet` takes those that rules send out."""
        delivery, log = self._settings.delivery, _log("delivery")
        if delivery.local == "maildir":
            return maildirs.Maildirs(
                self._places.mail, chunks, hostname=hostname, threads=delivery.local_threads, log=log
            )
        language = self._settings.notice.language
        rules = Rules(self.store, self._clock, _log("sieve"))
        replies = answers.Answers(outlet, self._directory, self.store, rules, hostname, language)
        return boxes.Boxes(
            self.deposit, self.store.run, chunks, rules, replies, partial(self._situation, hostname), log=log
        )

    def _situation(self, hostname: str, item: keeper.Item, content: bytes) -> Situation:
        """What rules know of a letter beside its content."""
        to = item.letter.envelope.recipients[item.n]
        sender = item.way.sender or item.letter.envelope.sender
        return Situation(
            self._clock(),
            str(sender or ""),
            str(item.address),
            to.orcpt.partition(";")[2],
            (str(item.owner.address), str(item.address)),
            separator=self._settings.directory.separator,
            environment={"domain": item.owner.address.domain, "host": hostname, "remote-ip": item.letter.source.ip},
            spam=_spam(content, self._settings.filter.junk_at),
        )

    def shelf(self, hostname: str) -> shelf.Shelf:
        """Where reports find what was delivered."""
        if self._settings.delivery.local == "maildir":
            return shelf.Files(self._places.mail, hostname)
        return shelf.Mailboxes(self.store, self._clock)

    def houses(
        self,
        settings: Settings,
        hostname: str,
        login: Login,
        counters: SharedCounters,
        headroom: Headroom,
        tls: ServerTls | None,
    ) -> Houses:
        """What the doors of each protocol share."""
        shared: dict[str, Any] = {
            "hostname": hostname, "login": login, "post": self.post, "clock": self._clock, "counters": counters,
            "headroom": headroom, "tls": tls, "version": metadata.version("hatoba"),
        }  # fmt: skip
        counts = self._counts
        return Houses(
            imap.House(settings.imap, log=_log("imap"), counts=counts.imap, draft=self._draft, **shared),
            pop3.House(settings.pop3, log=_log("pop3"), counts=counts.pop3, **shared),
            sieve.House(settings.sieve, log=_log("sieve"), counts=counts.sieve, **shared),
        )

    async def open(self) -> None:
        """Hears the other workers; on the loop."""
        await asyncio.to_thread(self._empty)
        self.hub.open()
        self._upkeep.start()
        looking = fullness.run(self._directory, self.store, lambda: self._settings.reading.poll)
        self._looking = asyncio.get_running_loop().create_task(looking)

    async def close(self) -> None:
        """Once no door and no delivery needs it any more."""
        self.hub.close()
        if self._looking is not None:
            self._looking.cancel()
        await asyncio.to_thread(self._upkeep.close)
        await asyncio.to_thread(self.store.close)

    # ---- what the room asks

    async def _look(self, keys: list[tuple[str, int]]) -> dict[tuple[str, int], int]:
        return await self.post.look(keys)

    def _quota(self, account: str) -> Quota:
        found = self._directory.snapshot().accounts.get(account)
        if found is None:
            return Quota()
        most = self._directory.quota(found)
        return Quota(most.octets, most.letters)

    def _known(self, account: str) -> bool:
        return account in self._directory.snapshot().accounts

    # ---- letters that clients are writing

    def _draft(self) -> Draft:
        return Draft(self._appending, next(self._drawn))

    def _empty(self) -> None:
        """What this worker's last life left half written was promised to nobody."""
        self._appending.mkdir(mode=0o700, exist_ok=True)
        for path in self._appending.iterdir():
            path.unlink()
