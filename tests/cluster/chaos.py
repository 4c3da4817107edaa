"""`make chaos`: nodes on one PostgreSQL database under load, killed at random; what became of every letter, in numbers.

python -m tests.cluster.chaos [--nodes 3] [--letters 20000] [--minutes 10] [--seed N]. Exit status 1 when a letter is
lost or more came twice than were in flight at the kills. The tests run a short form.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import msgspec
from tests.support.cluster import Cluster
from tests.support.collector import Collector
from tests.support.load import Load

from hatoba.kit import ids

DOWN = (1.0, 8.0)  # seconds a killed node stays away
BETWEEN = (3.0, 9.0)  # seconds between two kills


class Toll(msgspec.Struct):
    """What became of the letters. `bound`: in flight at the kills, which alone may come twice."""

    accepted: int
    delivered: int
    bounced: int
    queued: int
    lost: int
    twice: int
    bound: int
    kills: int
    takeover: float  # seconds from the longest kill to the last of its shards at work again
    seconds: float

    def __str__(self) -> str:
        return (
            f"accepted {self.accepted}, delivered {self.delivered}, bounced {self.bounced}, queued {self.queued}, "
            f"lost {self.lost}, twice {self.twice} (bound {self.bound}); {self.kills} nodes killed, "
            f"longest takeover {self.takeover:.1f} s, in {self.seconds:.0f} s"
        )


def in_flight(cluster: Cluster, collector: Collector) -> int:
    """Letters the next hop has and whose end the database does not know."""
    return len({ids.text(number) for number in cluster.audit().queued} & collector.ids())


def run(
    folder: Path,
    nodes: int,
    letters: int,
    seconds: float,
    chance: random.Random,
    say: Callable[[str], None],
    *,
    between: tuple[float, float] = BETWEEN,
    down: tuple[float, float] = DOWN,
) -> Toll:
    """Sends `letters` through `nodes` nodes and kills one after the other until all are in, then waits for the end."""
    began = time.monotonic()
    kills, bound, takeover = 0, 0, 0.0
    with Collector() as collector, Cluster(folder, nodes, collector.port, lease=3.0) as cluster, ExitStack() as stack:
        cluster.start()
        say(f"{nodes} nodes up")
        recipients = [*["bob@sink.test"] * 9, "refused@sink.test"]
        loads = [stack.enter_context(Load(node.ports["mx"], *recipients, most=letters // nodes)) for node in cluster.at]
        total = letters // nodes * nodes
        strike = time.monotonic() + chance.uniform(*between)
        while sum(load.count() for load in loads) < total and time.monotonic() - began < seconds * 0.7:
            time.sleep(0.05)
            if time.monotonic() < strike:
                continue
            victim = chance.randrange(nodes)
            name = cluster.named(victim)
            cluster.at[victim].kill()
            kills, at = kills + 1, time.monotonic()
            bound += in_flight(cluster, collector)
            wake = at + chance.uniform(*down)
            free = wait(partial(gone, cluster, name), wake - time.monotonic())
            takeover = max(takeover, free)
            time.sleep(max(0.0, wake - time.monotonic()))
            cluster.at[victim].start(60)
            say(f"kill {kills}: {name}, {sum(load.count() for load in loads)} accepted, {len(collector.ids())} there")
            strike = time.monotonic() + chance.uniform(*between)
        for load in loads:
            load.stop()
        say("load over; waiting for the queue to run empty")
        wait(lambda: release(cluster), max(30.0, began + seconds - time.monotonic()))
        for node in cluster.at:
            node.end()
        audit = cluster.audit()
        acknowledged = set().union(*(load.acknowledged for load in loads))
        known = collector.ids() | {ids.text(number) for number in audit.queued | audit.ended}
        lost = len(acknowledged - known) + len(audit.lost) + len(audit.faults)
        ours = {ids.number(name) for name in acknowledged}
        delivered, bounced = (ours & audit.said.get(kind, set()) for kind in ("delivered", "failed"))
        return Toll(
            len(acknowledged), len(delivered), len(bounced), len(audit.queued), lost, collector.repeats(), bound,
            kills, takeover, time.monotonic() - began,
        )  # fmt: skip


def wait(done: Callable[[], bool], seconds: float) -> float:
    """Seconds until it was done, at most `seconds`."""
    began = time.monotonic()
    while not done() and time.monotonic() - began < seconds:
        time.sleep(0.2)
    return time.monotonic() - began


def gone(cluster: Cluster, name: str) -> bool:
    """Whether no shard is the node's any more."""
    return name not in cluster.owners().values()


def release(cluster: Cluster) -> bool:
    """Whether nothing waits any more; what met too many kills is let out of quarantine."""
    left = cluster.audit().queued
    if not left:
        return True
    node = cluster.at[0]
    if any(row["quarantined"] for one in cluster.at for row in one.json("queue", "summary")):
        for one in cluster.at:
            one.cli("queue", "release", "--all")
    return node.process is None


def main() -> int:
    parser = argparse.ArgumentParser(description="nodes killed at random under load")
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--letters", type=int, default=20_000)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    seed = options.seed or random.randrange(1 << 30)
    began = time.monotonic()

    def say(text: str) -> None:
        sys.stderr.write(f"  {time.monotonic() - began:6.1f} s  {text}\n")

    say(f"--seed {seed}")
    with tempfile.TemporaryDirectory(prefix="hatoba-chaos-") as root:
        toll = run(Path(root), options.nodes, options.letters, options.minutes * 60, random.Random(seed), say)
    sys.stdout.write(f"{toll}\n")
    return 1 if toll.lost or toll.twice > toll.bound else 0


if __name__ == "__main__":
    sys.exit(main())
