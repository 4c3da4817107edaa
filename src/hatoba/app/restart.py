"""A restart of the whole program in its own process: asks the program that would follow, drains, executes it.

Called by supervisor on SIGUSR2. The listening sockets stay open all the while: clients wait, none is refused.
Never stops anything before the successor has agreed: it loads its own code, reads the settings, may bind what is new.
A refusal is logged and everything goes on; where the successor cannot be executed, the old workers start again.
"""

import os
import signal
import subprocess
import sys
import time
from typing import Protocol

import msgspec
import structlog

from hatoba.app import handover, listeners
from hatoba.app.crew import Crew
from hatoba.app.places import Places
from hatoba.app.settings import Settings
from hatoba.net import limits, listen

PATIENCE = 60.0  # seconds for the successor's judgement
_ENDS = {signal.SIGTERM, signal.SIGINT}


class Node(Protocol):
    """What is needed of the supervisor."""

    settings: Settings
    places: Places
    explicit: str | None
    command: list[str] | None
    bound: list[listeners.Bound]
    counters: limits.SharedCounters
    lock: int
    crew: Crew

    def drain(self) -> None:
        """Ends the crew, the sockets stay."""


def left(node: Node) -> handover.Handover:
    """What the successor gets."""
    found = []
    for bound in node.bound:
        place = listeners.place(node.settings, bound.listener, bound.address)
        fds = tuple(sock.fileno() for sock in bound.sockets)
        found.append(msgspec.structs.replace(place, fds=fds))
    web = (node.settings.http.address, node.settings.http.port)
    return handover.Handover(os.getpid(), str(node.places.data), node.lock, node.counters.fd, tuple(found), web)


def environment(given: handover.Handover) -> dict[str, str]:
    return {**os.environ, handover.VARIABLE: msgspec.json.encode(given).decode()}


def judged(node: Node, given: handover.Handover) -> list[str]:
    """The successor's objections; also when its code cannot even be loaded."""
    if node.command is None:
        return ["this node was not started by `hatoba run`: stop it and start it again"]
    command = [sys.executable, "-m", "hatoba.app.successor", *([node.explicit] if node.explicit else [])]
    try:
        done = subprocess.run(
            command, env=environment(given), capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return [f"the program cannot be run: {error}"]
    if done.returncode == 0:
        return []
    told = done.stdout.splitlines()
    return told or [f"the program cannot be run: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}"]


def restart(node: Node) -> bool:
    """Does not return where it succeeds. False: it was refused or failed, go on; True: told to end meanwhile."""
    log = structlog.get_logger("supervisor")
    given = left(node)
    problems = judged(node, given)
    if problems:
        log.error("restart refused, everything goes on as it was", problems=problems)
        handover.say(node.places, handover.REFUSED, *problems)
        return False
    log.info("restart: draining")
    handover.say(node.places, handover.DRAINING)
    listen.notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
    node.crew.on_death = node.counters.clear_held
    node.drain()
    while node.crew.alive:  # those that had to be killed: their shards must be free
        signal.sigtimedwait({signal.SIGCHLD}, 0.1)
        node.crew.reap(restart=False)
    if signal.sigpending() & _ENDS:
        return True
    try:
        _execute(node, given)
    except OSError as error:
        log.error("restart failed, the old workers start again", error=str(error))
        handover.say(node.places, handover.FAILED, str(error))
    node.crew.on_death = node.counters.clear_column
    for hand in node.crew.hands:
        node.crew.start(hand)
    listen.notify("READY=1")
    return False


def _execute(node: Node, given: handover.Handover) -> None:
    """OSError when there is nothing to execute any more; else it does not return."""
    assert node.command is not None  # noqa: S101  judged() has said so
    sys.stdout.flush()
    sys.stderr.flush()
    for fd in given.fds:
        os.set_inheritable(fd, True)
    try:
        os.execve(node.command[0], node.command, environment(given))  # noqa: S606  our own command line
    finally:
        for fd in given.fds:
            os.set_inheritable(fd, False)
