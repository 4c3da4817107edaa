"""Ledger: how many recipients of a letter with several are left in the store, while some of them are in memory.

Told by admission, refill and settlement, so that the settlement of the last one removes the letter itself.
Never knows letters with one recipient (there is nothing to count) and forgets a letter when no job of it is left.
Right because this process is the shard's only writer: every row that goes passes through here.
"""


class _Entry:
    __slots__ = ("jobs", "left")

    def __init__(self, left: int) -> None:
        self.left = left
        self.jobs = 0


class Ledger:
    """By letter id."""

    def __init__(self) -> None:
        self._entries: dict[int, _Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def enter(self, letter: int, left: int, jobs: int = 1) -> None:
        """`jobs` more jobs of the letter are in memory; `left` is the store's count, used when it is not known here."""
        entry = self._entries.get(letter)
        if entry is None:
            entry = self._entries[letter] = _Entry(left)
        entry.jobs += jobs

    def gone(self, letter: int, count: int) -> int | None:
        """`count` recipients are to be removed: how many are left then; None when the letter is not known here."""
        entry = self._entries.get(letter)
        if entry is None:
            return None
        entry.left -= count
        return entry.left

    def split(self, letter: int, jobs: int) -> None:
        """One job of the letter became `jobs`."""
        entry = self._entries.get(letter)
        if entry is not None:
            entry.jobs += jobs - 1

    def leave(self, letter: int) -> None:
        """A job of the letter ended, and what came of it is on disk (or it went back untouched)."""
        entry = self._entries.get(letter)
        if entry is not None:
            entry.jobs -= 1
            if entry.jobs <= 0:
                del self._entries[letter]
