"""Waiting for what another process does: the one place where whole-program tests poll, with generous deadlines.

Used by story, interop, vectors and dialogue tests.
Never waits a fixed time: a condition that holds is seen at once.
Fails with AssertionError, which names what did not come and what was there instead.
"""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 60.0  # seconds: a slow, shared machine
TICK = 0.02


def until(look: Callable[[], T], what: str, seconds: float = PATIENCE, every: float = TICK) -> T:
    """The first truthy answer of `look`."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come within {seconds:.0f} s; last seen: {found!r}")
        time.sleep(every)
    return found
