"""Place: where in a script the check is, and what is in force there.

Kept by the check, read by the rules.
Never looks at a command itself.
Fails never.
"""

from hatoba.sieve import texts
from hatoba.sieve.limits import Limits
from hatoba.sieve.node import Node


class Place:
    """`enabled`: extensions in force; `loops`: names of the foreverypart around, outermost first, "" for none."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.enabled: set[str] = set()
        self.loops: list[str] = []
        self.local: set[str] = set()  # variables that were set before they could be declared global
        self.shared: set[str] = set()  # variables declared global

    @property
    def scope(self) -> texts.Scope:
        """How strings are read here."""
        return texts.Scope(
            "encoded-character" in self.enabled,
            "variables" in self.enabled,
            "include" in self.enabled,
            self.limits.match_values,
        )

    def enter(self, node: Node) -> None:
        """Into the block of `node`."""
        if node.name == "foreverypart":
            name = node.tag_text("name")
            self.loops.append((name.constant or "") if name else "")

    def leave(self, node: Node) -> None:
        if node.name == "foreverypart":
            self.loops.pop()
