"""Accept and relay, hatoba against Debian's Postfix, interleaved: python bench/run.py [--sizes 1,10,100] [--rounds 5].

Load by Postfix's smtp-source (50 sessions, connections reused), out to smtp-sink, all on loopback, as root.
A rate counts only when, afterwards, the store is whole (integrity_check) and accepted = delivered + bounced + queued,
and for relay the sink counted the same; any difference fails the run. CPU is that of all processes of the server.
Prints a row for each size and kind: medians of rates, the median and range of paired ratios, CPU per letter.
relay-dkim: hatoba signs each letter with RSA-2048, beside plain Postfix and beside Postfix with OpenDKIM.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

from bench import authentic, hatoba_peer, postfix_peer
from tests.support import postfix


class Server(Protocol):
    """What both peers offer: a fresh server for one run."""

    port: int

    def cpu(self) -> float: ...
    def verify(self, accepted: int, delivered: int) -> str: ...


class Run(NamedTuple):
    rate: float  # letters per second
    cpu: float  # ms of CPU per letter, all processes of the server
    fault: str  # "" or why it does not count


def wait_for(sink: postfix.Sink, wanted: int, seconds: float) -> None:
    """Until the sink has counted that many letters; TimeoutError says how many it has."""
    deadline = time.monotonic() + seconds
    while sink.count() < wanted:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the sink counted {sink.count()} of {wanted}")
        time.sleep(0.005)


def once(kind: str, peer: str, size: int, count: int, workers: int, folder: Path, more: str = "") -> Run:
    """One run on a fresh server: warm up with a tenth, then measure. `more`: settings of hatoba."""
    kind, _, how = kind.partition("-")
    addresses: tuple[str, ...] = ("-f", authentic.SENDER, "-t", f"bob@{hatoba_peer.DOMAIN}")
    warm = max(100, count // 10)
    with ExitStack() as stack:
        fresh: Callable[[Path, int, bool, int], AbstractContextManager[Server]] = postfix_peer.start
        if how == "auth":
            scene = authentic.Scene(folder / "authentic")
            addresses = (*addresses, "-F", str(scene.letter(size)))
            size = 0
            if peer == "hatoba":
                fresh = partial(hatoba_peer.start, dns=stack.enter_context(scene.dns()).address)
            else:
                fresh = partial(postfix_peer.start, milter=stack.enter_context(scene.opendkim()))
        elif peer == "hatoba":
            signing = authentic.DOMAIN if how == "dkim" else ""
            fresh = partial(hatoba_peer.start, postgresql=how == "pg", signing=signing, more=more)
        elif peer == "opendkim":
            scene = authentic.Scene(folder / "authentic")
            fresh = partial(postfix_peer.start, milter=stack.enter_context(scene.opendkim(signing=True)))
        sink = stack.enter_context(postfix.Sink(folder / "sink.out"))
        server = stack.enter_context(fresh(folder, sink.port, kind == "accept", workers))
        postfix.source(server.port, warm, size, *addresses)
        if kind == "relay":
            wait_for(sink, warm, 60)
        before, started = server.cpu(), time.monotonic()
        postfix.source(server.port, count, size, *addresses)
        if kind == "relay":
            wait_for(sink, warm + count, 300)
        took = time.monotonic() - started
        used = server.cpu() - before
        total = warm + count
        fault = server.verify(total, sink.count())
        if kind == "relay" and sink.count() != total:
            fault = fault or f"the sink counted {sink.count()} of {total}"
    return Run(count / took, used / count * 1000, fault)


def measure(kind: str, size: int, options: argparse.Namespace, root: Path) -> dict[str, object]:
    """Interleaved rounds of both; the row that is printed."""
    peers = ["postfix", "hatoba"]
    if kind.endswith("-dkim") and Path(authentic.OPENDKIM).exists():
        peers.append("opendkim")
    runs: dict[str, list[Run]] = {peer: [] for peer in peers}
    count = max(500, int(options.letters * (10 / max(size, 10)) ** 0.5))
    for number in range(options.rounds):
        for peer in peers if number % 2 == 0 else reversed(peers):
            letters = count if peer == "hatoba" else max(500, count // 4)
            folder = Path(tempfile.mkdtemp(dir=root, prefix=f"{peer}-"))
            folder.chmod(0o755)
            run = once(kind, peer, size * 1024, letters, options.workers, folder)
            runs[peer].append(run)
            print(f"  {kind} {size} KB round {number + 1} {peer}: {run.rate:,.0f}/s {run.cpu:.3f} ms", file=sys.stderr)
            if run.fault:
                raise SystemExit(f"this rate does not count: {peer} {kind} {size} KB: {run.fault}")
    ratios = [ours.rate / theirs.rate for ours, theirs in zip(runs["hatoba"], runs["postfix"], strict=True)]
    middle = statistics.median
    beside: dict[str, object] = {}
    if "opendkim" in runs:
        beside = {
            "opendkim": round(middle(run.rate for run in runs["opendkim"])),
            "cpu_opendkim_ms": round(middle(run.cpu for run in runs["opendkim"]), 3),
        }
    return beside | {
        "kind": kind,
        "size_kb": size,
        "postfix": round(middle(run.rate for run in runs["postfix"])),
        "hatoba": round(middle(run.rate for run in runs["hatoba"])),
        "ratio": round(middle(ratios), 2),
        "ratios": [round(ratio, 2) for ratio in sorted(ratios)],
        "cpu_postfix_ms": round(middle(run.cpu for run in runs["postfix"]), 3),
        "cpu_hatoba_ms": round(middle(run.cpu for run in runs["hatoba"]), 3),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="hatoba against Postfix, interleaved")
    parser.add_argument("--sizes", default="1,10,100", help="KB, comma separated")
    parser.add_argument(
        "--kinds",
        default="accept,relay,relay-pg,accept-auth,relay-dkim",
        help="-pg: hatoba on PostgreSQL; -auth: SPF, DKIM, DMARC, Postfix with OpenDKIM; -dkim: each letter signed",
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--letters", type=int, default=20000, help="a hatoba run at 10 KB (Postfix: a quarter)")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    reason = postfix.available()
    if reason:
        raise SystemExit(f"the bench needs its peer: {reason}")
    rows = []
    with tempfile.TemporaryDirectory(prefix="hatoba-bench-", ignore_cleanup_errors=True) as root:
        Path(root).chmod(0o755)
        for kind in options.kinds.split(","):
            for size in (int(word) for word in options.sizes.split(",")):
                rows.append(measure(kind, size, options, Path(root)))
    if options.json:
        print(json.dumps(rows, indent=2))
        return 0
    print("| | size | Postfix /s | hatoba /s | ratio (paired: least to most) | CPU ms a letter: Postfix, hatoba |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        ratios = row["ratios"]
        assert isinstance(ratios, list)
        print(
            f"| {row['kind']} | {row['size_kb']} KB | {row['postfix']:,} | {row['hatoba']:,} "
            f"| {row['ratio']} × ({ratios[0]} to {ratios[-1]}) | {row['cpu_postfix_ms']}, {row['cpu_hatoba_ms']} |"
        )
        if "opendkim" in row:
            print(
                f"| {row['kind']}: Postfix with OpenDKIM | {row['size_kb']} KB | {row['opendkim']:,} | | | "
                f"{row['cpu_opendkim_ms']} |"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
