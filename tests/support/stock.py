"""A shard with something of everything: letters in all states, large bodies, a journal with its index, held lanes.

Used by the tests of backup, restore, verify and export: what they do to a node is compared row by row.
Never invents a form: events, terms and rows are made by the rooms that own them.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hatoba.journal import forms, search
from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Letter, Recipient, Source
from hatoba.store import queue, rows, transfer
from hatoba.store.base import Base
from hatoba.store.shard import Shard

NOW = 1_795_000_000_000
BODY = b"From: carol@b.example\r\nSubject: x\r\n\r\nhello\r\n"


def number(shard: int, count: int) -> int:
    """An id of the shard."""
    return (count + 1) << 22 | shard << 12


def letter(identity: int, body: bytes = BODY, to: Sequence[str] = ("bob@c.example",)) -> Letter:
    recipients = tuple(Recipient(Address.parse(one), "FAILURE") for one in to)
    return Letter(
        id=identity,
        accepted=NOW,
        expires=NOW + 10 * 365 * 86_400_000,
        envelope=Envelope(Address("carol", "b.example"), recipients, envid="é\x7f"),
        source=Source("mx", "192.0.2.1", 25, "client.example"),
        size=len(body),
        content=body,
        message_id=f"<{identity}@b.example>",
        subject="日本",
    )


def seal(identity: int, body: bytes = BODY, to: Sequence[str] = ("bob@c.example",), **columns: Any) -> rows.Seal:
    made = letter(identity, body, to)
    values = {"state": rows.READY, "next_at": NOW} | columns
    listed = [
        rows.RecipientRow(identity, n, one, one.partition("@")[2], f"mx:{one.partition('@')[2]}", **values)
        for n, one in enumerate(to)
    ]
    return rows.Seal(made, listed, [forms.accepted(made)])


def put(opened: Shard, seals: Sequence[rows.Seal]) -> None:
    """Makes the letters durable, as the queue does."""

    async def all_of_them() -> None:
        await asyncio.gather(*(opened.writer.seal(one) for one in seals))

    asyncio.run(all_of_them())


def take_apart(opened: Shard, sealed: rows.Seal) -> None:
    """The header stays with the letter, a draft holds the rest."""
    made = sealed.letter
    assert made.content is not None
    at = made.content.index(b"\r\n\r\n") + 2
    sealed.draft = opened.blobs.draft(made.id)
    sealed.draft.append(made.content[at:])
    made.top, made.content = made.content[:at], None


def fill(opened: Shard, count: int = 20, large: int = 6000) -> list[int]:
    """`count` letters, one in four with a body of about `large` octets, every second of these with its header apart as
    a door hands it in; their events indexed but for the last."""
    ids = [number(opened.number, n) for n in range(count)]
    seals = []
    for n, identity in enumerate(ids):
        body = BODY if n % 4 else BODY + b"\0\r\n" + bytes([n % 256]) * (large + n)
        to = [f"bob{n}@c.example", "döra@d.example"][: 1 + n % 2]
        state = (rows.READY, rows.ACTIVE, rows.HELD, rows.QUARANTINED)[n % 4]
        seals.append(seal(identity, body, to, state=state, last=b'{"code":"4.3.2","text":"later"}'))
        if n % 8 == 4:
            take_apart(opened, seals[-1])
    put(opened, seals)
    opened.write(lambda tx: search.catch_up(tx, count - 1))
    opened.write(lambda tx: queue.put_lane(tx, rows.LaneRow("mx:c.example", True, "by hand — ü", NOW)))
    return ids


Table = dict[str, list[tuple[Any, ...]]]


def everything(home: Base) -> dict[str, Table]:
    """Every row of every table that travels, by part and table."""
    found: dict[str, Table] = {}
    for one in home.numbers():
        with home.reader(one) as reader:
            found[f"shard {one}"] = {name: read(reader.rows, name) for name in transfer.SHARD}
    register = home.register()
    found["directory"] = {name: read(register.reader.rows, name) for name in transfer.DIRECTORY}
    register.close()
    return found


def read(ask: Callable[[str], list[tuple[Any, ...]]], table: str) -> list[tuple[Any, ...]]:
    columns = ", ".join(transfer.columns(transfer.ALL[table]))
    return sorted(ask(f"SELECT {columns} FROM {table}"), key=repr)  # noqa: S608  # ours


def bodies(data: Path) -> dict[str, bytes]:
    """The large bodies in files, by shard and name."""
    folder = data / "blobs"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.glob("*/*") if path.is_file()}
