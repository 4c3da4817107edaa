"""Bus: messages between the command line and the workers of all nodes, in tables of the server they share.

Made by `Server.bus` and `Server.ear`; used by app.hearing (the workers) and app.asking (who asks them).
Never knows what a message says. NOTIFY only wakes: whoever looks at the tables finds all that is not ended.
Fails with StoreTrouble; each call may be made again, an Ear that lost its connection opens another.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import threading
import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import psycopg

from hatoba.store import postgres, trouble
from hatoba.store.sql import Tx

T = TypeVar("T")
CHANNEL = "hatoba"
ASKED, ANSWERED, DIRECTORY = "asked", "answered", "directory"  # what a NOTIFY says
NAMED = "hatoba bus"  # the application name of connections that listen
# ruff: noqa: S608  # constants in constants
_NOW = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
_POST = f"INSERT INTO message (id, at, until, body) VALUES (?, {_NOW}, {_NOW} + ?, ?) ON CONFLICT DO NOTHING"
_OPEN = f"SELECT id, body FROM message WHERE until > {_NOW} ORDER BY at, id"
# The message is not ended, the shard is ours, nobody was quicker. Made again after a lost answer it is still ours.
_CLAIM = f"""
INSERT INTO answer (message, shard, at, owner, token)
SELECT message.id, lease.number, {_NOW}, ?, ? FROM message, {{}}.shard AS lease
WHERE message.id = ? AND message.until > {_NOW} AND lease.number = ? AND lease.epoch = ?
FOR KEY SHARE OF message FOR SHARE OF lease
ON CONFLICT (message, shard) DO UPDATE SET token = excluded.token WHERE answer.token = excluded.token
RETURNING token"""
_RETURN = "DELETE FROM answer WHERE message = ? AND shard = ? AND body IS NULL"
_ANSWER = "UPDATE answer SET body = ? WHERE message = ? AND shard = ?"
_PROGRESS = "SELECT shard, body IS NOT NULL FROM answer WHERE message = ?"
_ANSWERS = "SELECT shard, owner, body FROM answer WHERE message = ? ORDER BY shard"
_KEPT = 3_600_000  # ms after which what an asker left behind that died is removed


def say(tx: Tx, word: str) -> None:
    """Wakes every Ear when the transaction commits."""
    tx.rows("SELECT pg_notify(?, ?)", (CHANNEL, word))


class Message(NamedTuple):
    """One that is not ended."""

    id: int
    body: bytes


class Answer(NamedTuple):
    """What a shard's owner wrote; `body` None: it has begun and not ended."""

    shard: int
    owner: str
    body: bytes | None


class Bus:
    """One connection into the directory's schema; may be called from any thread, calls take turns.

    A message is carried out at most once for each shard: who `claim`s it does it. When it was ended
    (`close`, or the time it was posted for), nobody can claim it any more.
    """

    def __init__(self, opener: Callable[[], postgres.Connection], schema: Callable[[int], str]) -> None:
        self._open = opener
        self._schema = schema
        self._turn = threading.Lock()
        self._connection: postgres.Connection | None = None

    def post(self, body: bytes, seconds: float) -> int:
        """A message for all workers, that lasts so long; its number. What others left behind is removed."""
        number = secrets.randbits(62)

        def write(tx: Tx) -> None:
            tx.run(f"DELETE FROM message WHERE until + {_KEPT} < {_NOW}")
            tx.run(f"DELETE FROM answer WHERE at + {_KEPT} < {_NOW}")
            tx.run(_POST, (number, int(seconds * 1000), body))
            say(tx, ASKED)

        self._do(write)
        return number

    def messages(self) -> list[Message]:
        """All that are not ended, in the order they were posted."""
        return self._do(lambda tx: [Message(number, bytes(body)) for number, body in tx.rows(_OPEN)])

    def claim(self, message: int, shard: int, epoch: int, owner: str) -> bool:
        """True: it is the caller's to carry the message out for this shard, and nobody else's."""
        statement, token = _CLAIM.format(self._schema(shard)), secrets.randbits(62)
        return bool(self._do(lambda tx: tx.rows(statement, (owner, token, message, shard, epoch))))

    def give_back(self, message: int, shard: int) -> None:
        """The shard was lost before it was done: the claim is its next owner's."""

        def write(tx: Tx) -> None:
            tx.run(_RETURN, (message, shard))
            say(tx, ASKED)

        self._do(write)

    def answer(self, message: int, shard: int, body: bytes) -> bool:
        """Says what became of it; False when the asker does not wait any more."""

        def write(tx: Tx) -> bool:
            found = tx.run(_ANSWER, (body, message, shard)) > 0
            say(tx, ANSWERED)
            return found

        return self._do(write)

    def progress(self, message: int) -> dict[int, bool]:
        """The shards that it was claimed for so far, and whether they are done."""
        return self._do(lambda tx: dict(tx.rows(_PROGRESS, (message,))))

    def end(self, message: int) -> dict[int, Answer]:
        """From now on nobody can begin with it; what was claimed before, by shard."""

        def write(tx: Tx) -> dict[int, Answer]:
            tx.run("DELETE FROM message WHERE id = ?", (message,))  # waits for claims that are being made
            rows = tx.rows(_ANSWERS, (message,))
            return {shard: Answer(shard, owner, None if body is None else bytes(body)) for shard, owner, body in rows}

        return self._do(write)

    def forget(self, message: int) -> None:
        """Removes the answers of a message that was ended."""
        self._do(lambda tx: tx.run("DELETE FROM answer WHERE message = ?", (message,)))

    def tell(self, word: str) -> None:
        """Says a word to every Ear, at once; of less than 8,000 octets."""
        self._do(lambda tx: say(tx, word))

    def close(self) -> None:
        with self._turn:
            self._drop()

    def _do(self, function: Callable[[Tx], T]) -> T:
        """In a transaction; once more on a new connection where one was lost that had stood since earlier."""
        with self._turn:
            fresh = self._connection is None
            try:
                return self._once(function)
            except trouble.StoreTrouble:
                if fresh or self._connection is not None:
                    raise
            return self._once(function)

    def _once(self, function: Callable[[Tx], T]) -> T:
        if self._connection is None:
            self._connection = self._open()
        try:
            with postgres.transaction(self._connection) as tx:
                return function(tx)
        finally:
            if self._connection.broken:
                self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class Ear:
    """Waits for NOTIFY on a connection of its own. One thread waits; `wake` and `close` come from any."""

    def __init__(self, opener: Callable[[], postgres.Connection]) -> None:
        self._open = opener
        self._connection: postgres.Connection | None = None
        self._redial = 0.0  # not before that (monotonic)
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def wait(self, seconds: float) -> set[str] | None:
        """The words said until the first that comes, {} after `seconds`; None when some may have been missed:
        the connection is new, or there is none."""
        if self._connection is None and self._dial():
            return None
        connection, heard = self._connection, set[str]()
        try:
            if connection is None:
                select.select([self._wake], [], [], seconds)
                return None
            if not (heard := _words(connection)):  # what came with an answer is no news to the socket
                select.select([connection.fileno(), self._wake], [], [], seconds)
                heard = _words(connection)
        except (psycopg.Error, OSError):
            self._hang_up()
            return None
        return heard

    def wake(self) -> None:
        """`wait` returns, now and whenever it is called again: for who wants to end."""
        os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        """Nobody waits any more."""
        self._hang_up()
        os.close(self._wake)

    def _dial(self) -> bool:
        if time.monotonic() < self._redial:
            return False
        self._redial = time.monotonic() + postgres.LONGEST_PAUSE
        try:
            connection = self._connection = self._open()
            connection.execute(f"LISTEN {CHANNEL}")
        except (psycopg.Error, trouble.StoreTrouble):
            self._hang_up()
            return False
        return True

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error):
                connection.close()


def _words(connection: postgres.Connection) -> set[str]:
    """What libpq has of notifications, and what the socket holds."""
    line = connection.pgconn
    line.consume_input()
    heard = set()
    while (notice := line.notifies()) is not None:
        heard.add(bytes(notice.extra).decode("utf-8", "replace"))
    return heard
