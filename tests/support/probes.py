"""Checks for tests of the doors: one that waits until it is told its verdict, and others that misbehave.

Used by tests of doors and stories of hanging checks.
Never asks anybody: the waiting is a service of the test's own loop.
"""

import asyncio
from collections.abc import Generator, Sequence
from typing import Any

from hatoba.intake import asking
from hatoba.model.outcome import Verdict


class Gate:
    """A service that answers once `open` is called; `waiting` counts who stands before it, `left` who went away."""

    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[Sequence[Verdict]]] = []
        self.left = 0

    async def __call__(self, consult: Any) -> Sequence[Verdict]:
        future: asyncio.Future[Sequence[Verdict]] = asyncio.get_running_loop().create_future()
        self.waiting.append(future)
        try:
            return await future
        except asyncio.CancelledError:
            self.left += 1
            raise

    def open(self, *verdicts: Verdict) -> None:
        """Lets all that wait pass with these."""
        waiting, self.waiting = self.waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(verdicts)


class Gated:
    """Asks the service "gate" at the stages named: "connect", "sender", "recipient", "content"."""

    name = "gated"

    def __init__(self, *stages: str, inside: bool = False) -> None:
        self.inside = inside
        for stage in stages:
            setattr(self, f"at_{stage}", self._ask)

    def _ask(self, first: Any, *rest: Any) -> Generator[Any, Any, Sequence[Verdict]]:
        verdicts: Sequence[Verdict] = yield from asking.consult("gate", first)
        return verdicts


class Broken:
    """Raises at the stages named."""

    name = "broken"

    def __init__(self, *stages: str) -> None:
        for stage in stages:
            setattr(self, f"at_{stage}", self._fail)

    def _fail(self, *arguments: Any) -> Any:
        raise ZeroDivisionError("a bug in a check")


class Blind:
    """Fails while it watches a body come in: in "watch" or in "update"."""

    name = "blind"

    def __init__(self, where: str) -> None:
        self.where = where

    def watch(self, case: Any, heading: Any) -> Any:
        if self.where == "watch":
            raise ZeroDivisionError("a bug at the beginning")
        return self

    def update(self, piece: bytes) -> None:
        raise ZeroDivisionError("a bug in the middle")

    def at_content(self, subject: Any) -> Any:
        assert subject.watched.get(self.name) is self
        return ()
