"""Queue: one shard's letters from the commit to the last outcome; the room's front door.

Made by app, one for each shard a worker leases; doors and app call enqueue, admin, status, drain.
Never speaks to a peer (delivery does) and never decides who may send (intake did).
Fails by the future of `enqueue` alone (StoreTrouble: the letter is not ours); everything later stays inside.
"""

import asyncio
import random
import time
from collections.abc import Callable
from functools import partial

import msgspec

from hatoba.journal import forms
from hatoba.journal import settings as journal_
from hatoba.model.envelope import Letter
from hatoba.model.event import Event
from hatoba.notice import settings as notice_
from hatoba.queue.admin import Admin
from hatoba.queue.admission import Admission, Plan
from hatoba.queue.board import Board
from hatoba.queue.chores import Chores
from hatoba.queue.contents import Contents, Reading
from hatoba.queue.ink import Ink
from hatoba.queue.lanes import LaneStatus
from hatoba.queue.ledger import Ledger
from hatoba.queue.means import Courier, Means
from hatoba.queue.notices import Notices, Sign
from hatoba.queue.orders import Online
from hatoba.queue.refill import Refill
from hatoba.queue.resolving import Resolving
from hatoba.queue.runner import Runner
from hatoba.queue.settings import Settings
from hatoba.queue.settle import Settlement
from hatoba.queue.sweep import Sweep
from hatoba.store import queue as rows_
from hatoba.store import shard as shard_
from hatoba.store import trouble
from hatoba.store.blobs import Draft
from hatoba.store.contents import Keep
from hatoba.store.rows import Recovered, Settle

CALM = 4  # letters being sealed: beyond it index and chain of the journal wait for a quieter moment
BUSY = 100  # letters being sealed or settled: beyond it the journal's chores wait
AGAIN = 1.0  # seconds until the store is asked again what became of a letter
LAST = 5.0  # seconds after the last connection closed in which outcomes must reach the disk


class QueueStatus(msgspec.Struct, frozen=True):
    """The queue as a whole; lanes tell more."""

    shard: int
    jobs: int  # in memory
    contents: int  # bytes of content in memory
    sealing: int  # letters whose commit is under way
    unsettled: int  # outcomes not on disk
    resolving: int  # recipients whose route is being asked
    lanes: int
    binds: str  # why nothing goes at all, "" when it may


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def _heard(written: "asyncio.Future[None]") -> None:
    if not written.cancelled():
        written.exception()  # the writer has logged why


class Queue:
    """`admin` takes the operator's orders. Several queues may live in a worker and share its courier."""

    def __init__(
        self,
        settings: Settings,
        shard: shard_.Shard,
        courier: Courier,
        *,
        hostname: str,
        new_id: Callable[[], int],
        journal: journal_.Settings | None = None,
        audit: journal_.Audit | None = None,
        keep: Keep | None = None,
        notice: notice_.Settings | None = None,
        sign: Sign | None = None,
        clock: Callable[[], int] = now_ms,
        draw: Callable[[], float] = random.random,
        readdress: Callable[[Letter], Letter] | None = None,
    ) -> None:
        means = Means(
            settings, shard, courier, hostname=hostname, clock=clock, draw=draw, new_id=new_id, readdress=readdress
        )
        self._means = means
        means.keep = keep
        self._reading, self._bodies = Reading(shard, "queue-read"), Reading(shard, "queue-body")
        self._contents = Contents(settings.content_memory, self._bodies, shard.blobs)
        self._board = board = Board(means, self._contents)
        self._ledger = Ledger()
        self._ink = Ink(means)
        self._resolving = Resolving(means, board, self._contents, self._ledger)
        notices = Notices(means, notice or notice_.Settings(), sign)
        self._settlement = Settlement(means, self._contents, self._ledger, self._ink, notices, self._bodies)
        self._admission = Admission(means, board, self._contents, self._ledger, self._resolving, self._settlement)
        self._refill = Refill(means, board, self._ledger, self._resolving, self._settlement, self._reading)
        sweep = Sweep(means, self._ledger, self._settlement, self._reading)
        self._runner = Runner(means, board, self._refill, sweep, self._reading)
        self._sealing = 0
        self._unsealed: asyncio.Future[None] | None = None  # a drain waits for the letters being sealed
        self._plan, self._seal = self._admission.plan, shard.writer.seal
        self._settlement.admission = self._admission
        self._settlement.nudge = self._runner.nudge
        board.settlement = self._settlement
        self._resolving.settlement = self._settlement
        self._ink.relieved = board.wake_all
        self._chores = Chores(
            means, journal or journal_.Settings(), audit or journal_.Audit(), lambda: self._sealing <= CALM, self._busy
        )
        self._runner.chores = [self._chores.begin]
        self.admin = Admin(means, notices, self._reading)
        self.admin.online(Online(board, self._settlement, self._admission, self._resolving, self._ledger, self._runner))

    # the way in

    def enqueue(self, letter: Letter, draft: Draft | None = None) -> "asyncio.Future[None]":
        """Takes the letter over. Done when it is on disk (then say 250); StoreTrouble or ValueError: it is not ours.

        `draft` holds the body of a letter without content. The letter belongs to the queue from here on. Hot.
        """
        if letter.notes is not None and letter.notes.drop:
            return self._thrown(letter, draft)
        plan = self._plan(letter)
        seal = self._admission.seal(plan)
        seal.draft = draft
        try:
            sealed = self._seal(seal)
        except BaseException:
            self._admission.refused(plan)
            raise
        self._sealing += 1
        sealed.add_done_callback(partial(self._sealed, plan))
        return sealed

    def _thrown(self, letter: Letter, draft: Draft | None) -> "asyncio.Future[None]":
        """A letter that is taken and thrown away: the journal has it, nobody else."""
        if draft is not None:
            draft.discard()
        reason = letter.notes.drop if letter.notes is not None else ""
        events = (forms.accepted(letter), forms.dropped(letter.id, (), "checks", letter.accepted, reason))
        return self._means.writer.settle(Settle(events=events))

    def record(self, happened: Event) -> None:
        """An event that concerns no letter of the queue, written with one of the next commits. StoreTrouble: not."""
        self._means.writer.settle(Settle(events=(happened,))).add_done_callback(_heard)

    def _sealed(self, plan: Plan, sealed: "asyncio.Future[None]") -> None:
        if sealed.cancelled():
            self._ask(plan)  # the caller gave up waiting, the writer did not
        else:
            self._known(plan, sealed.exception() is None)

    def _known(self, plan: Plan, ours: bool) -> None:
        self._sealing -= 1
        if ours:
            self._admission.sealed(plan)
        else:
            self._admission.refused(plan)
        if self._unsealed is not None and not self._sealing and not self._unsealed.done():
            self._unsealed.set_result(None)

    def _ask(self, plan: Plan) -> None:
        """What became of a letter, asked in a commit behind its own."""
        number = plan.letter.id
        try:
            found = self._means.writer.do(lambda tx: bool(rows_.of_letter(tx, number)))
        except trouble.StoreTrouble:  # closed: the next run will know
            self._known(plan, False)
        else:
            found.add_done_callback(partial(self._found, plan))

    def _found(self, plan: Plan, found: "asyncio.Future[bool]") -> None:
        if not found.cancelled() and isinstance(found.exception(), trouble.StoreTrouble):
            asyncio.get_running_loop().call_later(AGAIN, self._ask, plan)  # the disk is ill, the letter may be there
        else:
            self._known(plan, not found.cancelled() and found.exception() is None and found.result())

    # life

    async def start(self) -> Recovered:
        """Recovers what a former run left, reads the orders back, starts the loop."""
        recovered = await self._runner.recover()
        self._runner.start()
        return recovered

    async def recover(self) -> Recovered:
        """`start` without the loop: the caller makes the turns."""
        return await self._runner.recover()

    async def turn(self) -> None:
        """One turn of the loop, now, with everything that is due."""
        self._runner.stir()
        await self._runner.turn()
        await self._chores.settled()

    def wake(self) -> None:
        """Look at the store at once."""
        self._runner.stir()

    def lease(self, expires: float) -> None:
        """Attempts may start until then (monotonic): later another worker may be delivering these letters."""
        gate = self._means.gate
        shut = not gate.open
        gate.expires = expires
        if shut and gate.open:
            self._board.wake_all()

    async def drain(self, grace: float | None = None) -> None:
        """Starts nothing new, lets attempts under way end for `grace` seconds, gives the rest back, writes it all."""
        grace = self._means.settings.drain if grace is None else grace
        gate = self._means.gate
        gate.draining = True
        await self._runner.stop()
        await self._chores.stop()
        await self._resolving.close()
        lanes = list(self._board.lanes.values())
        for lane in lanes:
            jobs = lane.empty()
            if jobs:
                self._settlement.return_jobs(jobs, self._means.clock())
        closing = [lane.channel.close(grace) for lane in lanes if lane.channel is not None]
        if closing:
            await asyncio.wait(closing, timeout=grace + LAST)
        for lane in lanes:
            if lane.active:
                self._means.log.warning("attempts cut off by the end", site=lane.name, jobs=len(lane.active))
        try:
            await asyncio.wait_for(self._finish(), LAST)
        except TimeoutError:
            self._means.log.error("outcomes lost at the end: the store does not take them", count=gate.unsettled)
        self._ink.close()
        await asyncio.to_thread(self._close)

    async def _finish(self) -> None:
        """Letters being sealed come in, and go back at once; then every outcome is on disk."""
        if self._sealing:
            self._unsealed = asyncio.get_running_loop().create_future()
            await self._unsealed
        while self._settlement.open:  # a notice written now may be for nobody, and so an outcome itself
            await self._settlement.finish()

    def _close(self) -> None:
        for reading in (self._chores, self._reading, self._bodies):
            reading.close()

    async def settled(self) -> None:
        """Waits until every outcome told so far is on disk."""
        await self._settlement.finish()

    # what a person may ask

    def status(self) -> QueueStatus:
        """How it stands now."""
        gate = self._means.gate
        return QueueStatus(
            self._means.shard.number, gate.jobs, self._contents.used, self._sealing, gate.unsettled,
            len(self._resolving), len(self._board.lanes), gate.binds(),
        )  # fmt: skip

    def lanes(self) -> list[LaneStatus]:
        """Every lane in memory."""
        return [lane.status() for lane in self._board.lanes.values()]

    def lane(self, site: str) -> LaneStatus | None:
        """One lane, None when it is not in memory (nothing of it was tried for a while)."""
        lane = self._board.lanes.get(site)
        return None if lane is None else lane.status()

    # the journal's turn

    def _busy(self) -> bool:
        return self._sealing + self._means.gate.unsettled > BUSY or bool(self._means.gate.stalled)
