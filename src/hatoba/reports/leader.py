"""Leader: what one worker of all nodes does for the rest: asks who wants a report, makes it, sees it sent.

Called by office; the lease for it is a row in the directory, and every write proves that it is still ours.
Never makes a report of counts that it does not remove in the same transaction: nothing is told twice or never.
Fails with Lost when the lease is another's, Nobody without an address to send from, StoreTrouble.
"""

import asyncio
import contextlib
import hashlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

import structlog

from hatoba.mailauth.dmarc import author
from hatoba.reports import addressees, gather, identity, kinds, made
from hatoba.reports.addressees import Addressees
from hatoba.reports.clerk import Clerk
from hatoba.reports.evidence import DAY
from hatoba.reports.means import Means
from hatoba.reports.sending import Lost, Sender
from hatoba.store import base, reports, tallies
from hatoba.store.rows import ReportRow
from hatoba.store.sql import Tx
from hatoba.store.trouble import StoreTrouble

T = TypeVar("T")
LEASE = 120_000  # ms that the lease holds when it is not renewed
SURE = 60_000  # ms after the end of a day in which its last letters are written
LATE = 6 * 3_600_000  # ms after which reports go out although a shard's journal was not read
ASIDE = 1_800_000  # ms until a domain whose DNS has no answer is asked again
_ASKED = 20  # domains asked at once
_DUE = 100  # reports read at once
_PURGE = 1000  # reports removed in one transaction
_log = structlog.get_logger("reports")

Tally = dict[str, int]  # what a round did: "made", "sent", "waiting", "unwanted"


class Leader:
    """One worker's."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._clerk = Clerk("reports-sent", means.base.register)
        self._owner = means.owner  # as in the leases of shards: who starts anew goes on with what he had
        self._turns = asyncio.Lock()
        self._aside: dict[tuple[str, int, str], int] = {}  # domains without an answer, until when (ms)
        self._leads = False

    async def turn(self) -> Tally:
        """Everything that is due; nothing while another worker has the lease."""
        async with self._turns:
            try:
                await self._write(lambda tx: None)
            except Lost:
                self._leads = False
                return {}
            self._leads = True
            done = self._nothing()
            try:
                for kind, day in await self._clerk.do(self._days):
                    await self._day(kind, day, done, everything=False)
                await self._due(done, self._means.clock())
            except Lost:
                self._leads = False
            except identity.Nobody as error:
                _log.error("no reports are sent", reason=str(error))
            return done

    async def now(self, day: int) -> Tally:
        """The reports about one day at once, all domains. Lost, Nobody."""
        async with self._turns:
            await self._write(lambda tx: None)
            self._leads = True
            done = self._nothing()
            for kind in self._kinds():
                await self._day(kind, day, done, everything=True)
            await self._due(done, self._means.clock())
            return done

    async def purge(self, before: int) -> int:
        """Removes reports that came in or went out before that (ms); how many."""
        return await self._clerk.do(self._purge, before)

    def _purge(self, before: int) -> int:
        if not reports.any_before(self._clerk.register.reader, kinds.ALL, before):
            return 0
        return self._clerk.register.note(lambda tx: reports.purge(tx, kinds.ALL, before, _PURGE))

    async def close(self) -> None:
        """Another worker may go on at once."""
        if self._leads:
            self._leads = False
            with contextlib.suppress(StoreTrouble):  # it runs out by itself
                await self._clerk.do(self._release)
        await self._clerk.close()

    def _release(self) -> None:
        self._clerk.register.note(lambda tx: reports.release(tx, self._owner))

    def _nothing(self) -> Tally:
        return {"made": 0, "sent": 0, "waiting": 0, "unwanted": 0}

    def _kinds(self) -> list[str]:
        settings = self._means.settings()
        return [kind for kind, wanted in ((kinds.DMARC, settings.dmarc), (kinds.TLS, settings.tls)) if wanted]

    # writing

    async def _write(self, function: Callable[[Tx], T]) -> T:
        return await self._clerk.do(self._note, function)

    def _note(self, function: Callable[[Tx], T]) -> T:
        """In a thread: a transaction of who makes the reports. Lost."""
        now = self._means.clock()

        def held(tx: Tx) -> T:
            if not reports.seize(tx, self._owner, now, now + LEASE):
                raise Lost
            return function(tx)

        return self._clerk.register.note(held)

    # what was counted

    def _days(self) -> list[tuple[str, int]]:
        """In a thread: the days that are over and may be told, by kind; what is too old is forgotten."""
        now, register = self._means.clock(), self._clerk.register
        today = now // DAY
        found: list[tuple[str, int]] = []
        for kind in (kinds.DMARC, kinds.TLS):
            days = reports.days(register.reader, kind)
            oldest = today - gather.OLD
            if days and days[0] < oldest:
                self._note(partial(tallies.forget, kind=kind, before=oldest))
            if kind in self._kinds():
                found += [(kind, day) for day in days if oldest <= day < today and self._ripe(register, day, now)]
        return found

    def _ripe(self, register: base.Register, day: int, now: int) -> bool:
        """The hour has come, and every shard's journal was read beyond the end of the day."""
        end = (day + 1) * DAY
        start = end + self._means.settings().hour * 3_600_000
        if now < start or now < end + SURE:
            return False
        if now >= start + LATE:
            return True
        unread = gather.pending(register, self._means.base.numbers(), end + SURE)
        if unread:
            _log.info("reports wait for journals not read yet", shards=unread)
        return not unread

    async def _day(self, kind: str, day: int, done: Tally, *, everything: bool) -> None:
        """Asks each domain's DNS who wants the report, makes it, or forgets what was counted."""
        domains = await self._clerk.do(self._domains, kind, day, everything)
        for part in _parts(domains, _ASKED):
            answers = await asyncio.gather(*(self._asked(kind, domain) for domain in part))
            unwanted: list[str] = []
            for domain, answer in zip(part, answers, strict=True):
                if answer.state == "trouble":
                    self._aside[kind, day, domain] = self._means.clock() + ASIDE
                elif answer.state == "none":
                    unwanted.append(domain)
                else:
                    done["made"] += await self._write(partial(self._make, kind=kind, day=day, domain=domain))
            if unwanted:
                done["unwanted"] += len(unwanted)
                await self._write(partial(_forget, kind=kind, day=day, domains=unwanted))

    def _domains(self, kind: str, day: int, everything: bool) -> list[str]:
        """In a thread: the domains of the day whose moment has come."""
        now, settings = self._means.clock(), self._means.settings()
        self._aside = {key: until for key, until in self._aside.items() if until > now}
        spread = 0 if everything else round(settings.spread * 1000)
        passed = now - (day + 1) * DAY - settings.hour * 3_600_000
        return [
            domain
            for domain in tallies.domains(self._clerk.register.reader, kind, day)
            if (everything or (kind, day, domain) not in self._aside) and _moment(domain, spread) <= max(passed, 0)
        ]

    async def _asked(self, kind: str, domain: str) -> Addressees:
        omit = {author.normal(each) for each in self._means.settings().omit}
        above = domain
        while above:
            if above in omit:
                return Addressees("none", why="reports.omit")
            above = above.partition(".")[2]
        return await self._means.ask(addressees.asked(kind, domain))

    def _make(self, tx: Tx, kind: str, day: int, domain: str) -> int:
        """In a transaction: the counts become reports to be sent; how many."""
        means = self._means
        who = identity.who(means.settings(), means.directory, means.hostname)
        rows = tallies.of(tx, kind, day, domain)
        now = means.clock()
        made_ = made.outgoing(kind, domain, day, rows, who, now, secrets.token_hex(8))
        reports.forget(tx, kind, day, domain)
        begins, ends = made.span(day, now)
        for outgoing in made_:
            name = f"{kinds.SENT[kind]}-{outgoing.number[:16]}"
            reports.put(
                tx, ReportRow(name, now, kinds.DUE[kind], domain, who.receiver, begins, ends, made.data(outgoing))
            )
        return len(made_)

    # what is to be sent

    async def _due(self, done: Tally, now: int) -> None:
        means = self._means
        who = identity.who(means.settings(), means.directory, means.hostname)
        sender = Sender(means, self._clerk, self._note, who, identity.sender(who.address, means.directory))
        while True:
            rows = await self._clerk.do(self._waiting, now)
            for row in rows:
                after = await sender.send(row)
                done["sent" if after.kind in kinds.SENT.values() else "waiting"] += 1
            if len(rows) < _DUE:
                return

    def _waiting(self, now: int) -> list[ReportRow]:
        wanted = [kinds.DUE[kind] for kind in self._kinds()]
        return reports.due(self._clerk.register.reader, wanted, now, _DUE) if wanted else []


def _forget(tx: Tx, kind: str, day: int, domains: Sequence[str]) -> None:
    for domain in domains:
        reports.forget(tx, kind, day, domain)


def _moment(domain: str, spread: int) -> int:
    """When a domain's report goes out, in ms after the hour: always the same for the same domain."""
    return int.from_bytes(hashlib.sha256(domain.encode()).digest()[:6]) % spread if spread else 0


def _parts(domains: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for at in range(0, len(domains), size):
        yield domains[at : at + size]
