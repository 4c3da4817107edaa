"""Work: one waiting item of a commit, already in rows; how a batch becomes few statements and how it is answered.

Made by writer.seal and writer.settle on the caller's thread; written by the writer's thread.
Never opens, begins or commits: it only knows which statements, in which order.
Fails with ValueError while an item is made (a letter that contradicts itself); the database's errors pass through.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec.structs import astuple

from hatoba.store import blobs, spool
from hatoba.store.journal import EVENTS
from hatoba.store.queue import LETTERS_GONE, LETTERS_RECIPIENTS_GONE, RECIPIENTS, RECIPIENTS_GONE, UPDATES
from hatoba.store.rows import Seal, Settle
from hatoba.store.spool import LETTERS
from hatoba.store.sql import Multi, Tx

Waiter = asyncio.Future[Any] | concurrent.futures.Future[Any]
Row = Sequence[Any]
Parts = Callable[[Multi, Sequence[Any]], Iterable[tuple[str, Sequence[Any]]]]
Run = Callable[[str, Sequence[Any]], object]


class Work:
    """One item. `function` is set for writer.do alone; all other fields are rows in the order of their tables."""

    __slots__ = (
        "bodies", "drafts", "error", "events", "function", "gone",
        "keys", "letters", "octets", "result", "rows", "updates", "waiter",
    )  # fmt: skip

    def __init__(self, waiter: Waiter, function: Callable[[Tx], Any] | None = None) -> None:
        self.waiter = waiter
        self.function = function
        self.result: Any = None
        self.error: BaseException | None = None
        self.octets = 0  # of contents that go into their rows
        self.letters: list[Row] = []
        self.rows: list[Row] = []
        self.updates: list[Row] = []
        self.keys: Sequence[Row] = ()
        self.gone: Sequence[int] = ()
        self.events: list[Row] = []
        self.drafts: list[blobs.Draft] = []
        self.bodies: list[tuple[int, bytes]] = []  # large contents that no draft holds yet

    def seal(self, seal: Seal, inline: int) -> None:
        """Adds a letter. `inline` octets and less live in its row."""
        letter, draft, body = seal.letter, seal.draft, seal.letter.content
        if draft is not None:
            if draft.size != letter.apart:
                raise ValueError(f"letter {letter.id} says {letter.apart} octets, its draft has {draft.size}")
            letter.blob, body = draft.name, None
            self.drafts.append(draft)
        elif body is None or len(body) != letter.size:
            raise ValueError(f"letter {letter.id} says {letter.size} octets and comes without them")
        elif len(body) > inline:
            letter.blob = blobs.name(letter.id)
            self.bodies.append((letter.id, body))
            body = None
        else:
            self.octets += letter.size
        self.letters.append(spool.row(letter, body))
        for row in seal.rows:
            self.rows.append(astuple(row))
        for event in seal.events:
            self.events.append(astuple(event))

    def settle(self, settle: Settle, inline: int) -> None:
        """Adds the end of attempts."""
        self.gone = settle.gone
        self.keys = settle.recipients_gone
        for update in settle.rows:
            self.updates.append(astuple(update))
        for event in settle.events:
            self.events.append(astuple(event))
        for seal in settle.seals:
            self.seal(seal, inline)


def write(batch: Iterable[Work], parts: Parts, run: Run) -> None:
    """All rows of the batch, in as few statements as there are kinds of rows: what is new, what changes, what goes."""
    letters: list[Row] = []
    rows: list[Row] = []
    updates: list[Row] = []
    keys: list[Row] = []
    gone: list[int] = []
    events: list[Row] = []
    for work in batch:
        letters += work.letters
        rows += work.rows
        updates += work.updates
        keys += work.keys
        gone += work.gone
        events += work.events
    _run(LETTERS, letters, parts, run)
    _run(RECIPIENTS, rows, parts, run)
    _run(UPDATES, updates, parts, run)
    _run(RECIPIENTS_GONE, keys, parts, run)
    _run(LETTERS_RECIPIENTS_GONE, gone, parts, run)
    _run(LETTERS_GONE, gone, parts, run)
    _run(EVENTS, events, parts, run)


def _run(shape: Multi, rows: Sequence[Any], parts: Parts, run: Run) -> None:
    if rows:
        for text, parameters in parts(shape, rows):
            run(text, parameters)


def answer(batch: list[Work]) -> None:
    """Results to their waiters: those of an event loop in one call for all."""
    loops: dict[asyncio.AbstractEventLoop, list[Work]] = {}
    for item in batch:
        if isinstance(item.waiter, asyncio.Future):
            loops.setdefault(item.waiter.get_loop(), []).append(item)
        else:
            _resolve((item,))
    for loop, items in loops.items():
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_resolve, items)


def _resolve(items: Sequence[Work]) -> None:
    for item in items:
        waiter = item.waiter
        if waiter.done():  # cancelled meanwhile
            continue
        if item.error is None:
            waiter.set_result(item.result)
        else:
            waiter.set_exception(item.error)
