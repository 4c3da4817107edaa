"""Retention of the admin log: once an hour its old entries go, as [audit] admin_retention says.

Run by the first worker of each node; two that do so at once take turns.
Never touches the journals: their retention is the queues'.
Fails never: what went wrong is logged, the next round may do better.
"""

import asyncio
from collections.abc import Callable

import structlog

from hatoba.store import admin
from hatoba.store.base import Register

EVERY = 3600.0  # seconds


async def run(register: Register, clock: Callable[[], int], kept: Callable[[], float]) -> None:
    """Until it is cancelled. `kept`: seconds, 0: for ever."""
    log = structlog.get_logger("audit")
    while True:
        try:
            await asyncio.to_thread(step, register, clock(), kept())
        except Exception:
            log.exception("old entries of the admin log stay")
        await asyncio.sleep(EVERY)


def step(register: Register, now: int, kept: float) -> int:
    """One round; how many entries went. StoreTrouble."""
    if not kept:
        return 0
    before = now - int(kept * 1000)
    return register.note(lambda tx: admin.purge(tx, before, now))
