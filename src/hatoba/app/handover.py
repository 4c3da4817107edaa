"""Handover: what a supervisor leaves to the one that follows it in the same process, and how the restart came out.

Called by supervisor and restart (what is left, what is taken), successor, and the command line (the outcome).
Never stops a worker and never opens a socket: descriptors go by number, in one variable of the environment.
Fails with OSError where a number is no descriptor; what was meant for another process is not read.
"""

import contextlib
import fcntl
import os
import sys
from collections.abc import MutableMapping
from pathlib import Path

import msgspec

from hatoba.app import listeners
from hatoba.app.places import Places
from hatoba.net import limits

VARIABLE = "HATOBA_HANDOVER"
REFUSED, DRAINING, FAILED, DONE = "refused", "draining", "failed", "done"


class Handover(msgspec.Struct, frozen=True):
    """Descriptors by number, for process `pid` alone; -1 is none. `http` is where the metrics were served."""

    pid: int = 0
    data: str = ""
    lock: int = -1
    counters: int = -1
    places: tuple[listeners.Place, ...] = ()
    http: tuple[str, int] = ("", 0)

    @property
    def fds(self) -> list[int]:
        """All of them."""
        return [self.lock, self.counters, *(fd for place in self.places for fd in place.fds)]


class Outcome(msgspec.Struct, frozen=True):
    """What became of the last restart, as its file below the data directory tells."""

    state: str
    problems: tuple[str, ...] = ()


def command() -> list[str]:
    """The command line that this process was started with, its first word the interpreter's path."""
    return [sys.executable, *sys.orig_argv[1:]]


def taken(environ: MutableMapping[str, str], pid: int) -> Handover:
    """What was left to process `pid`, out of the environment; an empty one at an ordinary start."""
    written = environ.pop(VARIABLE, "")
    given = msgspec.json.decode(written, type=Handover) if written else Handover()
    if given.pid != pid:
        return Handover()
    for fd in given.fds:
        os.set_inheritable(fd, False)
    return given


def counters(given: Handover, workers: int) -> limits.SharedCounters:
    """The shared counters: with what was counted before the restart, or new."""
    if given.counters >= 0:
        with contextlib.suppress(ValueError):  # another version's
            return limits.SharedCounters.carried(given.counters, workers)
        os.close(given.counters)
    return limits.SharedCounters.create(workers)


# ---- the outcome, for `hatoba restart`


def outcome_file(places: Places) -> Path:
    return places.run / "restart"


def say(places: Places, state: str, *problems: str) -> None:
    """Notes what became of the restart; whoever waits for it reads whole words."""
    path = outcome_file(places)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(Outcome(state, problems)))
    fresh.replace(path)


def said(places: Places) -> Outcome | None:
    """The outcome so far; None before there is one."""
    try:
        return msgspec.json.decode(outcome_file(places).read_bytes(), type=Outcome)
    except OSError:
        return None


def failed(places: Places, problem: str) -> None:
    """A start did not succeed: told to whoever waits for a restart; at an ordinary start nobody does."""
    found = said(places)
    if found is not None and found.state == DRAINING:
        say(places, FAILED, problem)


def runs(places: Places) -> int:
    """The process id of the supervisor that holds the data directory; 0: none does."""
    try:
        with places.pid.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read(32) or b"0")
    except FileNotFoundError:
        pass
    return 0
