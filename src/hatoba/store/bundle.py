# ruff: noqa: S608  names of our own tables and columns, no value ever stands in a text
"""Bundle: all rows of a commit in ONE statement, an INSERT into a view whose triggers put each row where it belongs.

Used by writer through work. Each sqlite3_step of the driver lets go of the interpreter's lock, and beside a busy event
loop every return costs a switch interval and two changes of thread: seven statements and a COMMIT made a commit of
some fourteen such waits, one statement that commits by itself makes it one.
Never part of the schema: view and triggers are TEMP, made anew with each writing connection.
Fails as the statements inside the triggers fail: then nothing of the whole bundle was written.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Table

from hatoba.store.tables import event, letter, recipient

LETTER, RECIPIENT, UPDATE, KEY_GONE, LETTER_GONE, EVENT = 1, 2, 3, 4, 5, 6
WIDTH = 12  # columns of the widest row, beside the one that says what it is
MOST = 2048  # rows of one statement: SQLite takes 32,766 parameters

_COLUMNS = [f"c{i}" for i in range(1, WIDTH + 1)]
_NEW = [f"new.{name}" for name in _COLUMNS]
_PADS: list[tuple[None, ...]] = [(None,) * (WIDTH - width) for width in range(WIDTH + 1)]
_NOTHING = (0,) + (None,) * WIDTH  # a row that no trigger hears: fills the statement up to a length known already


def _insert(table: Table, *columns: str) -> str:
    names = columns or tuple(column.name for column in table.columns)
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join(_NEW[: len(names)])})"


_UPDATED = ("site", "state", "attempts", "next_at", "priority", "crashes", "params", "last")
_BODIES = {
    LETTER: _insert(letter),
    RECIPIENT: _insert(recipient),
    UPDATE: f"UPDATE {recipient.name} SET "
    + ", ".join(f"{name} = {new}" for name, new in zip(_UPDATED, _NEW[2:], strict=False))
    + " WHERE letter = new.c1 AND n = new.c2",
    KEY_GONE: f"DELETE FROM {recipient.name} WHERE letter = new.c1 AND n = new.c2",
    LETTER_GONE: f"DELETE FROM {recipient.name} WHERE letter = new.c1; DELETE FROM {letter.name} WHERE id = new.c1",
    EVENT: _insert(event, "letter", "at", "kind", "data"),
}
_HEAD = f"INSERT INTO bundle (what, {', '.join(_COLUMNS)}) VALUES "
_GROUP = "(" + ", ".join("?" * (WIDTH + 1)) + ")"
_TEXTS: dict[int, str] = {}


def prepare(connection: sqlite3.Connection) -> None:
    """Makes the view and its triggers on a writing connection."""
    nulls = ", ".join(f"NULL AS {name}" for name in _COLUMNS)
    connection.execute(f"CREATE TEMP VIEW bundle AS SELECT 0 AS what, {nulls}")
    for what, body in _BODIES.items():
        connection.execute(
            f"CREATE TEMP TRIGGER bundle_{what} INSTEAD OF INSERT ON bundle WHEN new.what = {what} BEGIN {body}; END"
        )


def _length(count: int) -> int:
    """The length of the statement for so many rows: few different ones, so that all stay prepared."""
    if count <= 8:
        return count
    step = 4 if count <= 32 else 16 if count <= 128 else 128
    return -(-count // step) * step


def statements(rows: Sequence[tuple[int, Iterable[Any]]]) -> list[tuple[str, list[Any]]]:
    """(text, parameters) for rows of (what, columns), in their order; one statement unless there are very many."""
    found: list[tuple[str, list[Any]]] = []
    for start in range(0, len(rows), MOST):
        part = rows[start : start + MOST] if len(rows) > MOST else rows
        parameters: list[Any] = []
        for what, columns in part:
            parameters.append(what)
            before = len(parameters)
            parameters += columns
            parameters += _PADS[len(parameters) - before]
        length = min(_length(len(part)), MOST)
        for _ in range(length - len(part)):
            parameters += _NOTHING
        text = _TEXTS.get(length)
        if text is None:
            text = _TEXTS[length] = _HEAD + ", ".join([_GROUP] * length)
        found.append((text, parameters))
    return found
