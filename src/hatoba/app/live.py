"""Asks the running workers over their control sockets.

Called by the verbs that want what only lives in memory (lanes, limits) or that change the queue.
Never starts anything. Workers that do not answer are left out; `running` says whether any does.
"""

from typing import Any

from hatoba.app.places import Places
from hatoba.doors.control import call


def ask(places: Places, verb: str, arguments: dict[str, Any] | None = None) -> list[Any]:
    """The results of all workers that answer. Failed when one of them says no."""
    answers = []
    for path in places.controls():
        try:
            answers.append(call.call(path, verb, arguments))
        except call.Unreachable:
            continue
    return answers


def running(places: Places) -> bool:
    """Whether a worker answers."""
    return bool(ask(places, "ping"))
