"""History: one seed from beginning to end: setup, plan, deeds, healing, verdict; and a failure made small.

Called by the tests and by `python -m tests.simulation`.
Never reads a clock or draws chance but from the seed: the same seed gives the same trace, byte by byte.
Fails with nothing: a broken promise is in the Told.
"""

import contextlib
import hashlib
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import msgspec
import structlog
from tests.simulation import sim_deeds, sim_verdict
from tests.simulation.sim_process import setup
from tests.simulation.sim_world import Broken, World

from hatoba import store

LENGTHS = (6, 12, 25)
SHRINKS = 300  # histories run at most to make one failure small


class Told(msgspec.Struct):
    """What became of a history. `law` is the promise that was broken, "" for none."""

    seed: int
    law: str
    text: str
    trace: list[str]
    kept: list[int]  # numbers of the deeds done
    of: int  # deeds planned
    letters: int = 0
    dials: int = 0
    crashes: int = 0
    copies: int = 0  # deliveries beyond the first: only where an outcome was lost in a crash or behind the dot

    @property
    def digest(self) -> str:
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()


class Ground:
    """A folder in memory where there is one, with a prepared shard to copy."""

    def __init__(self) -> None:
        memory = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(prefix="hatoba-sim-", dir=memory if os.access(memory, os.W_OK) else None))
        store.prepare(self.folder / "prepared", 1)
        self._count = 0

    def fresh(self) -> Path:
        self._count += 1
        return Path(shutil.copytree(self.folder / "prepared", self.folder / f"{self._count}"))

    def close(self) -> None:
        shutil.rmtree(self.folder)


@contextlib.contextmanager
def ground() -> Iterator[Ground]:
    made = Ground()
    try:
        yield made
    finally:
        made.close()


def run(where: Ground, seed: int, kept: Sequence[int] | None = None) -> Told:
    """The history of a seed, or what is left of it when only the deeds numbered in `kept` are done."""
    draw = Random(f"{seed}/plan")
    drawn = setup(draw)
    deeds = sim_deeds.plan(draw, draw.choice(LENGTHS))
    chosen = list(range(len(deeds))) if kept is None else [n for n in kept if n < len(deeds)]
    world = World(seed, drawn, where.fresh())
    before = structlog.get_config()
    structlog.configure(processors=[world.log], cache_logger_on_first_use=False)
    told = Told(seed, "", "", world.trace, chosen, len(deeds))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            _live(world, [deeds[n] for n in chosen])
    except Broken as broken:
        told.law, told.text = broken.law, str(broken)
    finally:
        structlog.configure(**before)
        _leave(world)
    told.letters = len(world.sent)
    told.dials, told.crashes = world.hosts.count, world.crashes
    told.copies = sum(max(sum(one.taken for one in dials) - 1, 0) for dials in world.hosts.dials.values())
    return told


def _live(world: World, deeds: Sequence[sim_deeds.Deed]) -> None:
    world.start()
    for deed in deeds:
        sim_deeds.do(world, deed)
    sim_verdict.heal(world)
    if world.broken is not None:
        raise world.broken
    sim_verdict.judge(world)
    world.restart(1.0)
    world.pass_(1.0)


def _leave(world: World) -> None:
    if world.processes and not world.p.loop.is_closed():
        world.p.die()
    world.end()


def shrink(where: Ground, failed: Told) -> Told:
    """The same broken promise with as few deeds as can be found: halves, quarters …, then one by one."""
    best, tries, size = failed, 0, max(len(failed.kept) // 2, 1)
    while tries < SHRINKS:
        smaller = None
        for start in range(0, len(best.kept), size):
            kept = best.kept[:start] + best.kept[start + size :]
            tries += 1
            told = run(where, best.seed, kept)
            if told.law == failed.law:
                smaller = told
                break
        if smaller is not None:
            best = smaller
            size = min(size, max(len(best.kept) // 2, 1))
        elif size == 1:
            break
        else:
            size = max(size // 2, 1)
    return best
