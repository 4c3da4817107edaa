"""Search: how fast letters are found among a million events, and what the index costs the relay.

    .venv/bin/python -m bench.search [--rows 1000000] [--postgresql]      how long searches take
    .venv/bin/python -m bench.search --relay [--rounds 5] [--size 10]    rates: [journal] index off, on, kept near

The first fills one shard through the rooms' own forms (half a million letters of 30 days, each accepted and delivered),
indexes it, and asks; exit status 1 when a search by recipient takes 100 ms or more. The second is bench.run's relay
(as root, with Postfix's smtp-source and smtp-sink); exit status 1 when the rate with the index is below 0.8 of that
without. Interleaved, medians of paired ratios.
"""

import argparse
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import run as relay
from tests.support import pg

from hatoba import store
from hatoba.journal import forms, search
from hatoba.journal.search import Query
from hatoba.kit import ids
from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Letter, Recipient, Source
from hatoba.model.event import Event
from hatoba.model.outcome import DELIVERED, FAILED, Attempt, Job, Outcome
from hatoba.model.status import Status
from hatoba.store import base, blobs, chain, journal
from hatoba.store.settings import Database, Settings
from hatoba.store.shard import Shard

NOW = 1_795_000_000_000
SPREAD = 30 * 86_400_000  # ms
DOMAINS, PEOPLE, CLIENTS = 5_000, 200_000, 20_000
WORDS = ["invoice", "report", "weekly", "meeting", "order", "shipped", "welcome", "notice", "update", "reminder"]
JAPANESE = (
    "請求書",
    "見積",
    "会議",
    "配送",
    "確認",
    "重要",
    "更新",
    "契約",
    "予約",
    "東京",
    "大阪",
    "部長",
    "資料",
    "報告",
)
BATCH = 20_000  # events in a commit while it is filled
GOAL, LEAST = 0.1, 0.8  # seconds; ratio
VARIANTS = {
    "off": "[journal]\nindex = false\n",
    "on": "[journal]\nindex = true\n",
    "near": '[journal]\nindex = true\nlag = 1000\n',
}  # fmt: skip


def letters(count: int) -> Iterator[Event]:
    """The events of `count` letters, in the order of time."""
    chance = random.Random(1)  # the same letters each time
    numbers = ids.Numbers(0)
    for n in range(count):
        at = NOW - SPREAD + SPREAD * n // count
        to = f"user{chance.randrange(PEOPLE)}@d{int(chance.paretovariate(0.6)) % DOMAINS}.example"
        sender = f"sender{chance.randrange(2_000)}@s{chance.randrange(400)}.example"
        client = chance.randrange(CLIENTS)
        subject = f"{chance.choice(WORDS)} {n} {''.join(chance.choices(JAPANESE, k=4))} {chance.choice(WORDS)}"
        envelope = Envelope(Address.parse(sender), (Recipient(Address.parse(to)),))
        source = Source("mx", f"192.0.{client >> 8}.{client & 255}", 25, "client.example", "TLSv1.3")
        one = Letter(numbers.next(at), at, at, envelope, source, 10_240)
        one.message_id, one.header_from, one.subject = f"<{n}.{client}@client.example>", f"Sender <{sender}>", subject
        yield forms.accepted(one, ["mx:x.example"], at)
        outcome = Outcome(0, FAILED if n % 500 == 0 else DELIVERED, Status("2.0.0"), "250 2.0.0 Ok: queued as 4XyzAbc")
        yield from forms.settled(Job(one, (0,)), Attempt(at, at + 200, "mx:x.example", [outcome], "mx1.example"), {})


def fill(shard: Shard, count: int, tail: int) -> None:
    """The journal, its chain and its index, which lacks the last `tail` events."""
    begun, events = time.perf_counter(), list[Event]()
    for happened in letters(count):
        events.append(happened)
        if len(events) == BATCH:
            shard.write(lambda tx: journal.append(tx, events))  # noqa: B023  # it is done when write returns
            events = []
    shard.write(lambda tx: journal.append(tx, events))
    written = time.perf_counter()
    left = 2 * count - tail
    with shard.reader() as reader:
        while left > 0 and (made := search.read(reader, min(2000, left))):
            shard.write(lambda tx: search.write(tx, made))
            left -= made.count
        indexed = time.perf_counter()
        while links := chain.read(reader, NOW, 2000):
            shard.write(lambda tx: chain.write(tx, links))
    chained = time.perf_counter()
    print(
        f"{2 * count:,} events: written in {written - begun:.0f} s, indexed in {indexed - written:.0f} s"
        f" ({(indexed - written) / (2 * count - tail) * 1e6:.0f} µs an event), chained in {chained - indexed:.0f} s"
        f" ({(chained - indexed) / (2 * count) * 1e6:.1f} µs an event)"
    )


OTHERS: dict[str, Query] = {
    "a recipient nobody wrote to": Query(recipient="nobody@d1.example"),
    "a sender": Query(sender="sender7@s7.example"),
    "a recipient's domain": Query(recipient="d1.example"),
    "a word of the subject": Query(subject="invoice"),
    "two Japanese words": Query(subject="請求書 部長"),
    "a number in the subject": Query(subject="77777"),
    "a client in one day": Query(ip="192.0.7.7", since=NOW - SPREAD // 2, until=NOW - SPREAD // 2 + 86_400_000),
    "what failed in a domain": Query(recipient="d1.example", status="failed"),
    "what failed": Query(status="failed"),
    "the newest": Query(),
    "a free word": Query(words=("shipped",)),
}


def ask(shard: Shard, count: int) -> bool:
    """Each question three times on a fresh connection; whether the goal was met."""
    good = True
    one = next(letter for n, letter in enumerate(letters(count)) if n == 2 * (count // 3))  # some letter's acceptance
    form = forms.read(one)
    assert isinstance(form, forms.Accepted)
    asked = {"a recipient": Query(recipient=form.to[0]), "a Message-ID": Query(message_id=form.message_id), **OTHERS}
    print("| searched by | found (at most 50) | first | best of three |\n|---|---|---|---|")
    for name, query in asked.items():
        took, found = [], []
        with shard.reader() as reader:
            for _ in range(3):
                begun = time.perf_counter()
                found = search.hits(reader, query, 50)
                took.append(time.perf_counter() - begun)
        print(f"| {name} | {len(found)} | {took[0] * 1000:.1f} ms | {min(took) * 1000:.1f} ms |")
        good = good and not (query.recipient and took[0] >= GOAL) and bool(found or "nobody" in name)
    return good


def searches(options: argparse.Namespace) -> int:
    folder = Path(tempfile.mkdtemp(prefix="hatoba-bench-"))
    name = pg.database() if options.postgresql else ""
    database = Database(url=pg.url(name), shards=1) if name else Database()
    try:
        store.prepare(folder, 1, Settings(), database=database)
        home = base.of(folder, Settings(), database, blobs.Settings())
        with home.shard(0, "bench") as shard:
            fill(shard, options.rows // 2, options.tail)
            good = ask(shard, options.rows // 2)
        size = sum(path.stat().st_size for path in folder.rglob("*.db*"))
        print(f"{size / 1e6:.0f} MB on disk; {options.tail:,} events not indexed" if size else "")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if name:
            pg.drop(name)
    return 0 if good else 1


def relays(options: argparse.Namespace) -> int:
    """Rounds of all variants, each on a fresh server; whether the index costs no more than it may."""
    runs: dict[str, list[relay.Run]] = {name: [] for name in VARIANTS}
    with tempfile.TemporaryDirectory(prefix="hatoba-bench-", ignore_cleanup_errors=True) as root:
        Path(root).chmod(0o755)
        for number in range(options.rounds):
            order = list(VARIANTS) if number % 2 == 0 else list(VARIANTS)[::-1]
            for name in order:
                folder = Path(tempfile.mkdtemp(dir=root, prefix=f"{name}-"))
                folder.chmod(0o755)
                kind = "relay-pg" if options.postgresql else "relay"
                done = relay.once(
                    kind, "hatoba", options.size * 1024, options.letters, options.workers, folder, VARIANTS[name]
                )
                if done.fault:
                    raise SystemExit(f"this rate does not count: {name}: {done.fault}")
                runs[name].append(done)
                print(f"  round {number + 1} {name}: {done.rate:,.0f}/s {done.cpu:.3f} ms", file=sys.stderr)
    middle: Callable[[list[float]], float] = statistics.median
    print("| index | letters/s | ratio to off (paired) | CPU ms a letter |\n|---|---|---|---|")
    ratios = {}
    for name, done_runs in runs.items():
        paired = [one.rate / off.rate for one, off in zip(done_runs, runs["off"], strict=True)]
        ratios[name] = middle(paired)
        rate, cpu = middle([one.rate for one in done_runs]), middle([one.cpu for one in done_runs])
        print(f"| {name} | {rate:,.0f} | {ratios[name]:.2f} ({min(paired):.2f} to {max(paired):.2f}) | {cpu:.3f} |")
    return 0 if min(ratios.values()) >= LEAST else 1


def main() -> int:
    parser = argparse.ArgumentParser(description="search and its price")
    parser.add_argument("--rows", type=int, default=1_000_000, help="events in the journal")
    parser.add_argument("--tail", type=int, default=0, help="of them not indexed")
    parser.add_argument("--relay", action="store_true")
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--letters", type=int, default=20_000)
    parser.add_argument("--size", type=int, default=10, help="KB")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    return relays(options) if options.relay else searches(options)


if __name__ == "__main__":
    sys.exit(main())
