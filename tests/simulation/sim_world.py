"""World: one history as it happens: clients, hosts, the disk, the clock, and the processes of hatoba one after another.

Made by sim_history for each seed; sim_deeds acts in it, sim_verdict judges it in the end.
Never decides what happens: that is the plan's and the seed's. It keeps what was promised and sees it kept.
Fails with Broken at the first promise that is not kept, with the word for it (`law`) and the story so far.
"""

import asyncio
import shutil
import sys
from collections.abc import MutableMapping
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import structlog
from tests.simulation import sim_peers
from tests.simulation.sim_disk import Disk
from tests.simulation.sim_peers import Hosts, Key
from tests.simulation.sim_process import Process, Setup

from hatoba.delivery.feed import Feed
from hatoba.model.envelope import Letter
from hatoba.model.outcome import DELIVERED, Attempt, Job
from hatoba.queue.choice import Choice
from hatoba.queue.lanes import Lane
from hatoba.queue.refill import ALONE, SUSPECT
from hatoba.store import sqlite, trouble
from hatoba.store.blobs import Draft
from hatoba.store.rows import ACTIVE, HELD, QUARANTINED, READY, STATES

START = 1_700_000_000_000
TOLERATED = (  # errors that a sick disk, or an end in a hurry, may bring
    "the store does not take outcomes; they stay in memory",
    "store.trouble",
    "attempts cut off by the end",
    "outcomes lost at the end: the store does not take them",
    "quarantine could not be written",
)


class Broken(Exception):
    """A promise was not kept. `law` names it."""

    def __init__(self, law: str, text: str) -> None:
        super().__init__(f"{law}: {text}")
        self.law = law


class Sent(msgspec.Struct):
    """A letter as its client knows it. `state`: sent, taken (250 said), refused, gone (cancelled, or we died)."""

    letter: Letter
    process: int
    state: str = "sent"


class World:
    """`broken` is the first broken promise; callbacks cannot raise through the loop, so it is kept and raised after."""

    def __init__(self, seed: int, setup: Setup, data: Path) -> None:
        self.seed = seed
        self.setup = setup
        self.data = data
        self.trace: list[str] = []
        self.broken: Broken | None = None
        self.chance = Random(f"{seed}/chance")
        self.offset = 0  # ms the wall clock is off
        self.furthest = 0
        self.jumped = False
        self.sent: dict[int, Sent] = {}
        self.processes: list[Process] = []
        self.crashes = 0
        self.freed = 0  # when an order last let something go at once (ms of the wall)
        self.stopped: dict[Key, str] = {}  # recipients that an order holds, or dropped
        self.held_lanes: set[str] = set()
        self.epoch = 0  # counts orders that let something go
        self._ids = 1000
        self.hosts = Hosts(seed, self)
        self.disk = Disk(Random(f"{seed}/disk"), self.say)
        self.reader = sqlite.reader(data / "shards" / "0000.db")
        self.p: Process

    # what the parts ask

    def wall(self) -> int:
        now = self.p.loop.now if self.processes else 0.0
        wall = START + int(now * 1000) + self.offset
        self.furthest = max(self.furthest, wall)
        return wall

    def new_id(self) -> int:
        self._ids += 1
        return self._ids

    def say(self, text: str) -> None:
        loop = self.p.loop
        self.trace.append(f"{self.wall() - START:>9} {loop.steps:>6} p{self.p.number} {text}")

    def wrong(self, text: str, law: str = "no bug in a callback") -> None:
        if self.broken is None:
            self.say(f"BROKEN {law}: {text}")
            self.broken = Broken(law, text)
            self.p.loop.halted = True

    def check(self, true: bool, law: str, text: str) -> None:
        if not true:
            self.wrong(text, law)

    def log(self, _: Any, method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """structlog's processor: the log goes into the story; an error nobody expects is a broken promise."""
        event = str(entry.pop("event", ""))
        error = sys.exc_info()[1] if entry.pop("exc_info", None) else None
        entry.pop("error_id", None)
        if method in ("error", "critical", "exception", "warning"):
            told = " ".join(f"{name}={value}" for name, value in entry.items())
            self.say(f"log {method}: {event} {told}" + (f" {error!r}" if error else ""))
        if method in ("error", "critical", "exception") and event not in TOLERATED:
            self.check(isinstance(error, trouble.StoreTrouble), "no bug in the log", f"{event} {entry} {error!r}")
        if event == TOLERATED[3]:
            self.p.lossy = True
        raise structlog.DropEvent

    # processes

    def start(self) -> None:
        """A process begins, again and again until the disk lets it recover."""
        while True:
            before = {row[:2]: row[2:] for row in self.rows()}
            number = len(self.processes) + 1
            now = self.p.loop.now if self.processes else 0.0
            self.p = Process(number, self.data, self.setup, self.chance, now, self, self.hosts)
            self.processes.append(self.p)
            self.p.attach(self.disk)
            result = self.p.run(self.p.queue.start(), 120.0)
            if self.broken is not None:
                raise self.broken
            if result.halted:
                self._died()
                continue
            if isinstance(result.error, trouble.StoreTrouble):
                self.say(f"could not start: {result.error}")
                self._over(self.p.queue.drain(0.0))
                continue
            self.check(result.error is None and not result.late, "a process starts", repr(result))
            self.p.up = True
            self._recovered(before)
            return

    def _recovered(self, before: dict[tuple[Any, ...], tuple[Any, ...]]) -> None:
        self.say("started")
        now = {row[:2]: row[2:] for row in self.rows()}
        for key, (state, _, crashes, _, due) in before.items():
            if state != ACTIVE:
                continue
            many = crashes + 1 >= self.setup.queue.crashes
            expected = (QUARANTINED if many else READY, crashes + 1)
            if due < 0:  # at rest, touched for a reminder
                expected = (READY, crashes)
                self.check(key in now and now[key][4] == -due, "what rests goes on resting", f"{key} until {-due}")
            found = now.get(key)
            self.check(
                found is not None and (found[0], found[2]) == expected,
                "quarantine after N crashes",
                f"{key} was under way with {crashes} crashes, is {found}",
            )

    def pass_(self, seconds: float) -> None:
        """Time passes; a crash on the way is followed by a new start."""
        until = self.p.loop.now + seconds
        while True:
            self.p.loop.spin(until)
            if self.broken is not None:
                raise self.broken
            if not self.p.loop.halted:
                self._belong()
                return
            self._died()
            self.start()

    def _belong(self) -> None:
        """No row stands in a lane that is not its domain's."""
        for letter, n, domain, site in self.reader.rows(
            "SELECT letter, n, domain, site FROM recipient WHERE site <> ''"
        ):
            right = sim_peers.DOMAINS[domain]
            self.check(site == right, "everybody goes where he belongs", f"{letter}.{n} at {domain} waits for {site}")
        if self.broken is not None:
            raise self.broken

    def crash(self) -> None:
        self.say("crash")
        self.p.loop.halted = True
        self._died()
        self.start()

    def _died(self) -> None:
        self.crashes += 1
        self.p.die()
        for one in self.sent.values():
            if one.state == "sent":
                one.state = "gone"
        under_way = {row[:2] for row in self.rows() if row[2] == ACTIVE}
        self.stopped = {key: by for key, by in self.stopped.items() if key not in under_way}  # notes of orders go

    def restart(self, grace: float) -> None:
        """Drain, end, begin again."""
        self.say(f"drain {grace:g}")
        self.p.up = False  # the doors close first, and wait for their clients as long
        self.p.loop.spin(self.p.loop.now + grace, lambda: not any(one.state == "sent" for one in self.sent.values()))
        if self.broken is not None:
            raise self.broken
        if self.p.loop.halted:
            self._died()
        elif self._over(self.p.queue.drain(grace)):
            left = [row for row in self.rows() if row[2] == ACTIVE]
            self.check(not left or self.p.lossy, "a drain leaves nothing under way", repr(left))
            for one in self.sent.values():
                if one.state == "sent":
                    one.state = "gone"
            self.say("drained")
        self.start()

    def _over(self, drain: Any) -> bool:
        result = self.p.run(drain, 400.0)
        if self.broken is not None:
            raise self.broken
        if result.halted:
            self._died()
            return False
        self.check(not result.late and result.error is None, "a drain ends", repr(result))
        if self.broken is not None:
            raise self.broken
        self.disk.detach()
        self.p.end()
        return True

    # clients

    def send(self, letter: Letter, body: bytes | None, cancel: float) -> None:
        """A door hands a letter in; after `cancel` seconds (0: never) its client is gone."""
        if not self.p.up:
            return
        record = self.sent[letter.id] = Sent(letter, self.p.number)
        draft: Draft | None = None
        if body is not None:
            draft = self.p.shard.blobs.draft(letter.id)
            draft.append(body)
        try:
            future = self.p.queue.enqueue(letter, draft)
        except trouble.StoreTrouble:
            record.state = "refused"
            return
        future.add_done_callback(partial(self._answered, record))
        if cancel:
            self.p.loop.call_later(cancel, future.cancel)

    def _answered(self, record: Sent, future: "asyncio.Future[None]") -> None:
        if future.cancelled():
            record.state = "gone"
        elif future.exception() is not None:
            record.state = "refused"
            self.say(f"refused {record.letter.id}")
        else:
            record.state = "taken"
            self.say(f"taken {record.letter.id}")

    # what is seen at the seam below the queue

    def dialled(self, feed: Feed, job: Job, busy: int) -> None:
        assert isinstance(feed, Lane)
        number = job.letter.id
        self.say(f"dial {feed.name} {number}{list(job.indexes)} attempt {job.attempts}")
        rows = {row[1]: row for row in self.rows(number)}
        for n in job.indexes:
            row = rows.get(n)
            written = row is not None and row[2] == ACTIVE and row[3] == job.attempts
            self.check(written, "written before dialling", f"{number}.{n} attempt {job.attempts}, its row: {row}")
            self._again((number, n), job)
            domain = job.letter.envelope.recipients[n].address.domain
            right = sim_peers.DOMAINS[domain] == feed.name
            self.check(right, "everybody goes where he belongs", f"{number}.{n} at {domain} is dialled at {feed.name}")
        limits = self.setup.queue
        self.check(feed.memory <= limits.lane_depth, "lanes keep their depth", f"{feed.name} has {feed.memory}")
        self.check(busy <= self.setup.hands, "lanes keep their concurrency", f"{feed.name} has {busy}")
        unsettled = self.p.queue.status().unsettled
        self.check(unsettled < limits.unsettled, "outcomes in memory are bounded", f"{unsettled} wait for the disk")
        self.check(not feed.failures or busy == 1, "one probe at a time", f"{feed.name} has {busy}")
        self.check(feed.name not in self.held_lanes, "what is held is held", f"{feed.name} is held")
        if any(rows[n][4] >= ALONE for n in job.indexes if n in rows):
            others = [j for j in feed.active.values() if j is not job and any(r.crashes >= SUSPECT for r in j.rows)]
            self.check(not others, "suspects travel alone", f"{number} beside {[j.letter.id for j in others]}")

    def _again(self, key: Key, job: Job) -> None:
        """May this recipient be dialled (again) now?"""
        self.check(key not in self.stopped, "what is held is held", f"{key} is dialled after: {self.stopped.get(key)}")
        now, dials = self.wall(), self.hosts.dials[key]
        hold = job.letter.envelope.hold_until
        excused = self.freed > 0 or self.jumped
        self.check(now >= hold or excused, "not before HOLDUNTIL", f"{key} at {now} for {hold}")
        for dial in dials[:-1]:
            over = self.processes[dial.process - 1]
            excused = over is not self.p and (over.crashed or over.lossy)
            twice = dial.taken and dial.known and dial.told == DELIVERED and not excused
            self.check(not twice, "never delivered twice", f"{key} was delivered by {dial}")
        if len(dials) < 2:
            return
        last = dials[-2]
        if last.told == "back" or self.freed >= last.began or self.jumped:
            return
        over = self.processes[last.process - 1]
        if over is not self.p and (over.crashed or over.lossy):
            return
        self.check(last.told != "", "one attempt at a time", f"{key} is dialled beside {last}")
        self.check(job.attempts > last.attempt, "attempts are counted", f"{key}: {job.attempts} after {last.attempt}")
        s = self.setup.queue
        least = 1000 * min(s.first * s.factor ** (last.attempt - 1), s.most) * (1 - s.jitter)
        least = min(least, max(job.letter.expires - last.ended, 1000))
        self.check(now - last.ended >= int(least) - 1, "no storm of retries", f"{key}: {now - last.ended} < {least} ms")

    def told(self, job: Job, attempt: Attempt | None) -> None:
        kinds = "back" if attempt is None else " ".join(o.kind for o in attempt.outcomes)
        self.say(f"told {job.letter.id}{list(job.indexes)} {kinds}")

    # what is on the disk

    def rows(self, letter: int | None = None) -> list[tuple[Any, ...]]:
        """(letter, n, state, attempts, crashes, site, next_at) of every row."""
        where = "" if letter is None else f" WHERE letter = {letter}"
        text = f"SELECT letter, n, state, attempts, crashes, site, next_at FROM recipient{where} ORDER BY letter, n"  # noqa: S608  a number
        return self.reader.rows(text)

    def meant(self, choice: Choice) -> set[Key]:
        """Recipients that an order means now: of letters whose client has heard 250."""
        taken = {number: one.letter for number, one in self.sent.items() if one.state == "taken"}
        return {
            (number, n)
            for number, n, _, _, _, site, _ in self.rows()
            if number in taken and choice.matches(taken[number], n, site)
        }

    def obeyed(self, verb: str, meant: set[Key]) -> None:
        """An order to hold or drop is done: what it meant and is still here must not be dialled any more."""
        here = {row[:2]: row[2] for row in self.rows()}
        for key in sorted(meant & here.keys()):
            self.check(
                here[key] == ACTIVE or (here[key] in (HELD, QUARANTINED) and verb == "hold"),
                "orders are carried out", f"{verb} of {key}: its row is {STATES[here[key]]}",
            )  # fmt: skip
            self.stopped[key] = verb

    def end(self) -> None:
        """Folders and files go."""
        self.reader.close()
        shutil.rmtree(self.data)
