"""Letters at rest: to row and back.

Called by queue (load at refill), delivery through it (content, chunks) and journal; writer uses `row` to seal.
Never writes: sealing and settling belong to writer.
Fails with BadRow naming the letter, Gone when there is none, StoreTrouble when the disk fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import msgspec
from sqlalchemy import func, select

from hatoba.model.envelope import Envelope, Letter, Source
from hatoba.store import blobs, sql, trouble
from hatoba.store.sql import CHUNK, Multi, Reader
from hatoba.store.tables import letter as _letter

LETTERS = sql.added(_letter)
_HEAD = [column for column in _letter.c if column.name != "body"]
WHOLE = Multi(sql.text(select(*_letter.c)) + " WHERE id {among}", "i")
_HEADS = Multi(sql.text(select(*_HEAD)) + " WHERE id {among}", "i")
_COUNT = sql.text(select(func.count()).select_from(_letter))
_DOTTED, _EIGHTBIT = 1, 2  # bits of letter.flags


class _Meta(msgspec.Struct, omit_defaults=True):
    """What no statement ever looks for, as one JSON object."""

    envelope: Envelope
    source: Source
    message_id: str = ""
    header_from: str = ""
    subject: str = ""
    top: bytes = b""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Meta).decode


def row(letter: Letter, body: bytes | None) -> tuple[Any, ...]:
    """The columns of a letter in the table's order. Hot."""
    envelope = letter.envelope
    return (
        letter.id,
        letter.accepted,
        letter.expires,
        "<>" if envelope.sender is None else str(envelope.sender),
        letter.size,
        letter.dotted * _DOTTED | letter.eightbit * _EIGHTBIT,
        _encode(_Meta(envelope, letter.source, letter.message_id, letter.header_from, letter.subject, letter.top)),
        letter.blob,
        body,
    )


def load(reader: Reader, number: int, content: bool = True) -> Letter:
    """The letter; with its content unless that is a blob (letter.blob names it) or `content` is False."""
    letters, troubles = load_many(reader, (number,), content)
    if troubles:
        raise troubles[0]
    return letters[number]


def load_many(
    reader: Reader, numbers: Sequence[int], content: bool = True
) -> tuple[dict[int, Letter], list[trouble.BadRow | trouble.Gone]]:
    """The same for many in few statements: letters by id, and a BadRow or Gone for each that cannot be had.

    A page of the database that cannot be read spoils a whole statement: then each letter is tried alone.
    """
    letters: dict[int, Letter] = {}
    troubles: list[trouble.BadRow | trouble.Gone] = []
    shape = WHOLE if content else _HEADS
    for start in range(0, len(numbers), CHUNK):
        part = numbers[start : start + CHUNK]
        for number, found in zip(part, _fetch(reader, shape, part), strict=True):
            if isinstance(found, Letter):
                letters[number] = found
            else:
                troubles.append(found)
    return letters, troubles


def _fetch(reader: Reader, shape: Multi, numbers: Sequence[int]) -> list[Letter | trouble.BadRow | trouble.Gone]:
    try:
        read = [reader.rows(*part) for part in reader.parts(shape, numbers)]
        by_id = {found[0]: found for found in chain.from_iterable(read)}
    except trouble.StoreTrouble as broken:
        if broken.kind != trouble.CORRUPT:
            raise
        if len(numbers) == 1:
            return [trouble.BadRow(numbers[0], str(broken))]
        return [_fetch(reader, shape, (number,))[0] for number in numbers]
    return [_made(by_id[number]) if number in by_id else trouble.Gone(number) for number in numbers]


def _made(found: tuple[Any, ...]) -> Letter | trouble.BadRow:
    number, accepted, expires, _, size, flags, meta, blob, *rest = found
    try:
        known = _decode(meta)
    except (msgspec.DecodeError, TypeError, UnicodeDecodeError) as error:
        return trouble.BadRow(number, f"its row cannot be read: {error}")
    body, top = rest[0] if rest else None, known.top
    if top and not blob and isinstance(body, bytes):  # imported where all bodies are in rows
        body, top = top + body, b""
    if rest and not blob and (not isinstance(body, bytes) or len(body) != size):
        return trouble.BadRow(number, f"its body is not the {size} octets it was")
    return Letter(
        id=number,
        accepted=accepted,
        expires=expires,
        envelope=known.envelope,
        source=known.source,
        size=size,
        content=body,
        blob=blob,
        dotted=bool(flags & _DOTTED),
        eightbit=bool(flags & _EIGHTBIT),
        message_id=known.message_id,
        header_from=known.header_from,
        subject=known.subject,
        top=top,
    )


def chunks(depot: blobs.Depot, letter: Letter, size: int = 256 * 1024) -> Iterator[bytes]:
    """The content in pieces: of letter.content if there, else of its blob. Reads the disk or the network: in a thread.

    BadRow when the blob is missing or not what it was: found before the first piece is given.
    """
    if letter.content is not None:
        return (letter.content[start : start + size] for start in range(0, len(letter.content), size))
    if not letter.blob:
        raise ValueError("the letter was loaded without its content")
    try:
        rest = depot.read(letter.blob, letter.apart, size)
    except blobs.Damaged as error:
        raise trouble.BadRow(letter.id, str(error)) from None
    return chain((letter.top,), rest) if letter.top else rest


def apart(size: int, meta: bytes) -> int:
    """The octets that lie in the blob of a letter with these columns; all where `meta` cannot be read."""
    try:
        return size - len(_decode(meta).top)
    except (msgspec.DecodeError, TypeError, UnicodeDecodeError):
        return size


def content(depot: blobs.Depot, letter: Letter) -> bytes:
    """The whole content of a letter that has it in memory or in a blob."""
    return letter.content if letter.content is not None else b"".join(chunks(depot, letter))


def count(reader: Reader) -> int:
    """How many letters are in the shard. Reads every leaf of the table: for checks and benches; see queue.counts."""
    return int(reader.rows(_COUNT)[0][0])
