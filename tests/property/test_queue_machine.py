"""The queue as a state machine over a real store: whatever happens, every recipient accepted is in one place."""

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.support import pg
from tests.support.queue_seam import Harbour, says

from hatoba import store
from hatoba.delivery.site import Site
from hatoba.journal import forms
from hatoba.model.event import DROPPED, EXPIRED, FAILED, Event
from hatoba.model.outcome import DEFERRED, DELIVERED
from hatoba.model.outcome import FAILED as NO
from hatoba.model.status import Refusal, Status
from hatoba.queue.choice import Choice
from hatoba.store.rows import HELD
from hatoba.store.settings import Database

DOMAINS = ("a.example", "b.example", "local.example", "lost.example", "slow.example")
SITES = tuple(f"mx:{domain}" for domain in DOMAINS[:3])
ANSWERS = (
    says(DELIVERED),
    says(DEFERRED, reply="451 later"),
    says(NO, reply="550 no"),
    says(DEFERRED, "site", "refused"),
)
Place = tuple[int, int]  # (letter, n)


def _lost() -> Site:
    raise Refusal(Status("5.1.2", "No such domain"))


class QueueMachine(RuleBasedStateMachine):
    """`accepted` is what enqueue acknowledged; the store and the courier are asked what became of it."""

    prepared: ClassVar[Path | None] = None

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="hatoba-queue-"))
        self.loop = asyncio.new_event_loop()
        self.accepted: set[Place] = set()
        self.doubled = 0  # how often a delivery may have happened twice: those under way at a crash
        self.held: set[int] = set()
        self.h: Harbour

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    @initialize(
        depth=st.integers(1, 4),
        memory=st.sampled_from([1, 3, 1000]),
        budget=st.sampled_from([0, 60, 1 << 20]),
        unrouted=st.integers(1, 3),
    )
    def open(self, depth: int, memory: int, budget: int, unrouted: int) -> None:
        data, database = self.place()
        self.h = Harbour(
            data, database, lane_depth=depth, memory_jobs=memory, content_memory=budget, unrouted=unrouted, crashes=100
        )
        self.h.courier.paused = True
        self.h.courier.hands = 2
        self.h.courier.routes["lost.example"] = _lost
        self.h.courier.routes["slow.example"] = self._slow
        self.run(self.h.open())

    def place(self) -> tuple[Path, Database]:
        """An empty store."""
        if QueueMachine.prepared is None:
            QueueMachine.prepared = Path(tempfile.mkdtemp(prefix="hatoba-queue-")) / "data"
            store.prepare(QueueMachine.prepared, 1)
        return Path(shutil.copytree(QueueMachine.prepared, self.folder / "data")), Database()

    async def _slow(self) -> Site:
        await asyncio.sleep(0)
        return self.h.courier.site("a.example")

    def teardown(self) -> None:
        if hasattr(self, "h"):
            self.finish_everything()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        shutil.rmtree(self.folder)

    def finish_everything(self) -> None:
        """In the end, with peers that take all, nothing is left but what is held; then not even that."""

        async def end() -> None:
            self.h.courier.paused = False
            self.h.courier.hands = 1000
            self.h.courier.answer = says(DELIVERED)
            self.h.courier.answers.clear()
            await self.h.queue.admin.release(Choice(everything=True), "machine")
            for _ in range(400):
                self.h.courier.finish()
                await self.h.turn(3700)
                if not self.h.rows():
                    break
            assert self.h.rows() == []
            assert self.h.letters() == []
            status = self.h.queue.status()
            assert (status.jobs, status.contents, status.unsettled) == (0, 0, 0)
            assert len(self.h.queue._ledger) == 0
            await self.h.close()

        self.run(end())
        self.everyone_is_in_one_place()

    # what happens

    @rule(to=st.lists(st.sampled_from(DOMAINS), min_size=1, max_size=4), sender=st.booleans())
    def put(self, to: list[str], sender: bool) -> None:
        addresses = [f"u{i}@{domain}" for i, domain in enumerate(to)]
        letter = self.run(self.h.put(*addresses, sender="alice@a.example" if sender else None))
        self.accepted |= {(letter, n) for n in range(len(to))}

    @rule(site=st.sampled_from(SITES), answer=st.sampled_from(ANSWERS))
    def answer(self, site: str, answer: Any) -> None:
        self.h.courier.answers[site] = answer

    @rule()
    def peers_answer(self) -> None:
        async def finish() -> None:
            self.h.courier.finish()
            await self.h.quiet()

        self.run(finish())

    @rule()
    def connections_break(self) -> None:
        async def give_back() -> None:
            for channel in list(self.h.courier.channels.values()):
                channel.give_back()
            await self.h.quiet()

        self.run(give_back())

    @rule(seconds=st.sampled_from([0.0, 1.0, 61.0, 301.0, 4000.0, 100_000.0]))
    def time_passes(self, seconds: float) -> None:
        self.run(self.h.turn(seconds))

    @rule(site=st.sampled_from((*SITES, "")), verb=st.sampled_from(["hold", "release", "retry", "drop"]))
    def order(self, site: str, verb: str) -> None:
        choice = Choice(site=site) if site else Choice(everything=True)
        self.run(getattr(self.h.queue.admin, verb)(choice, "machine"))

    @rule()
    def crash(self) -> None:
        async def crash() -> None:
            await self.h.quiet()
            self.doubled += sum(len(job.indexes) for c in self.h.courier.channels.values() for job in c.busy)
            await self.h.crash()
            await self.h.open()

        self.run(crash())

    @rule()
    def restart(self) -> None:
        async def restart() -> None:
            await self.h.close()
            self.h.courier.channels.clear()
            await self.h.open()

        self.run(restart())

    @precondition(lambda self: hasattr(self, "h"))
    @rule()
    def the_disk_is_full_for_a_while(self) -> None:
        async def full() -> None:
            await self.h.quiet()

            def trap(_: int) -> None:
                raise OSError(28, "No space left on device")

            self.h.shard.writer.trap = trap
            self.h.courier.finish()
            await asyncio.sleep(0.01)
            self.h.shard.writer.trap = None
            await self.h.quiet()

        self.run(full())

    # what holds

    @invariant()
    def everyone_is_in_one_place(self) -> None:
        if not hasattr(self, "h"):
            return
        if not self.loop.is_closed() and self.h.shard.writer._closed is False:
            self.run(self.h.queue.settled())
        waiting = Counter((row[0], row[1]) for row in self.h.rows())
        delivered = Counter(self.h.courier.delivered)
        ended = self._ended()
        for place in self.accepted:
            places = waiting[place] + (delivered[place] > 0) + ended[place]
            assert places >= 1, f"{place} is lost"
            if delivered[place] <= 1 and not self.doubled:
                assert places == 1, f"{place} is in {places} places"
        assert sum(count - 1 for count in delivered.values() if count > 1) <= self.doubled
        assert set(self.h.letters()) == {row[0] for row in self.h.rows()}

    @invariant()
    def what_is_held_is_at_no_peer(self) -> None:
        if not hasattr(self, "h"):
            return
        busy = {(j.letter.id, n) for c in self.h.courier.channels.values() for j in c.busy for n in j.indexes}
        assert not busy & {(row[0], row[1]) for row in self.h.rows() if row[3] == HELD}

    def _ended(self) -> Counter[Place]:
        ended: Counter[Place] = Counter()
        with self.h.shard.reader() as reader:
            found = reader.rows("SELECT letter, at, kind, data FROM event")
        for letter, at, kind, data in found:
            form = forms.read(Event(letter, at, kind, data))
            if kind in (FAILED, EXPIRED):
                ended.update((letter, result.n) for result in msgspec.structs.asdict(form)["results"])
            elif kind == DROPPED:
                ended.update((letter, n) for n in msgspec.structs.asdict(form)["n"])
        return ended


TestQueueMachine = QueueMachine.TestCase
TestQueueMachine.settings = settings(
    max_examples=15, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)


class PostgresMachine(QueueMachine):
    """The same on a server: leases, fenced commits, arrays."""

    template: ClassVar[str] = ""

    def place(self) -> tuple[Path, Database]:
        if not PostgresMachine.template:
            name = pg.database()
            folder = Path(tempfile.mkdtemp(prefix="hatoba-queue-"))
            store.prepare(folder, 1, database=Database(url=pg.url(name), shards=1))
            PostgresMachine.template = name
        (self.folder / "data").mkdir()
        self.name = pg.database(PostgresMachine.template)
        return self.folder / "data", Database(url=pg.url(self.name), shards=1)

    def teardown(self) -> None:
        super().teardown()
        if hasattr(self, "name"):
            pg.drop(self.name)


TestPostgresMachine = PostgresMachine.TestCase
TestPostgresMachine.settings = settings(TestQueueMachine.settings, max_examples=8)
