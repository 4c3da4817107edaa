"""The node's lock: one process runs on a data directory, or changes it whole.

Taken by supervisor for as long as it lives and by the verbs that put data in place (restore, import, upgrade).
Never waits. The lock goes with the process however it ends.
Fails with Taken, which names the process that has it.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from hatoba.app.places import Places


class Taken(Exception):
    """hatoba runs on this data directory."""


def take(places: Places) -> int:
    """The descriptor that holds the lock; DATA/run must be there."""
    descriptor = os.open(places.pid, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(descriptor, 32).decode().strip()
        os.close(descriptor)
        raise Taken(
            f"hatoba already runs on {places.data} (process {owner}). Stop it, or set another `data`."
        ) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor


@contextmanager
def held(places: Places) -> Iterator[None]:
    """The node is ours inside: nobody starts it."""
    places.run.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = take(places)
    try:
        yield
    finally:
        os.close(descriptor)
