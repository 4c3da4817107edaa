"""Measures the store alone: CPU and time per letter through seal and settle, and the queue at a million rows.

Run by hand: `python bench/store.py [--busy 150] [--letters 20000]` and `python bench/store.py --million`.
Never part of the tests; writes to a temporary folder (or --data) and removes it.
Fails with a non-zero exit when the store, re-read at the end, does not hold what it must.
"""

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from hatoba import store
from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Letter, Recipient, Source
from hatoba.model.event import ACCEPTED, DELIVERED, Event
from hatoba.store import queue, rows, shard, spool, sqlite
from hatoba.store.settings import Settings
from hatoba.store.shard import Shard

NOW = 1_700_000_000_000


def letter(number: int, body: bytes) -> Letter:
    bob = Recipient(Address("bob", "receiver.example"))
    source = Source("mx", "192.0.2.1", 25, "client.example", "TLSv1.3 TLS_AES_256_GCM_SHA384")
    envelope = Envelope(Address("a", "sender.example"), (bob,))
    made = Letter(number, NOW, NOW + 432_000_000, envelope, source, len(body), body)
    made.message_id, made.header_from, made.subject = "<20240101.123456@client.example>", "a@sender.example", "Hello"
    return made


def seal(number: int, body: bytes) -> rows.Seal:
    site = "mx:mx1.receiver.example,mx2.receiver.example"
    row = rows.RecipientRow(number, 0, "bob@receiver.example", "receiver.example", site, rows.ACTIVE, 1, NOW)
    return rows.Seal(letter(number, body), [row], [Event(number, NOW, ACCEPTED, b'{"size":10240,"to":["bob"]}' * 8)])


def spin(microseconds: float) -> None:
    """What a protocol would do meanwhile, holding the interpreter's lock."""
    end = time.perf_counter() + microseconds / 1e6
    while time.perf_counter() < end:
        pass


class Load:
    """`sessions` clients: each seals a letter, waits, settles it without waiting, and begins again."""

    def __init__(self, opened: Shard, letters: int, body: bytes, busy: float, keep: bool) -> None:
        self.opened, self.letters, self.body, self.busy, self.keep = opened, letters, body, busy, keep
        self.next = 1 << 50
        self.last = self.next + letters
        self.waits: list[float] = []
        self.calls = 0.0
        self.settled: list[asyncio.Future[None]] = []

    async def session(self) -> None:
        writer = self.opened.writer
        while self.next < self.last:
            number, self.next = self.next, self.next + 1
            item = seal(number, self.body)
            begun = time.perf_counter()
            future = writer.seal(item)
            self.calls += time.perf_counter() - begun
            await future
            self.waits.append(time.perf_counter() - begun)
            spin(self.busy)
            if not self.keep:
                end = Event(number, NOW, DELIVERED, b'{"host":"mx1.receiver.example","reply":"250 ok"}' * 4)
                settle = rows.Settle(gone=(number,), events=(end,))
                begun = time.perf_counter()
                self.settled.append(writer.settle(settle))
                self.calls += time.perf_counter() - begun

    async def run(self, sessions: int) -> None:
        await asyncio.gather(*(self.session() for _ in range(sessions)))
        await asyncio.gather(*self.settled)


def writer_clock(opened: Shard) -> Callable[[], float]:
    clock = time.pthread_getcpuclockid(opened.writer.thread_id)
    return lambda: time.clock_gettime(clock)


def hot(data: Path, options: argparse.Namespace) -> None:
    """Letters through one shard; prints rates and costs, then re-reads the file."""
    sys.setswitchinterval(0.0005)
    settings = Settings(checkpoint=options.checkpoint << 20)
    store.prepare(data, 1, settings)
    body = os.urandom(options.size)
    opened = Shard.open(data, 0, settings)
    asyncio.run(Load(opened, 1000, body, 0, options.keep).run(options.sessions))
    load = Load(opened, options.letters, body, options.busy, options.keep)
    load.next, load.last = load.next + 10_000_000, load.last + 10_000_000
    clock, commits = writer_clock(opened), opened.writer.commits
    begun, cpu, whole = time.perf_counter(), clock(), time.process_time()
    asyncio.run(load.run(options.sessions))
    took, cpu, whole = time.perf_counter() - begun, clock() - cpu, time.process_time() - whole
    commits = opened.writer.commits - commits
    waits = sorted(load.waits)
    n = options.letters
    print(
        f"{n} letters of {options.size} octets, {options.sessions} sessions, {options.busy:.0f} µs of other work each:"
        f" {n / took:.0f} letters/s, {commits / took:.0f} commits/s, {n / commits:.1f} letters a commit"
    )
    print(
        f"  CPU µs a letter: writer {cpu / n * 1e6:.1f}, calls {load.calls / n * 1e6:.1f},"
        f" process {whole / n * 1e6:.1f}; ms to the commit: median {waits[n // 2] * 1e3:.1f},"
        f" p99 {waits[n * 99 // 100] * 1e3:.1f}, most {waits[-1] * 1e3:.1f}"
    )
    opened.close()
    reread(data, settings, (n + 1000) if options.keep else 0)


def reread(data: Path, settings: Settings, expected: int) -> None:
    path = shard.database(data, 0)
    with shard.reader(data, 0, settings) as reader:
        good = reader.rows("PRAGMA integrity_check")[0][0]
        held = spool.count(reader)
    print(f"  re-read: integrity {good}, {held} letters held, file {path.stat().st_size / 1e6:.1f} MB")
    if good != "ok" or held != expected:
        sys.exit(f"the store holds {held} letters instead of {expected}")


def timed(what: str, function: Callable[[], object], rounds: int = 3) -> None:
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        found = function()
        times.append(time.perf_counter() - begun)
    size = len(found) if isinstance(found, list | set) else found
    print(f"  {what:58} {min(times) * 1e3:9.2f} ms  ({size})")


def million(data: Path, options: argparse.Namespace) -> None:
    """A queue of `options.rows` recipients in 500 lanes, half of them in one: what each function costs then."""
    settings = Settings()
    store.prepare(data, 1, settings)
    begun = time.perf_counter()
    fill(data, options.rows, settings)
    size = shard.database(data, 0).stat().st_size / 1e6
    print(f"{options.rows} recipients, file {size:.0f} MB, filled in {time.perf_counter() - begun:.0f} s")
    begun = time.perf_counter()
    opened = Shard.open(data, 0, settings)
    print(f"  {'Shard.open':58} {(time.perf_counter() - begun) * 1e3:9.2f} ms")
    write = opened.write
    with opened.reader() as reader:
        timed("lanes_due", lambda: queue.lanes_due(reader, NOW + 10**9))
        timed("lanes_due when nothing is", lambda: queue.lanes_due(reader, 0))
        timed("due: 1000 rows of the large lane", lambda: queue.due(reader, "mx:big.example", NOW + 10**9, 1000))
        timed("due: 1000 rows, none due", lambda: queue.due(reader, "mx:big.example", 0, 1000))
        timed("counts", lambda: queue.counts(reader))
        timed("select by domain, first 100", lambda: queue.select(reader, rows.Filter(domain="d7.example"), 100))
        timed("select by recipient (the whole table)", lambda: queue.select(reader, rows.Filter(recipient="x@y"), 100))
        timed("select held", lambda: queue.select(reader, rows.Filter(state=rows.HELD), 100))
        found = queue.due(reader, "mx:big.example", NOW + 10**9, 1000)
        timed("spool.load_many of 1000", lambda: len(spool.load_many(reader, [row.letter for row in found])[0]))
    leases = [rows.Lease(row.letter, row.n, NOW + 10**9) for row in found]
    timed("lease 1000, with its commit", lambda: write(lambda tx: queue.lease(tx, leases)), 1)
    timed("recover 1000, with its commit", lambda: write(lambda tx: queue.recover(tx, NOW, 1000).ready), 1)
    opened.close()


def fill(data: Path, count: int, settings: Settings) -> None:
    connection = sqlite.connect(shard.database(data, 0), cache=1 << 28, log=1 << 28)
    connection.execute("PRAGMA synchronous=OFF")

    def letters() -> Iterator[tuple[object, ...]]:
        body = b"x" * 400
        for number in range(1, count + 1):
            yield spool.row(letter(number, body), body)

    def recipients() -> Iterator[tuple[object, ...]]:
        for number in range(1, count + 1):
            site = "mx:big.example" if number & 1 else f"mx:mx{number % 500}.example"
            state = rows.HELD if number % 100 == 0 else rows.READY
            row = (f"user{number}@d{number % 900}.example", f"d{number % 900}.example", site, state, 3, NOW + number)
            yield (number, 0, *row, (0, 0, 0, 5, -1)[number % 5], 0, b"{}", b'{"status":"4.4.1","reply":""}')

    with sqlite.transaction(connection):
        connection.executemany(spool.LETTERS.text(1), letters())
        connection.executemany(queue.RECIPIENTS.text(1), recipients())
    connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--letters", type=int, default=20_000)
    parser.add_argument("--size", type=int, default=10_240)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--busy", type=float, default=0, help="µs of other work on the event loop per letter")
    parser.add_argument("--keep", action="store_true", help="accept only: nothing is settled")
    parser.add_argument("--checkpoint", type=int, default=Settings().checkpoint >> 20, help="MiB of log")
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--data", type=Path, default=None)
    options = parser.parse_args()
    data = options.data or Path(tempfile.mkdtemp(prefix="hatoba-bench-"))
    try:
        (million if options.million else hot)(data, options)
    finally:
        if options.data is None:
            shutil.rmtree(data)


if __name__ == "__main__":
    main()
