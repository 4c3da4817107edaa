"""Arithmetic of growth: from letters a day to nodes, shards, spool servers and disks; prints docs/scaling.md's table.

Run by hand: `python tools/scaling.py [--letters 100e6 …]`; every input has an option, the defaults are the page's.
Never measures: what was measured is in docs/performance.md, what is assumed is marked so in INPUTS.
Fails with a usage message on an input that is no positive number.
"""

import argparse
import math

DAY = 86_400
DAYS = (1e6, 10e6, 30e6, 100e6)  # letters a day: the page's columns
INPUTS: dict[str, tuple[float, str]] = {
    "size": (10_240, "octets of a letter"),
    "recipients": (1.2, "recipients of a letter, mean"),
    "peak": (5.0, "the busiest second against the mean"),
    "retention": (30.0, "days the journal is kept"),
    "queued": (0.02, "part of a day's letters that waits at a time (deferred or held)"),
    "cpu": (0.63, "ms of CPU a relayed letter of 10 KB: measured, docs/performance.md"),
    "dearer": (4.0, "times that for PostgreSQL's driver, TLS and signatures, which that figure lacks: assumed"),
    "cores": (16.0, "processors of a node"),
    "busy": (0.5, "part of a node's processors that the peak may use: the rest is for a node that died, and TLS"),
    "batch": (4.0, "letters a commit at load: assumed; 7 to 50 measured on files, but spread over more shards here"),
    "commits": (1_000.0, "commits a second that a spool server's disk syncs: assumed, ask pg_test_fsync"),
    "wal": (2.5, "WAL octets an octet of a letter, body written once, rows and indexes around it: assumed"),
    "row": (3_000.0, "WAL octets a recipient for its rows, events and their indexes: assumed"),
    "disk": (100e6, "WAL octets a second that a spool server's disk takes steadily: assumed"),
    "room": (4e12, "octets of a spool server's disk"),
    "events": (3.0, "journal rows a recipient: accepted, delivered, and one deferral in a while: assumed"),
    "event": (400.0, "octets of a journal row on disk: assumed"),
    "terms": (8.0, "search terms a recipient: assumed"),
    "term": (60.0, "octets of a search term with its index: assumed"),
}


def plan(letters: float, given: dict[str, float]) -> dict[str, float]:
    """What `letters` a day need; keys are the table's rows. Rates are a second, sizes octets."""
    g = given
    mean = letters / DAY
    peak = mean * g["peak"]
    wal = g["wal"] * g["size"] + g["row"] * g["recipients"]  # octets a letter
    commits = 2 * peak / g["batch"]  # taken in and settled: each rides with others
    processors = peak * g["cpu"] * g["dearer"] / 1000 * max(1.0, g["recipients"])
    nodes = math.ceil(processors / (g["cores"] * g["busy"]))
    nodes += nodes > 1 or letters >= 10e6  # one more than needed, so that one may die
    rows = letters * g["recipients"] * g["events"] * g["retention"]
    index = letters * g["recipients"] * g["terms"] * g["retention"] * g["term"]
    queue = letters * g["queued"] * g["size"]
    kept = 2 * (rows * g["event"] + index + queue)  # half of a disk stays free: vacuum, WAL, a copy at an upgrade
    spools = math.ceil(max(commits / g["commits"], peak * wal / g["disk"], kept / g["room"]))
    return {
        "letters a second, mean": mean,
        "letters a second, peak": peak,
        "processors at the peak": processors,
        "nodes": nodes,
        "shards": max(16, 2 ** math.ceil(math.log2(nodes * g["cores"]))) if nodes > 1 else g["cores"],
        "commits a second, peak": commits,
        "WAL a second, peak": peak * wal,
        "WAL a day": letters * wal,
        "spool servers": spools,
        "journal rows": rows,
        "journal": rows * g["event"],
        "search index": index,
        "queue": queue,
        "disk of each spool server": kept / spools,
    }


def shown(name: str, value: float) -> str:
    """A count with commas; octets in a unit of a thousand."""
    if name.startswith(("WAL", "journal", "search", "queue", "disk")) and name != "journal rows":
        for unit in ("B", "KB", "MB", "GB", "TB", "PB"):
            if value < 1000 or unit == "PB":
                return f"{value:.3g} {unit}"
            value /= 1000
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def table(given: dict[str, float], days: tuple[float, ...] = DAYS) -> str:
    """The table as Markdown."""
    plans = [plan(letters, given) for letters in days]
    head = "| letters a day | " + " | ".join(f"{letters:,.0f}" for letters in days) + " |"
    lines = [head, "|---" * (len(days) + 1) + "|"]
    for name in plans[0]:
        lines.append(f"| {name} | " + " | ".join(shown(name, one[name]) for one in plans) + " |")
    return "\n".join(lines)


def positive(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no positive number")
    return value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--letters", type=positive, action="append", help="a day; several times for several columns")
    for name, (default, meaning) in INPUTS.items():
        parser.add_argument(f"--{name}", type=positive, default=default, help=f"{meaning} ({default:g})")
    options = vars(parser.parse_args())
    print(table({name: options[name] for name in INPUTS}, tuple(options["letters"] or DAYS)))


if __name__ == "__main__":
    main()
