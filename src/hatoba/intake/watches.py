"""Watches: the checks that see a body while it comes in, fed piece by piece.

Made by transaction once the header is read; found by the checks at the end in `subject.watched`.
Never lets a bug in one stop the content: it is kept, and raised where its check is asked.
Fails with what a watch raised, only to who asks for that watch.
"""

from collections.abc import Iterable
from typing import Any

from hatoba.intake.case import Case
from hatoba.intake.heading import Heading


class Watches:
    """By the name of their check."""

    __slots__ = ("_broken", "_watches")

    def __init__(self, checks: Iterable[Any] = (), case: Case | None = None, heading: Heading | None = None) -> None:
        self._watches: dict[str, Any] = {}
        self._broken: dict[str, Exception] = {}
        for check in checks:
            try:
                watch = check.watch(case, heading)
            except Exception as bug:  # noqa: BLE001 # law 6: raised again where the driver of checks logs it
                self._broken[check.name] = bug
                continue
            if watch is not None:
                self._watches[check.name] = watch

    def update(self, piece: bytes) -> None:
        """The next octets of the body."""
        for name, watch in list(self._watches.items()):
            try:
                watch.update(piece)
            except Exception as bug:  # noqa: BLE001 # law 6, as above
                self._broken[name] = bug
                del self._watches[name]

    def get(self, name: str) -> Any:
        """The watch of a check, None when it wanted none; raises what went wrong with it."""
        if name in self._broken:
            raise self._broken[name]
        return self._watches.get(name)


NONE = Watches()
