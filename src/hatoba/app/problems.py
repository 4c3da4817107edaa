"""What is wrong with the settings: where it stands, what it is, how to mend it.

Made by config and checks, shown by `hatoba config check` and at every start.
Never raises by itself; `BadSettings` carries all problems at once.
"""

import difflib
from collections.abc import Iterable

import msgspec


class Problem(msgspec.Struct, frozen=True):
    """`file` is a path or "environment"; `line` counts from 1, 0 where there is none."""

    file: str
    line: int
    key: str
    text: str
    fix: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.key}: {self.text}. {self.fix}" if self.key else f"{place}: {self.text}. {self.fix}"


class BadSettings(Exception):
    """The settings cannot be used; `problems` says everything that is wrong with them."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def nearest(word: str, known: Iterable[str]) -> str:
    """A sentence that names the known word most like `word`, or all of them where they are few."""
    words = sorted(known)
    close = difflib.get_close_matches(word, words, 1, 0.6)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"Known here: {', '.join(words)}." if len(words) <= 30 else "See docs/settings.md."
