"""Mailboxes against Debian's Dovecot: delivery, APPEND, FETCH, SEARCH, logins, POP3, IDLE; hatoba and both its formats.

    python -m bench.mailboxes [--rounds 3] [--meters lmtp,append] [--large 20000] [--json]

Each round starts fresh servers, in turn, on the same machine; the table has medians and, beside them, how many times
better hatoba is (above 1) than each format. A figure whose letters or hits are not all there stops the bench.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

from bench import mail_meters, mail_peers
from bench.mail_meters import METERS, Scale, Seen
from tests.support import dovecot

Runs = dict[str, dict[str, list[Seen]]]  # what was measured → peer → its figures


def measure(peer: str, meters: list[str], scale: Scale, workers: int, more: str) -> list[Seen]:
    """One fresh server for each meter: none finds the letters of another."""
    found: list[Seen] = []
    for name in meters:
        with (
            tempfile.TemporaryDirectory(prefix="hatoba-mailbench-", ignore_cleanup_errors=True) as root,
            mail_peers.started(peer, Path(root) / "node", workers, more) as server,
        ):
            for seen in METERS[name](server, scale):
                print(f"  {peer}: {seen.what}: {shown(seen.value)} {seen.unit}", file=sys.stderr, flush=True)
                found.append(seen)
    return found


def shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}"


def better(unit: str, ours: float, theirs: float) -> float:
    """How many times better ours is."""
    return ours / theirs if unit == "/s" else theirs / max(ours, 1e-9)


def rows(runs: Runs, peers: list[str]) -> list[dict[str, object]]:
    """The table as values."""
    made = []
    for what, by_peer in runs.items():
        unit = next(iter(by_peer.values()))[0].unit
        middle = {peer: statistics.median(seen.value for seen in by_peer[peer]) for peer in peers if peer in by_peer}
        row: dict[str, object] = {"what": what, "unit": unit} | {peer: round(v, 2) for peer, v in middle.items()}
        for peer in peers:
            if peer != "hatoba" and "hatoba" in middle and peer in middle:
                row[f"times {peer}"] = round(better(unit, middle["hatoba"], middle[peer]), 2)
        row["cpu"] = {peer: round(statistics.median(s.cpu for s in by_peer[peer]), 3) for peer in middle}
        made.append(row)
    return made


def table(made: list[dict[str, object]], peers: list[str]) -> str:
    others = [peer for peer in peers if peer != "hatoba"]
    head = ["", *peers, *(f"times {peer}" for peer in others), "CPU ms: " + ", ".join(peers)]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in made:
        values = [f"{shown(float(str(row[peer])))} {row['unit']}" if peer in row else "" for peer in peers]
        ratios = [f"{row.get(f'times {peer}', '')} ×" for peer in others]
        spent = row["cpu"]
        assert isinstance(spent, dict)
        cells = [str(row["what"]), *values, *ratios, ", ".join(str(spent.get(peer, "")) for peer in peers)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description="hatoba's mailboxes against Dovecot's, interleaved")
    parser.add_argument("--meters", default=",".join(METERS), help=", ".join(METERS))
    parser.add_argument("--peers", default=",".join(mail_peers.PEERS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--more", default="", help="settings of hatoba besides, TOML")
    for name, default in Scale()._asdict().items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    meters, peers = options.meters.split(","), options.peers.split(",")
    if (reason := dovecot.available()) and set(peers) != {"hatoba"}:
        raise SystemExit(f"the bench needs its peer: {reason}")
    scale = Scale(**{name: getattr(options, name) for name in Scale._fields})
    runs: Runs = {}
    for number in range(options.rounds):
        for meter in meters:
            for peer in peers if number % 2 == 0 else reversed(peers):
                try:
                    for seen in measure(peer, [meter], scale, options.workers, options.more):
                        runs.setdefault(seen.what, {}).setdefault(peer, []).append(seen)
                except mail_meters.Unfit as error:
                    raise SystemExit(f"this figure does not count: {error}") from None
    made = rows(runs, peers)
    print(json.dumps(made, indent=2) if options.json else table(made, peers))
    return 0


if __name__ == "__main__":
    sys.exit(main())
