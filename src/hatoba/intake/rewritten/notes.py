"""Notes: what was changed about a letter, for the accepted event and for people: (what, from, to).

Filled by the modules of rewriting.
Never grows beyond its bound, and holds no more of a value than tells which it was.
Fails never.
"""

_MOST = 100  # changes told of; the rest is counted
_TEXT = 300  # characters of a value


class Notes:
    """In the order of the changes."""

    __slots__ = ("_left", "_told")

    def __init__(self) -> None:
        self._told: list[tuple[str, str, str]] = []
        self._left = 0

    def add(self, what: str, before: str, after: str) -> None:
        """One change; said once."""
        told = (what, _bounded(before), _bounded(after))
        if told in self._told:
            return
        if len(self._told) < _MOST:
            self._told.append(told)
        else:
            self._left += 1

    def take(self, others: "Notes") -> None:
        """Those of a part of the letter."""
        for what, before, after in others.told():
            self.add(what, before, after)

    def told(self) -> tuple[tuple[str, str, str], ...]:
        """All of them."""
        if self._left:
            return (*self._told, ("and more", "", f"{self._left} changes"))
        return tuple(self._told)

    def __bool__(self) -> bool:
        return bool(self._told)


def _bounded(text: str) -> str:
    return text if len(text) <= _TEXT else f"{text[: _TEXT - 1]}…"
