"""Nodes: the commands and tests of a script that was checked, as the machine runs them.

Made by check; read by everything that runs.
Never changed once made: a Script may be kept and run by many threads.
Fails never on nodes that the check made: what a command must have is there.
"""

import msgspec

from hatoba.sieve.matching.match import USUAL, Match
from hatoba.sieve.texts import Text


class Node(msgspec.Struct, frozen=True):
    """A command or a test. Tags are looked up by their group (see grammar): "match", "part", "flags"."""

    name: str
    line: int
    chosen: dict[str, str] = {}  # group -> the tag that stands there
    tagged: dict[str, tuple[Text, ...]] = {}  # group -> its string or strings
    numbers: dict[str, int] = {}  # group -> its number
    arguments: tuple[tuple[Text, ...], ...] = ()  # the positional ones; () for one that may be missing and is
    number: int = 0  # the positional one, of size alone
    tests: "tuple[Node, ...]" = ()
    block: "tuple[Node, ...]" = ()
    match: Match = USUAL

    def has(self, group: str) -> bool:
        return group in self.chosen

    def tag(self, group: str) -> str:
        """The tag of this group, "" for none."""
        return self.chosen.get(group, "")

    def text(self, n: int) -> Text:
        """The nth positional argument, a string."""
        return self.arguments[n][0]

    def tag_text(self, group: str) -> Text | None:
        """The string of a tag, None where the tag is not there."""
        found = self.tagged.get(group)
        return found[0] if found else None


class Script(msgspec.Struct, frozen=True):
    """A script ready to run. `extensions`: those in force, implied ones included."""

    commands: tuple[Node, ...]
    extensions: frozenset[str]
