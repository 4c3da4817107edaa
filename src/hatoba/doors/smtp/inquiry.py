"""Inquiry: a verb's steps driven: said at once where no check has to wait, else as a Later on what they come to.

Called by greet, envelope and content with the Steps that intake gave.
Never lets a letter on whose client has gone meanwhile; never holds a check's rule.
Fails with what the steps raise: Refusal, StoreTrouble; the verb says it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from hatoba.doors.smtp.state import State
from hatoba.intake.asking import Steps
from hatoba.net.session import Later
from hatoba.wire.smtp.reply import Reply

T = TypeVar("T")
Said = Reply | Later | None


def ask(state: State, steps: Steps[T], then: Callable[[Callable[[], T]], Said]) -> Said:
    """Drives `steps`; `then` is called with what gives their result or raises, now or when it is there."""
    asker = state.house.asker
    assert asker is not None  # noqa: S101 # a desk with checks comes with who drives them
    try:
        found = asker.drive(steps)
    except Exception as error:  # noqa: BLE001 # it is raised again, where the verb looks at it
        return then(partial(_raise, error))
    if not isinstance(found, asyncio.Task):
        return then(lambda: found)
    state.asking = found
    return Later(found, partial(_asked, state, then))


def _raise(error: Exception) -> Any:
    raise error


def _asked(state: State, then: Callable[[Callable[[], T]], Said], task: asyncio.Future[T]) -> Said:
    state.asking = None
    return then(task.result)
