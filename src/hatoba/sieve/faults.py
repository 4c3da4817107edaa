"""Faults: what is wrong with a script, or went wrong while it ran, with the line it stands in.

Raised and caught all over this room; shown by ManageSieve, the command line and `explain`.
Never holds a line end: a fault is one line of text.
SieveError is the one exception that leaves `script.compile`; a Halt never leaves the engine.
"""

from typing import NamedTuple


class Fault(NamedTuple):
    """`line` is counted from 1; 0 where no line is to blame."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}" if self.line else self.text


class SieveError(ValueError):
    """The script cannot be used. `faults` has at least one, in the order of their lines."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


class Halt(Exception):
    """A script that runs cannot go on: the letter is kept. # RFC 5228 §2.10.6"""

    def __init__(self, text: str, line: int = 0) -> None:
        super().__init__(text)
        self.text = text
        self.line = line


def shown(text: str, most: int = 60) -> str:
    """`text` as it may stand in a fault: one line, quoted, not too long."""
    cut = text if len(text) <= most else text[: most - 1] + "…"
    return '"' + "".join(c if c.isprintable() else " " for c in cut) + '"'
