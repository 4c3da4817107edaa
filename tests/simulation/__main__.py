"""Simulated histories from the command line: `python -m tests.simulation [--seed N | --minutes M]`.

With --seed one history is run, made small if it fails, and told; without, fresh seeds until the time is over.
Never stops at the first failure without its seed, its story and the command that runs it again.
Fails with exit status 1 when a promise was broken.
"""

import argparse
import concurrent.futures
import contextlib
import multiprocessing
import os
import secrets
import sys
import time
from collections import Counter

from tests.simulation import sim_history, sim_stint
from tests.simulation.sim_history import Ground
from tests.simulation.sim_mutants import SCENES

APART = 1 << 24  # seeds between the first ones of two processes


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _one(where: Ground, seed: int, keep: str | None, trace: bool) -> int:
    kept = None if keep is None else [int(n) for n in keep.split(",") if n]
    told = sim_history.run(where, seed, kept)
    if not told.law:
        story = told.trace if trace else []
        say("\n".join([*story, f"seed {seed}: every promise kept; trace {told.digest}"]))
        return 0
    say(sim_stint.tell(told if kept is not None else sim_history.shrink(where, told), told.of))
    return 1


def _many(first: int, minutes: float, most: int, jobs: int) -> int:
    began = time.monotonic()
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(jobs, mp_context=context) as pool:
        asked = [pool.submit(sim_stint.stint, first + n * APART, minutes, -(-most // jobs)) for n in range(jobs)]
        done = [one.result() for one in asked]
    for failure in (failure for one in done for failure in one.failures):
        say(failure)
    spent, count = time.monotonic() - began, sum(one.count for one in done)
    sums = sum((Counter(one.sums) for one in done), Counter[str]())
    failed = sum(len(one.failures) for one in done)
    say(
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
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes that share the work")
    parser.add_argument("--mutant", choices=sorted(SCENES), help="with a mistake made on purpose")
    given = parser.parse_args()
    if given.seed is None:
        return _many(given.first, given.minutes, given.most, given.jobs)
    with SCENES[given.mutant]() if given.mutant else contextlib.nullcontext(), sim_history.ground() as where:
        return _one(where, given.seed, given.keep, given.trace)


if __name__ == "__main__":
    sys.exit(main())
