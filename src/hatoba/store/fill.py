"""Fill: an export becomes the databases of a node that has none, on either engine.

Called by the command line and by restore, while the node's lock is held.
Never changes a database that holds anything, and leaves nothing behind when the export turns out to be damaged.
Fails with BadExport, with NotEmpty, ShardTaken while another node works the server, StoreTrouble.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from typing import Any

from hatoba.store import rows, sql, targets, transfer
from hatoba.store.base import Base
from hatoba.store.blobs import Draft
from hatoba.store.snapshot import Progress
from hatoba.store.sql import Tx
from hatoba.store.targets import Target
from hatoba.store.transfer import BadExport, Reading

_INSERTS = {name: sql.added(table) for name, table in transfer.ALL.items()}
_SIZE, _BLOB, _BODY = (transfer.columns(transfer.SHARD["letter"]).index(name) for name in ("size", "blob", "body"))
_LARGE = {"letter": _BODY, "content": len(transfer.columns(transfer.SHARD["content"])) - 1}  # the columns that are long
_STATE = transfer.columns(transfer.SHARD["recipient"]).index("state")
_ROWS = 512  # that may wait
_OCTETS = 8 * 1024 * 1024  # of bodies that may wait for their statement


def fill(home: Base, lines: Iterator[bytes], progress: Progress, hold: bool = False) -> dict[str, int]:
    """Reads an export into an empty home; rows by table. The lines' hash is proven before anything can be seen.

    With `hold` whatever would be sent is held, from the first moment that it can be seen.
    """
    reading = Reading(lines)
    targets.check_empty(home)
    count = max(reading.header.shards, default=-1) + 1
    with targets.opened(home, count, progress) as target:
        counts = _Filling(target, reading, progress, hold).run()
        target.finish()
    return counts


class _Filling:
    """The state of one run: which part is open, the rows that wait for their statement, the body under way."""

    def __init__(self, target: Target, reading: Reading, progress: Progress, hold: bool) -> None:
        self._target = target
        self._hold = hold
        self._reading = reading
        self._progress = progress
        self._tx: Tx | None = None
        self._shard: int | None = None
        self._waiting: list[list[Any]] = []
        self._table = ""
        self._octets = 0
        self._letter: list[Any] | None = None  # whose body comes in pieces
        self._pieces: list[bytes] = []
        self._draft: Draft | None = None
        self.counts = dict.fromkeys(transfer.ALL, 0)

    def run(self) -> dict[str, int]:
        try:
            for word, values in self._reading.rows():
                self._take(word, values)
            self._end_letter(lost=False)
            self._flush()
        except (TypeError, ValueError, OverflowError) as error:  # values that no column of ours can hold
            raise BadExport(f"the export is damaged: {error}") from error
        return self.counts

    def _take(self, word: str, values: list[Any]) -> None:
        if word == "body":
            self._piece(*values)
            return
        self._end_letter(lost=word == "missing")
        if word == "shard":
            self._open(*values)
        elif word in transfer.ALL:
            self._row(word, values)
        elif word != "missing":
            raise BadExport(f"an export has no {word!r}")

    def _open(self, number: int, seq: int) -> None:
        self._flush()
        if number not in self._reading.header.shards:
            raise BadExport(f"shard {number} is not among those of the first line")
        self._shard = number
        self._tx = self._target.part(number)
        self._target.sequence(self._tx, seq)
        self._progress(f"shard {number:04d}")

    def _row(self, word: str, values: list[Any]) -> None:
        if word in transfer.DIRECTORY and (self._tx is None or self._shard is not None):
            self._flush()
            self._shard, self._tx = None, self._target.part(None)
        elif word in transfer.SHARD and self._shard is None:
            raise BadExport(f"a row of {word} stands before its shard")
        if word == "recipient" and self._hold and values[_STATE] in (rows.READY, rows.ACTIVE):
            values[_STATE] = rows.HELD
        if word == "letter" and (values[_BODY] is None or len(values[_BODY]) > transfer.INLINE):
            self._letter = values
            self._pieces = [] if values[_BODY] is None else [values[_BODY]]
            return
        if word == "letter" and (draft := self._target.draft(values[0], len(values[_BODY]))) is not None:
            self._letter, self._draft = values, draft
            draft.append(values[_BODY])
            return
        self._put(word, values)

    def _put(self, word: str, values: list[Any]) -> None:
        if word != self._table:
            self._flush()
            self._table = word
        self._waiting.append(values)
        self.counts[word] += 1
        self._octets += len(values[_LARGE[word]] or b"") if word in _LARGE else 0
        if len(self._waiting) >= _ROWS or self._octets > _OCTETS:
            self._flush()

    def _flush(self) -> None:
        waiting, self._waiting, self._octets = self._waiting, [], 0
        if waiting and self._tx is not None:
            for text, parameters in self._tx.parts(_INSERTS[self._table], waiting):
                self._tx.run(text, parameters)

    def _piece(self, number: int, text: str) -> None:
        letter = self._letter
        if letter is None or letter[0] != number:
            raise BadExport(f"a piece of a body of {number} stands apart from its letter")
        try:
            piece = binascii.a2b_base64(text, strict_mode=True)
        except ValueError as error:
            raise BadExport(f"a piece of the body of {number} cannot be read: {error}") from error
        if self._draft is None and not self._pieces:
            self._draft = self._target.draft(number, letter[_SIZE])
        if self._draft is not None:
            self._draft.append(piece)
        else:
            self._pieces.append(piece)

    def _end_letter(self, lost: bool) -> None:
        """The letter whose body came in pieces is whole now (or its body was missing where it came from)."""
        letter, self._letter = self._letter, None
        if letter is None:
            return
        draft, self._draft = self._draft, None
        pieces, self._pieces = self._pieces, []
        if draft is not None:
            draft.sync()
            draft.publish()
            letter[_BLOB], letter[_BODY] = draft.name, None
        elif not lost:
            letter[_BLOB], letter[_BODY] = "", b"".join(pieces) if pieces else None
        self._put("letter", letter)
