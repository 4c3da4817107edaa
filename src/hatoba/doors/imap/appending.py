"""Appending: the letters of one APPEND or REPLACE as they come: in memory at first, then in a file.

Held by the session while the command runs; filled by append.
Never keeps more of a letter in memory than [imap] spill says, until all of it is there.
Fails with StoreTrouble when the disk is full.
"""

from __future__ import annotations

from collections.abc import Callable

from hatoba.mailboxes.letters import Fresh
from hatoba.mailboxes.post import Reach
from hatoba.mailboxes.selected import Selected
from hatoba.store.blobs import Draft
from hatoba.wire.imap import events


class Letter:
    """One letter under way."""

    __slots__ = ("_draft", "_held", "event", "size")

    def __init__(self, event: events.Append) -> None:
        self.event = event
        self.size = 0
        self._held: list[bytes] = []
        self._draft: Draft | None = None

    def take(self, octets: bytes, spill: int, draft: Callable[[], Draft]) -> None:
        """A piece more."""
        self.size += len(octets)
        if self._draft is not None:
            self._draft.append(octets)
            return
        self._held.append(octets)
        if self.size > spill:
            self._draft = draft()
            for held in self._held:
                self._draft.append(held)
            self._held = []

    def fresh(self) -> Fresh:
        """The letter whole, in memory. In a thread where it is large."""
        event = self.event
        raw = self._draft.read() if self._draft is not None else b"".join(self._held)
        return Fresh(raw, event.flags, event.internal, event.zone)

    def discard(self) -> None:
        """It comes to nothing, or is in the store."""
        self._held = []
        if self._draft is not None:
            self._draft.discard()
            self._draft = None


class Appending:
    """`reach` is the box they go to; `replaced`: the letter that goes for the new one."""

    __slots__ = ("letters", "reach", "replaced")

    def __init__(self, reach: Reach, replaced: tuple[Selected, int] | None) -> None:
        self.reach = reach
        self.replaced = replaced
        self.letters: list[Letter] = []

    @property
    def size(self) -> int:
        """Octets of all of them."""
        return sum(letter.size for letter in self.letters)

    def discard(self) -> None:
        for letter in self.letters:
            letter.discard()
