"""Doubt: a commit whose answer never came, and what is to become of its items once that is known.

Made by writer when a connection broke at a COMMIT; asked again with each connection that opens after it.
Never repeats a commit that may have happened, and never leaves a letter behind that its peer was told is not ours.
Fails with ShardLost when the shard is another's by then, StoreTrouble while nothing can be found out.

Whoever handed in a letter waits, and is told that it failed: should it have been written, it is removed again before
anything else is, since the peer still has it. Ends of attempts and functions wait for the truth: they are answered when
it was written, and written again when it was not. If this process dies before, letters may come twice, none is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hatoba.store import sql, trouble
from hatoba.store.contents import LETTERS_CONTENTS_GONE
from hatoba.store.journal import LETTERS_EVENTS_GONE
from hatoba.store.queue import LETTERS_GONE, LETTERS_RECIPIENTS_GONE
from hatoba.store.work import Work


class Doubt:
    """`held`: items that are not answered yet; `refused`: ids of letters whose peers were told no."""

    __slots__ = ("_happened", "_mark", "held", "refused")

    def __init__(self, mark: tuple[Any, ...], batch: Sequence[Work]) -> None:
        self._mark = mark
        self._happened: bool | None = None
        alive = [item for item in batch if item.error is None]
        self.held = [item for item in alive if not _awaited(item)]
        self.refused = [row[0] for item in alive if _awaited(item) for row in item.letters]

    def clear(self, link: sql.Link) -> bool:
        """Whether the commit happened, with nothing left of the letters refused. May be called again if it raised."""
        if self._happened is None:
            self._happened = link.happened(self._mark)
        if self._happened and self.refused:
            try:
                link.begin()
                for shape in (LETTERS_RECIPIENTS_GONE, LETTERS_GONE, LETTERS_EVENTS_GONE, LETTERS_CONTENTS_GONE):
                    for text, parameters in link.tx.parts(shape, self.refused):
                        link.run(text, parameters)
                link.commit()
            except trouble.Doubt as doubt:  # of this commit, which may as well be made twice
                raise trouble.StoreTrouble(str(doubt), trouble.LOST) from doubt
            self.refused = []
        return self._happened


def _awaited(item: Work) -> bool:
    """A letter handed in by itself."""
    return item.function is None and not (item.gone or item.keys or item.updates) and bool(item.letters)
