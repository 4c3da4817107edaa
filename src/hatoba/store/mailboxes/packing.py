"""Packing: a letter on its way into a shard: the rows it becomes, compressed, one set for all messages that share it.

`Content` is made by the room above from a letter and its summary; messages puts it into a shard, `contents` reads it.
Never parses a letter: message.structure has, once.
Fails with ValueError for a letter larger than any, StoreTrouble (corrupt) when what is stored cannot be unpacked.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import zstandard

from hatoba.message import structure
from hatoba.store import trouble
from hatoba.store.mailboxes import tables
from hatoba.store.sql import Multi, Tx, added

PIECE = 256 * 1024  # octets of a letter that are compressed together: what FETCH of a part of a large letter unpacks
NUMBERS = 14  # bits of a piece's id that count inside its content
MOST = (1 << NUMBERS) * PIECE  # octets of a letter
_LEVEL = 1
_CONTENTS, _FORMS = added(tables.content), added(tables.form)
_HEADERS, _BODIES = added(tables.header), added(tables.body)
_PIECES, _WORDS = added(tables.piece), added(tables.words)
REFS = Multi("UPDATE content SET refs = refs + v.column2 FROM ({values}) AS v WHERE content.id = v.column1", "ii")
_SHARED = "SELECT id, size, digest FROM content WHERE letter = ?"
_local = threading.local()  # a compressor holds 600 KiB and must not be in two threads at once


class Content:
    """A letter on its way into a shard; may be put into several, and into many boxes.

    `letter`: the spool's id, so that the recipients of one letter share its row (0: it is shared with nobody). Whoever
    gives it vouches that these octets are the same for all of them; other octets get a row of their own.
    `pack` may be called early, in a thread of the caller's choice; else the writer's thread does.
    """

    __slots__ = ("_rows", "_turn", "letter", "raw", "summary")

    def __init__(self, raw: bytes, summary: structure.Summary, letter: int = 0) -> None:
        if len(raw) > MOST:
            raise ValueError(f"a letter has at most {MOST} octets, not {len(raw)}")
        self.raw = raw
        self.summary = summary
        self.letter = letter
        self._rows: Rows | None = None
        self._turn = threading.Lock()

    @property
    def size(self) -> int:
        """Octets."""
        return len(self.raw)

    def pack(self) -> Rows:
        """The rows it will be, without its id. 10 µs for 4 KiB, 60 ms for 25 MiB, without the interpreter's lock."""
        with self._turn:
            if self._rows is None:
                self._rows = Rows(self)
            return self._rows


class Rows:
    """The columns of a content but for its id."""

    __slots__ = ("body", "content", "digest", "form", "header", "pieces", "words")

    def __init__(self, of: Content) -> None:
        raw, summary, sort = of.raw, of.summary, of.summary.sort
        end = min(max(summary.header_end, 0), len(raw))
        self.digest = hashlib.blake2b(raw, digest_size=16).digest()
        self.content = (
            of.letter, len(raw), end, sort.sent, sort.day, int(sort.reply), int(summary.attachments), self.digest,
            *map(clean, (sort.subject, sort.from_, sort.to, sort.cc, sort.display_from, sort.display_to)),
            clean(summary.message_id), clean("\n".join(summary.references)),
        )  # fmt: skip
        self.form = (clean(summary.preview), summary.envelope, summary.body, summary.structure, summary.offsets)
        self.header = raw[:end]
        view = memoryview(raw)
        pieces = [compressed(view[at : at + PIECE]) for at in range(end, len(raw), PIECE)]
        self.body, self.pieces = (pieces[0] if pieces else b""), pieces[1:]
        self.words = (
            compressed(summary.words.head.encode("utf-8", "replace")),
            compressed(summary.words.body.encode("utf-8", "replace")),
        )


def clean(text: str) -> str:
    """What both engines take as text: no NUL, no half of a surrogate pair."""
    if text.isascii():
        return text.replace("\0", "\ufffd") if "\0" in text else text
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def compressed(data: bytes | memoryview) -> bytes:
    """zstd, b"" for nothing; a frame that says how long it is."""
    if not len(data):
        return b""
    engine = getattr(_local, "compressor", None)
    if engine is None:
        engine = _local.compressor = zstandard.ZstdCompressor(level=_LEVEL)
    packed: bytes = engine.compress(data)
    return packed


def unpacked(data: bytes) -> bytes:
    """The inverse of `compressed`. StoreTrouble (corrupt)."""
    if not data:
        return b""
    engine = getattr(_local, "decompressor", None)
    if engine is None:
        engine = _local.decompressor = zstandard.ZstdDecompressor()
    try:
        octets: bytes = engine.decompress(data)
    except zstandard.ZstdError as error:
        raise trouble.StoreTrouble(f"a content cannot be unpacked: {error}", trouble.CORRUPT) from error
    return octets


def put(tx: Tx, first: int, contents: Sequence[Content]) -> list[int]:
    """The ids of the contents in this shard, each counted as one reference more: those that are there already, or from
    `first` on, in their order."""
    ids: list[int] = []
    fresh: dict[int, Rows] = {}
    known: dict[int, int] = {}  # the same object twice in one call
    for content in contents:
        number = known.get(id(content)) or _shared(tx, content)
        if number is None:
            number = first + len(fresh)
            fresh[number] = content.pack()
        known[id(content)] = number
        ids.append(number)
    counts = Counter(ids)
    if fresh:
        _insert(tx, fresh, counts)
    more = [(number, count) for number, count in sorted(counts.items()) if number not in fresh]
    if more:
        for statement, parameters in tx.parts(REFS, more):
            tx.run(statement, parameters)
    return ids


def _shared(tx: Tx, content: Content) -> int | None:
    if not content.letter:
        return None
    for number, size, digest in tx.rows(_SHARED, (content.letter,)):
        if size == len(content.raw) and bytes(digest) == content.pack().digest:
            return int(number)
    return None


def _insert(tx: Tx, fresh: dict[int, Rows], counts: Mapping[int, int]) -> None:
    rest = [(number << NUMBERS | n, data) for number, rows in fresh.items() for n, data in enumerate(rows.pieces)]
    many: tuple[tuple[Any, list[Any]], ...] = (
        (_CONTENTS, [(number, counts[number], *rows.content) for number, rows in fresh.items()]),
        (_FORMS, [(number, *rows.form) for number, rows in fresh.items()]),
        (_HEADERS, [(number, rows.header) for number, rows in fresh.items()]),
        (_BODIES, [(number, len(rows.pieces), rows.body) for number, rows in fresh.items()]),
        (_WORDS, [(number, *rows.words) for number, rows in fresh.items()]),
        (_PIECES, rest),
    )  # fmt: skip
    for shape, rows in many:
        if rows:
            for statement, parameters in tx.parts(shape, rows):
                tx.run(statement, parameters)
