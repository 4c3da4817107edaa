"""The other driver's half of the store: PostgreSQL through psycopg, beside `sqlite`.

Called by server; the functions of spool, queue and journal get its Reader or Tx and see no difference.
Never knows a table of ours, but for the row of a shard that fences its commits and the counter of the directory.
Fails with StoreTrouble (trouble.known) for whatever the driver raises; a connection that is lost is opened again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn, Self

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.types.numeric import Int8BinaryDumper
from psycopg.types.string import StrBinaryDumper

from hatoba.store import sql, trouble
from hatoba.store.sql import Rows, Statement

Connection = psycopg.Connection[tuple[Any, ...]]

PREPARE_AFTER = 2  # uses of a statement; the hot ones come in up to sql.CHUNK lengths each
PREPARED = 500
# Divides by nought, which ends the transaction, unless the shard is still ours; the lock keeps it so until the commit.
FENCE = "SELECT 1 / count(*) FROM (SELECT 1 FROM shard WHERE number = %s AND epoch = %s FOR SHARE) AS lease"
_DIVISION = "22012"
_texts: dict[str, str] = {}  # ours to psycopg's


def connect(url: str, schema: str, *, timeout: float, application: str = "hatoba") -> Connection:
    """A connection whose names are looked up in `schema`; transactions begin and end where we say so."""
    try:
        opened = psycopg.connect(
            url,
            autocommit=True,
            prepare_threshold=PREPARE_AFTER,
            connect_timeout=max(1, round(timeout)),
            application_name=application,
            options=f"-c search_path={schema} -c timezone=UTC",
            keepalives_idle=10,  # seconds: a server that is cut off is noticed by those who only read, too
            keepalives_interval=5,
            keepalives_count=3,
            tcp_user_timeout=15_000,
        )
    except psycopg.Error as error:
        raise trouble.of(error, "connecting to PostgreSQL") from error
    opened.prepared_max = PREPARED
    # One type for each kind of value: else psycopg sends 5 as int2 and 70000 as int4, and prepares each mix anew.
    opened.adapters.register_dumper(int, Int8BinaryDumper)
    opened.adapters.register_dumper(str, StrBinaryDumper)
    return opened


def translated(text: str) -> str:
    """The text with psycopg's marks instead of ours."""
    found = _texts.get(text)
    if found is None:
        found = text.replace("%", "%%").replace("?", "%s")
        if len(_texts) < 10_000:
            _texts[text] = found
    return found


class Reader(sql.Reader):
    """See sql.Reader. Opens its connection at the first use, and again when it was lost."""

    __slots__ = ("_connection", "_open", "_snapshot")

    def __init__(self, opener: Callable[[], Connection]) -> None:
        self._open = opener
        self._connection: Connection | None = None
        self._snapshot = False

    def rows(self, statement: Statement, parameters: Sequence[Any] = ()) -> Rows:
        if not isinstance(statement, str):
            statement, parameters = sql.bound(statement)
        fresh = self._connection is None
        try:
            return self._fetch(statement, parameters)
        except psycopg.Error as error:
            if not self._dead() or fresh or self._snapshot:
                self._raise(error, "reading the store")
        try:  # the server was restarted, or cut off for a while, since we last asked
            return self._fetch(statement, parameters)
        except psycopg.Error as error:
            self._raise(error, "reading the store")

    def _fetch(self, text: str, parameters: Sequence[Any]) -> Rows:
        connection = self._connection
        if connection is None:
            connection = self._connection = self._open()
        return connection.execute(translated(text), parameters, binary=True).fetchall()

    def _dead(self) -> bool:
        """The connection is gone; the next use opens another."""
        connection = self._connection
        if connection is None or not connection.broken:
            return connection is None
        connection.close()
        self._connection = None
        return True

    def _raise(self, error: psycopg.Error, doing: str) -> NoReturn:
        self._dead()
        raise trouble.of(error, doing) from error

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Self]:
        self.rows("SELECT 1")  # a connection that lives
        self._snapshot = True
        try:
            self._begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield self
        finally:
            self._snapshot = False
            connection = self._connection
            if connection is not None and connection.info.transaction_status != TransactionStatus.IDLE:
                with contextlib.suppress(psycopg.Error):
                    connection.execute("ROLLBACK")

    def _begin(self, text: str) -> None:
        assert self._connection is not None  # noqa: S101  # the caller asked it something
        try:
            self._connection.execute(text)
        except psycopg.Error as error:
            self._raise(error, "reading the store")

    def version(self) -> int:
        return int(self.rows("SELECT n FROM change")[0][0])

    def last_seq(self) -> int:
        """Of what is visible: the sequence itself runs ahead of commits, and a cursor set by it would miss events."""
        return int(self.rows("SELECT coalesce(max(seq), 0) FROM event")[0][0])

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Tx(Reader, sql.Tx):
    """See sql.Tx. Its connection has a transaction open, so it is never opened again."""

    __slots__ = ()

    def __init__(self, connection: Connection) -> None:
        super().__init__(lambda: connection)
        self._connection = connection
        self._snapshot = True

    def run(self, statement: Statement, parameters: Sequence[Any] = ()) -> int:
        if not isinstance(statement, str):
            statement, parameters = sql.bound(statement)
        assert self._connection is not None  # noqa: S101  # set when it was made
        try:
            return self._connection.execute(translated(statement), parameters).rowcount
        except psycopg.Error as error:
            raise trouble.of(error, "writing the store") from error

    def _dead(self) -> bool:
        return False


class Link(sql.Link):
    """See sql.Link. Statements are gathered in a pipeline: a commit of letters alone is one trip to the server.

    `fence` is (number, epoch) of the shard; each transaction begins with it. When the connection breaks while COMMIT
    is on its way nobody knows whether it happened: the items fail, which for a letter means that the peer keeps it (and
    may send it a second time), for a settlement that it is written again, which changes nothing.
    """

    def __init__(self, connection: Connection, name: str, fence: tuple[int, int]) -> None:
        self._connection = connection
        self._name = name
        self._fence = fence
        self._pipeline: Any = None
        self.tx = Tx(connection)

    def begin(self) -> None:
        self._pipeline = self._connection.pipeline()
        self._pipeline.__enter__()
        self._connection.execute("BEGIN")
        self._connection.execute(FENCE, self._fence)

    def run(self, text: str, parameters: Sequence[Any] = ()) -> None:
        self._connection.execute(translated(text), parameters or None)

    def flush(self) -> None:
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is None:
            return
        try:
            pipeline.__exit__(None, None, None)
        except psycopg.Error as error:
            if error.sqlstate == _DIVISION:
                raise trouble.ShardLost(self._name) from error
            raise

    def commit(self) -> None:
        self._connection.execute("COMMIT")
        self.flush()

    def rollback(self) -> None:
        with contextlib.suppress(psycopg.Error):  # what is gathered fails with the transaction
            self.flush()
        self._connection.execute("ROLLBACK")

    @property
    def open(self) -> bool:
        if self._pipeline is not None:
            with contextlib.suppress(psycopg.Error, trouble.ShardLost):
                self.flush()
        status = self._connection.info.transaction_status
        return status in (TransactionStatus.INTRANS, TransactionStatus.INERROR)

    def grew(self, octets: int) -> None:
        return

    def close(self) -> None:
        with contextlib.suppress(psycopg.Error, trouble.ShardLost):
            self.flush()
        with contextlib.suppress(psycopg.Error):
            self._connection.close()


@contextlib.contextmanager
def transaction(connection: Connection) -> Iterator[Tx]:
    """BEGIN … COMMIT around a few cold writes; ROLLBACK when the block or the commit fails."""
    tx = Tx(connection)
    tx.run("BEGIN")
    try:
        yield tx
        tx.run("COMMIT")
    finally:
        if connection.info.transaction_status not in (TransactionStatus.IDLE, TransactionStatus.UNKNOWN):
            with contextlib.suppress(psycopg.Error):  # the first error is the one to hear of
                connection.execute("ROLLBACK")
