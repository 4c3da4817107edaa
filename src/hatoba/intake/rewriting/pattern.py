"""Pattern: an operator's regular expression, in RE2's form: whatever it says, its time is linear in the text.

Called by maps and rules when they are made and for each address or field.
Never backtracks: a pattern cannot stop a worker. Texts are octets; \\\\1 in a replacement names a group.
Fails with ValueError on a pattern, or a replacement for it, that makes no sense.
"""

import re
from typing import Any

import re2

_GROUP = re.compile(rb"\\([0-9])")
_MEMORY = 1 << 20  # octets of one pattern's automaton


class Pattern:
    """`flags` of the pattern are written into it: (?i)."""

    __slots__ = ("_compiled", "_template")

    def __init__(self, written: str, replacement: str = "", what: str = "pattern") -> None:
        options = re2.Options()
        options.log_errors = False
        options.max_mem = _MEMORY
        try:
            self._compiled: Any = re2.compile(written.encode(), options)
        except re2.error as error:
            said = error.args[0] if error.args else error
            why = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
            raise ValueError(f"{what}: {written!r} is no RE2 pattern: {why}") from None
        self._template = replacement.encode()
        for group in _GROUP.findall(self._template):
            if int(group) > self._compiled.groups:
                raise ValueError(f"{what}: {replacement!r} names group {int(group)}, the pattern has fewer")

    def found(self, text: bytes) -> bool:
        """Whether it is somewhere in the text."""
        return self._compiled.search(text) is not None

    def whole(self, text: bytes) -> bytes | None:
        """The replacement where the pattern is the whole text; None where it is not."""
        match = self._compiled.fullmatch(text)
        return None if match is None else self._filled(match)

    def replaced(self, text: bytes) -> bytes:
        """The text with the replacement in place of every match."""
        done: bytes = self._compiled.sub(self._filled, text)
        return done

    def _filled(self, match: Any) -> bytes:
        return _GROUP.sub(lambda group: match[int(group[1])] or b"", self._template)
