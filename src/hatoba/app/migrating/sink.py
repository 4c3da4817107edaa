"""Sink: what the letters of another server are put into, and the values that say what they are.

Implemented by app.migrating.keeping on the mail store; by the tests on lists.
Never asks the source anything.
Fails, in an implementation, with Full when the account may not hold more.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec


class Folder(msgspec.Struct, frozen=True):
    r"""A mailbox of the source. `name` as the source calls it, `target` as it is called here: "/" between levels, NFC.

    `special`: its use ("\Sent") or "". `archived`: only those of its letters that no other mailbox has (Gmail).
    """

    name: str
    target: str
    special: str = ""
    subscribed: bool = True
    archived: bool = False


class Letter(msgspec.Struct, frozen=True):
    r"""A message of the source. `internal`: ms since 1970, `zone`: minutes east of UTC; `flags` without \Recent."""

    uid: int
    raw: bytes
    flags: tuple[str, ...]
    internal: int
    zone: int


class Put(msgspec.Struct, frozen=True):
    """What became of some letters: `fresh` were put in, `known` were there by an earlier run.

    `unflagged` lost keywords that the mailbox had no room for; `large`: UIDs of letters too large for any mailbox.
    """

    fresh: int
    known: int = 0
    unflagged: int = 0
    large: tuple[int, ...] = ()


class Full(Exception):
    """The account holds as much as it may; the text says how much that is."""


class Sink(Protocol):
    """One account here. Blocking; an object is used by one thread.

    A `place` names a mailbox of a source and its UIDVALIDITY: the UIDs of one place mean the same letters for ever.
    """

    def reached(self, place: str) -> int:
        """All letters of the place up to this UID have been dealt with; 0: none."""
        ...

    def box(self, folder: Folder) -> str:
        """Makes sure that there is a mailbox for it, subscribed and used as it was there; the mailbox's name."""
        ...

    def put(self, box: str, place: str, letters: Sequence[Letter], reached: int) -> Put:
        """Puts letters into a mailbox and remembers how far the place is dealt with, in one commit. Full."""
        ...

    def flag(self, place: str, flags: Mapping[int, tuple[str, ...]]) -> int:
        """Gives letters that came from these UIDs these flags; how many had others before."""
        ...
