"""Faults: what a client did wrong, in words for it, and when there were too many.

Owned by wire.imap.intake.
Never looks at input: it is told what was Bad.
Cannot fail.
"""

from __future__ import annotations

from hatoba.wire.imap import responses
from hatoba.wire.imap.scanner import Bad

Answer = responses.Tagged | responses.Untagged | responses.Closing


class Faults:
    """The BADs of one connection since the last command that went well."""

    __slots__ = ("_count",)

    def __init__(self) -> None:
        self._count = 0

    def forgive(self) -> None:
        """A command went well."""
        self._count = 0

    def answer(self, bad: Bad, tag: str, most: int, hang_up: bool) -> Answer:
        """What is said; a Closing when there are `most` of them, or when nothing more may come."""
        answer: responses.Tagged | responses.Untagged
        if tag:
            answer = responses.Tagged(tag, bad.status, bad.text, bad.code)
        else:
            answer = responses.Untagged("BAD", bad.text, bad.code)
        self._count += bad.status == "BAD"
        return responses.Closing(answer, "Goodbye") if hang_up or self._count >= most else answer
