"""Stint: many histories one after another in one process, and a failure in words.

Called by `python -m tests.simulation`, once in each of its processes; the tests take the words.
Never prints.
Fails with nothing: failures are told in the Stint.
"""

import time
from collections import Counter

import msgspec
from tests.simulation import sim_history
from tests.simulation.sim_history import Told


def tell(told: Told, whole: int) -> str:
    """A failure for people: the promise, the deeds, the story, the command."""
    story = "\n".join(told.trace)
    kept = ",".join(map(str, told.kept))
    return (
        f"BROKEN {told.text}\nseed {told.seed}, {len(told.kept)} of {whole} deeds:\n{story}\n"
        f"again: PYTHONPATH=src python -m tests.simulation --seed {told.seed} --keep {kept}\n"
        f"whole: PYTHONPATH=src python -m tests.simulation --seed {told.seed}"
    )


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
