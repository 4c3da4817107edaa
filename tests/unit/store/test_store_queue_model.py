"""The queue against a dictionary: any order of seals, leases, settlements, holds and restarts leaves them equal."""

import asyncio
import atexit
import shutil
import tempfile
from pathlib import Path

import hypothesis.strategies as st
import msgspec
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from hatoba import store
from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Letter, Recipient, Source
from hatoba.store import queue, rows, spool
from hatoba.store.rows import ACTIVE, HELD, QUARANTINED, READY
from hatoba.store.settings import Settings
from hatoba.store.shard import Shard
from hatoba.store.sql import Tx

SITES = st.sampled_from(["a", "b"])
PRIORITIES = st.integers(-1, 1)


TEMPLATE = Path(tempfile.mkdtemp())  # prepared once for all examples
atexit.register(shutil.rmtree, TEMPLATE)
store.prepare(TEMPLATE, 1)


class Queue(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        shutil.copytree(TEMPLATE, self.folder, dirs_exist_ok=True)
        self.runner = asyncio.Runner()
        self.opened = Shard.open(self.folder, 0, Settings())
        self.known: dict[tuple[int, int], rows.RecipientRow] = {}
        self.next = 1

    def teardown(self) -> None:
        self.opened.close()
        self.runner.close()
        shutil.rmtree(self.folder)

    @rule(batch=st.lists(st.tuples(SITES, PRIORITIES, st.integers(0, 9), st.integers(1, 3)), min_size=1, max_size=5))
    def seal(self, batch: list[tuple[str, int, int, int]]) -> None:
        seals = []
        for site, priority, next_at, count in batch:
            number, self.next = self.next, self.next + 1
            envelope = Envelope(None, tuple(Recipient(Address(str(n), "d")) for n in range(count)))
            made = [
                rows.RecipientRow(number, n, f"{n}@d", "d", site, (READY, ACTIVE)[n % 2], 0, next_at, priority)
                for n in range(count)
            ]
            seals.append(rows.Seal(Letter(number, 1, 2, envelope, Source("mx"), 1, b"x"), made, []))
            self.known |= {(number, row.n): row for row in made}

        async def together() -> None:
            await asyncio.gather(*(self.opened.writer.seal(seal) for seal in seals))

        self.runner.run(together())

    @rule(site=SITES, now=st.integers(0, 9), limit=st.integers(1, 4))
    def lease(self, site: str, now: int, limit: int) -> None:
        ready = [row for row in self.known.values() if row.state == READY and row.site == site and row.next_at <= now]
        ready.sort(key=lambda row: (-row.priority, row.next_at, row.letter, row.n))

        def take(tx: Tx) -> set[tuple[int, int]]:
            found = queue.due(tx, site, now, limit)
            assert [(row.letter, row.n) for row in found] == [(row.letter, row.n) for row in ready[:limit]]
            return queue.lease(tx, [rows.Lease(row.letter, row.n, now + 3) for row in found])

        for key in self.opened.write(take):
            row = self.known[key]
            row.state, row.attempts, row.next_at = ACTIVE, row.attempts + 1, now + 3

    @rule(site=SITES, limit=st.integers(1, 3), drop=st.booleans())
    def settle(self, site: str, limit: int, drop: bool) -> None:
        active = [key for key, row in self.known.items() if row.state == ACTIVE and row.site == site][:limit]
        gone = sorted({key[0] for key in active}) if drop else []
        updates = []
        for key in [] if drop else active[1:]:
            row = self.known[key]
            row.state, row.next_at, row.last = READY, row.next_at + 1, b"later"
            known = msgspec.structs.asdict(row)
            updates.append(
                rows.RecipientUpdate(**{name: known[name] for name in rows.RecipientUpdate.__struct_fields__})
            )
        keys = [] if drop else active[:1]
        self.known = {key: row for key, row in self.known.items() if key not in keys and key[0] not in gone}

        async def once() -> None:
            await self.opened.writer.settle(rows.Settle(gone, keys, updates))

        self.runner.run(once())

    @rule(state=st.sampled_from([READY, HELD]), site=SITES, to=st.sampled_from([READY, HELD]))
    def move(self, state: int, site: str, to: int) -> None:
        if state != to:
            moved = self.opened.write(lambda tx: queue.move(tx, site, state, to, None, 1000))
            assert moved == sorted(key for key, row in self.known.items() if (row.state, row.site) == (state, site))
            for key in moved:
                self.known[key].state = to

    @rule()
    def restart(self) -> None:
        self.opened.close()
        self.opened = Shard.open(self.folder, 0, Settings())
        self.opened.write(lambda tx: queue.recover(tx, 5, 3))
        for row in self.known.values():
            if row.state == ACTIVE:
                row.crashes += 1
                row.next_at = 5
                row.state = QUARANTINED if row.crashes >= 3 else READY

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "opened"):
            return
        with self.opened.reader() as reader:
            found = {(one.row.letter, one.row.n): one.row for one in queue.select(reader, rows.Filter(), 10_000)}
            assert found == self.known
            assert set(spool.load_many(reader, range(self.next))[0]) >= {key[0] for key in self.known}
            for count in queue.counts(reader):
                same = [row for row in self.known.values() if (row.site, row.state) == (count.site, count.state)]
                assert len(same) == count.count


TestQueue = Queue.TestCase
TestQueue.settings = settings(
    max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
