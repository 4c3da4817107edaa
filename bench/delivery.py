"""Delivery alone: one channel, a feed of letters in memory, Postfix's smtp-sink as the other side.

Run as root by hand: `.venv/bin/python bench/delivery.py [--letters 20000] [--size 10240] [--profile]`.
Never touches a store or a queue: what it prints is the cost of this room (with engine, pump and loop), no more.
Fails when the sink's program is missing or a letter was not delivered.
"""

import argparse
import asyncio
import cProfile
import pstats
import resource
import socket
import subprocess
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hatoba.delivery import courier as couriers
from hatoba.delivery import maildirs, settings
from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Letter, Recipient, Source
from hatoba.model.outcome import Attempt, Job
from hatoba.net import dns

SINK = "/usr/sbin/smtp-sink"
PORT = 2599


class Feed:
    """`letters` jobs, all due."""

    def __init__(self, jobs: list[Job]) -> None:
        self.jobs = deque(jobs)
        self.want = len(jobs)
        self.delivered = 0
        self.other: list[Attempt] = []
        self.over = asyncio.get_running_loop().create_future()

    def take(self) -> Job | None:
        return self.jobs.popleft() if self.jobs else None

    def done(self, job: Job, attempt: Attempt) -> None:
        if attempt.outcomes[0].kind == "delivered":
            self.delivered += 1
        else:
            self.other.append(attempt)
        if self.delivered + len(self.other) == self.want:
            self.over.set_result(None)

    def split(self, job: Job, parts: Sequence[Sequence[int]]) -> list[Job]:
        raise NotImplementedError("every letter has one recipient")

    def give_back(self, job: Job) -> None:
        self.jobs.appendleft(job)


class Log:
    def info(self, event: str, /, **fields: Any) -> None: ...
    def warning(self, event: str, /, **fields: Any) -> None: ...

    def error(self, event: str, /, **fields: Any) -> None:
        print(event, fields)


class Nobody:
    """A directory without domains."""

    def domain(self, name: str) -> None: ...
    def account(self, address: Address) -> None: ...

    def home(self, hostname: str) -> str:
        return ""


def jobs(count: int, size: int) -> list[Job]:
    head = b"Received: from a by b with ESMTP id 1; Tue, 24 Nov 2026 06:00:00 +0000\r\nSubject: bench\r\n\r\n"
    line = b"x" * 70 + b"\r\n"
    content = head + line * max(1, (size - len(head)) // len(line))
    out = []
    for n in range(count):
        sender, to = Address(f"sender{n}", "example.com"), Address(f"user{n}", "example.org")
        letter = Letter(n, 0, 1 << 60, Envelope(sender, (Recipient(to),)), Source("mx"), len(content), content=content)
        out.append(Job(letter, (0,)))
    return out


async def measure(count: int, size: int, connections: int, profile: bool) -> tuple[float, float, float]:
    limits = settings.Limits(connections=connections, start=connections, letters=1_000_000)
    table = [settings.Route(match="*", via="smarthost", host="127.0.0.1", port=PORT, tls="none")]
    nowhere = maildirs.Maildirs(Path("/nonexistent"), lambda letter: (), hostname="bench.example", threads=1, log=Log())
    desk = couriers.Courier(
        settings.Settings(limits=limits), table, dns.Resolver(dns.Settings(servers=("127.0.0.1:9",))), Nobody(),
        hostname="bench.example", keep=nowhere,
        chunks=lambda letter: (), log=Log(),
    )  # fmt: skip
    site = desk.route(Address("user", "example.org"))
    assert not asyncio.isfuture(site)
    feed = Feed(jobs(count, size))
    channel = desk.channel(site, feed)  # type: ignore[arg-type] # a fixed route is known at once
    profiler = cProfile.Profile() if profile else None
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    if profiler:
        profiler.enable()
    channel.wake()
    await feed.over
    if profiler:
        profiler.disable()
        pstats.Stats(profiler).sort_stats("tottime").print_stats(28)
    spent, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    assert not feed.other, feed.other[0]
    await desk.close()
    user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    return count / spent, user / count * 1e6, system / count * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--letters", type=int, default=20_000)
    parser.add_argument("--size", type=int, default=10_240)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--asyncio", action="store_true", help="the plain event loop instead of uvloop")
    options = parser.parse_args()
    sink = subprocess.Popen([SINK, "-u", "postfix", "-c", f"127.0.0.1:{PORT}", "100"], stdout=subprocess.DEVNULL)
    try:
        _await_port()
        run = asyncio.run
        if not options.asyncio:
            import uvloop

            run = uvloop.run
        results = [
            run(measure(options.letters, options.size, options.connections, options.profile))
            for _ in range(options.rounds)
        ]
        for rate, user, system in results:
            print(f"{rate:8.0f} letters/s {user:7.1f} us user {system:7.1f} us system a letter")
        print(f"best: {max(r[0] for r in results):.0f} letters/s, {min(r[1] for r in results):.1f} us user")
    finally:
        sink.terminate()
        sink.wait()


def _await_port() -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", PORT)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit("smtp-sink did not start")


if __name__ == "__main__":
    main()
