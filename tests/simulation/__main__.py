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

import msgspec
from tests.simulation import sim_history
from tests.simulation.sim_history import Ground, Told
from tests.simulation.sim_mutants import SCENES

APART = 1 << 24  # seeds between the first ones of two processes


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


class Stint(msgspec.Struct):
    """What one process did: how many histories, what happened in them, the failures in words."""

    count: int = 0
    sums: dict[str, int] = {}
    failures: list[str] = []


def stint(first: int, minutes: float, most: int) -> Stint:
    """Histories from seed `first` on, until the time is over or there are `most`; three failures end it early."""
    until, done, sums = time.monotonic() + minutes * 60, Stint(), Counter[str]()
    with sim_history.ground() as where:
        while time.monotonic() < until and done.count < most and len(done.failures) < 3:
            told = sim_history.run(where, first + done.count)
            done.count += 1
            sums.update(letters=told.letters, dials=told.dials, crashes=told.crashes, copies=told.copies)
            if told.law:
                done.failures.append(tell(sim_history.shrink(where, told), told.of))
    done.sums = dict(sums)
    return done


def _many(first: int, minutes: float, most: int, jobs: int) -> int:
    began = time.monotonic()
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(jobs, mp_context=context) as pool:
        asked = [pool.submit(stint, first + n * APART, minutes, -(-most // jobs)) for n in range(jobs)]
        done = [one.result() for one in asked]
    for failure in (failure for one in done for failure in one.failures):
        print(failure)
    spent, count = time.monotonic() - began, sum(one.count for one in done)
    sums = sum((Counter(one.sums) for one in done), Counter[str]())
    failed = sum(len(one.failures) for one in done)
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
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes that share the work")
    parser.add_argument("--mutant", choices=sorted(SCENES), help="with a mistake made on purpose")
    given = parser.parse_args()
    if given.seed is None:
        return _many(given.first, given.minutes, given.most, given.jobs)
    with SCENES[given.mutant]() if given.mutant else contextlib.nullcontext(), sim_history.ground() as where:
        return _one(where, given.seed, given.keep, given.trace)


if __name__ == "__main__":
    sys.exit(main())
