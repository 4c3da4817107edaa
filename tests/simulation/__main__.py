"""Simulated histories from the command line: `python -m tests.simulation [--seed N] [--minutes M] [--first N]`.

With --seed one history is run, made small if it fails, and told; without, fresh seeds until the time is over.
Never stops at the first failure without its seed, its story and the command that runs it again.
Fails with exit status 1 when a promise was broken.
"""

import argparse
import os
import secrets
import sys
import time
from collections import Counter

from tests.simulation import sim_history
from tests.simulation.sim_history import Ground, Told


def tell(told: Told, whole: int) -> str:
    """A failure for people: the promise, the deeds, the story, the command."""
    story = "\n".join(told.trace)
    kept = ",".join(map(str, told.kept))
    return (
        f"BROKEN {told.text}\nseed {told.seed}, {len(told.kept)} of {whole} deeds:\n{story}\n"
        f"again: PYTHONPATH=src python -m tests.simulation --seed {told.seed} --keep {kept}\n"
        f"whole: PYTHONPATH=src python -m tests.simulation --seed {told.seed}"
    )


def _one(where: Ground, seed: int, keep: str | None, trace: bool) -> int:
    kept = None if keep is None else [int(n) for n in keep.split(",") if n]
    told = sim_history.run(where, seed, kept)
    if not told.law:
        print("\n".join(told.trace) if trace else "", f"seed {seed}: every promise kept; trace {told.digest}", sep="\n")
        return 0
    print(tell(told if kept is not None else sim_history.shrink(where, told), told.of))
    return 1


def _many(where: Ground, first: int, minutes: float, most: int) -> int:
    began, sums, failed = time.monotonic(), Counter[str](), 0
    seed = first
    while time.monotonic() - began < minutes * 60 and seed - first < most and failed < 3:
        told = sim_history.run(where, seed)
        sums.update(letters=told.letters, dials=told.dials, crashes=told.crashes, copies=told.copies)
        if told.law:
            failed += 1
            print(tell(sim_history.shrink(where, told), told.of), flush=True)
        seed += 1
    spent = time.monotonic() - began
    count = seed - first
    print(
        f"{count} histories from seed {first} in {spent:.0f} s ({count / spent * 60:.0f} a minute): "
        + ", ".join(f"{value} {name}" for name, value in sums.items())
        + f"; {failed} failed"
    )
    return 1 if failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seed", type=int, help="run this history alone")
    parser.add_argument("--keep", help="only these deeds of it, by number: 0,3,7")
    parser.add_argument("--trace", action="store_true", help="print the story even when all is well")
    parser.add_argument("--first", type=int, default=secrets.randbelow(1 << 31), help="the first of many seeds")
    parser.add_argument("--minutes", type=float, default=float(os.environ.get("HATOBA_SIM_MINUTES", "5")))
    parser.add_argument("--most", type=int, default=1 << 62, help="histories at most")
    given = parser.parse_args()
    with sim_history.ground() as where:
        if given.seed is not None:
            return _one(where, given.seed, given.keep, given.trace)
        return _many(where, given.first, given.minutes, given.most)


if __name__ == "__main__":
    sys.exit(main())
