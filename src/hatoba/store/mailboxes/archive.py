"""Archive: a mail shard as one file that either engine can be filled from: all rows of all tables, in frames.

Called by backup for what a server holds, and by refill.
Never writes into a shard that has an account.
Fails with BadArchive for a file that is none, StoreTrouble.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from hatoba.store import sql, trouble
from hatoba.store.base import Base
from hatoba.store.mailboxes import places, tables
from hatoba.store.mailboxes.settings import Settings
from hatoba.store.mailboxes.stores import MailStore
from hatoba.store.sql import Reader, Tx

_ROWS = 200  # in a frame
_TABLES = {name: table for name, table in tables.mail_tables.tables.items() if name != "writer"}
_INSERTS = {name: sql.added(table, after=" ON CONFLICT DO NOTHING") for name, table in _TABLES.items()}
_MOST = 1 << 30  # octets of a frame
Frame = tuple[str, list[list[Any]]]


class BadArchive(trouble.StoreTrouble):
    """The file is not what `frames` wrote."""


def name(number: int) -> str:
    """The file of a shard in a backup."""
    return f"{places.FOLDER}/{number:04d}.rows"


def numbers(home: Base) -> list[int]:
    """The mail shards of a home; none before they were made."""
    store = MailStore(home, Settings(readers=1))
    try:
        return list(range(store.count)) if store.made else []
    finally:
        store.close()


def write(home: Base, number: int, put: Callable[[Iterator[bytes]], object]) -> dict[str, int]:
    """Hands one state of a shard to `put`, piece by piece; rows by table."""
    counts = dict.fromkeys(_TABLES, 0)
    store = MailStore(home, Settings(readers=1))
    try:
        store.numbered(number).look(lambda reader: put(frames(reader, counts)))
    finally:
        store.close()
    return counts


def frames(reader: Reader, counts: dict[str, int]) -> Iterator[bytes]:
    """The rows of every table; a frame is its length in 4 octets and a MessagePack array of table and rows."""
    yield _frame(("revision", [[tables.MAIL_REVISION]]))
    for table in _TABLES.values():
        keys = [column.name for column in table.primary_key]
        columns = [f'"{column.name}"' for column in table.columns]
        at = [list(table.columns.keys()).index(key) for key in keys]
        select = f'SELECT {", ".join(columns)} FROM "{table.name}"'  # noqa: S608  # ours
        order = f" ORDER BY {', '.join(keys)} LIMIT {_ROWS}"
        rows = reader.rows(select + order)
        while rows:
            counts[table.name] += len(rows)
            yield _frame((str(table.name), [list(row) for row in rows]))
            last = tuple(rows[-1][place] for place in at)
            marks = ", ".join("?" * len(keys))
            rows = reader.rows(f"{select} WHERE ({', '.join(keys)}) > ({marks}){order}", last)


def fill(tx: Tx, path: Path) -> None:
    """Puts the rows of an archive into an empty shard."""
    if tx.rows("SELECT 1 FROM account LIMIT 1"):
        raise trouble.StoreTrouble("the mail shards are not empty: they have accounts")
    tx.run("DELETE FROM cursor")
    tx.run("DELETE FROM shard")
    for table, rows in read(path):
        for statement, parameters in tx.parts(_INSERTS[table], rows):
            tx.run(statement, parameters)


def read(path: Path) -> Iterator[Frame]:
    """The frames of an archive. BadArchive."""
    decoder = msgspec.msgpack.Decoder(tuple[str, list[list[Any]]])
    first = True
    with path.open("rb") as file:
        while head := file.read(4):
            octets = int.from_bytes(head, "big")
            body = file.read(octets) if octets <= _MOST else b""
            try:
                table, rows = decoder.decode(body)
            except msgspec.DecodeError as error:
                raise BadArchive(f"{path.name}: {error}") from error
            if first and (table != "revision" or rows != [[tables.MAIL_REVISION]]):
                raise BadArchive(f"{path.name} is of another revision than {tables.MAIL_REVISION}: {rows!r:.40}")
            if not first and table not in _TABLES:
                raise BadArchive(f"{path.name} has a table {table!r:.40}")
            if not first:
                yield table, rows
            first = False


def _frame(frame: Frame) -> bytes:
    packed = msgspec.msgpack.encode(frame)
    return len(packed).to_bytes(4, "big") + packed
