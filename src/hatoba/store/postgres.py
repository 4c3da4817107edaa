"""The other driver's half of the store: PostgreSQL through psycopg, beside `sqlite`.

Called by server; the functions of spool, queue and journal get its Reader or Tx and see no difference.
Never knows a table of ours, but for the row of a shard that fences its commits and the counter of the directory.
Fails with StoreTrouble (trouble.known) for whatever the driver raises; a connection that is lost is opened again.
"""

from __future__ import annotations

import contextlib
import secrets
import select
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn, Self

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.types.numeric import Int8BinaryDumper
from psycopg.types.string import StrBinaryDumper

from hatoba.store import arrays, sql, tables, trouble
from hatoba.store.sql import Rows, Statement

Connection = psycopg.Connection[tuple[Any, ...]]

PREPARE_AFTER = 2  # uses of a statement
PREPARED = 500
# Divides by nought, which ends the transaction, unless the shard is still ours; the lock keeps it so until the commit.
# What it writes is the commit's own number: found again, it says that a commit happened whose answer never came.
FENCE = (
    "INSERT INTO cursor (name, seq) SELECT 'commit', %s / count(*)"
    " FROM (SELECT 1 FROM shard WHERE number = %s AND epoch = %s FOR SHARE) AS lease"
    " ON CONFLICT (name) DO UPDATE SET seq = excluded.seq"
)
_DIVISION = "22012"
# For who holds no lock that others wait for, and pauses between two statements: its disk or pipe may be slow.
PATIENT = "SET LOCAL idle_in_transaction_session_timeout = '1h'"
_SESSION = {
    "timezone": "UTC",
    "enable_seqscan": "off",  # every statement has its index; what the server knows of a table's size is often old
    "jit": "off",
    "idle_in_transaction_session_timeout": "10s",  # who takes a shard over waits for the lock of a node cut off
    "lock_timeout": "10s",
    "client_connection_check_interval": "5s",
}
# All that a writer runs finds rows by key. Planned once, for any number of rows; a plan for few would be one for many.
_WRITER = (
    "SELECT set_config('plan_cache_mode', 'force_generic_plan', false), set_config('enable_hashjoin', 'off', false),"
    " set_config('enable_mergejoin', 'off', false), set_config('synchronous_commit',"
    " CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END,"
    " false), pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
)
_END = "SELECT pg_terminate_backend(pid, %s) FROM pg_stat_activity WHERE pid = %s AND backend_start = %s"
_GONE_WITHIN = 5000  # ms for a connection of ours, told to end, to be gone
_LAST = "SELECT epoch, (SELECT seq FROM cursor WHERE name = 'commit') FROM shard WHERE number = %s"
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0  # seconds between attempts to connect
_HUNG_UP = select.POLLHUP | select.POLLRDHUP | select.POLLERR
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
            options=" ".join(f"-c {name}={value}" for name, value in ({"search_path": schema} | _SESSION).items()),
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
    arrays.register(opened)
    return opened


def translated(text: str) -> str:
    """The text with psycopg's marks instead of ours, and what has to be said in another way."""
    found = _texts.get(text)
    if found is None:
        found = tables.NOT_ACTIVE_WRITTEN.sub(tables.NOT_ACTIVE_OPAQUE, text).replace("%", "%%").replace("?", "%s")
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

    def parts(self, shape: sql.Multi, rows: Sequence[Any]) -> Iterator[tuple[str, Sequence[Any]]]:
        return arrays.parts(shape, rows)

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
            self._begin(PATIENT)
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

    `fence` is (number, epoch) of the shard; each transaction begins with it and a number of its own. When the
    connection breaks while COMMIT is on its way, `commit` raises Doubt, and a later Link's `happened` finds out.
    """

    def __init__(self, connection: Connection, name: str, fence: tuple[int, int]) -> None:
        self._connection = connection
        self._name = name
        self._fence = fence
        self._pipeline: Any = None
        self._mark = 0
        self.tx = Tx(connection)
        try:
            row = connection.execute(_WRITER).fetchone()
        except psycopg.Error as error:
            connection.close()
            raise trouble.of(error, f"opening {name}") from error
        self._self = row[-2:] if row else ()
        self._poll = select.poll()
        self._poll.register(connection.fileno(), _HUNG_UP)

    def mend(self) -> None:
        return  # the server mends itself: it ends and starts anew when an fsync of its own failed

    def alive(self) -> bool:
        """A server that restarts says so, or at least closes: 2 µs, and it costs no letter a 451."""
        return not any(flags & _HUNG_UP for _, flags in self._poll.poll(0))

    def begin(self) -> None:
        self._pipeline = self._connection.pipeline()
        self._pipeline.__enter__()
        self._connection.execute("BEGIN")
        self._mark = secrets.randbits(62)
        self._connection.execute(FENCE, (self._mark, *self._fence))

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
        try:
            done = self._connection.execute("COMMIT")
            self.flush()
        except psycopg.Error as error:
            if self._connection.closed:
                raise trouble.Doubt(f"{self._name}: {error}", (self._mark, *self._self)) from error
            raise
        if done.statusmessage != "COMMIT":  # a statement failed and somebody went on: the server rolled back
            raise trouble.StoreTrouble(f"{self._name}: the commit ended as {done.statusmessage}")

    def happened(self, mark: tuple[Any, ...]) -> bool:
        """Ends the connection that the commit was sent by, so that it cannot still happen, and looks for its number."""
        number, pid, since = mark
        try:
            ended = self._connection.execute(_END, (_GONE_WITHIN, pid, since)).fetchone()
            if ended is not None and not ended[0]:
                raise trouble.StoreTrouble(f"{self._name}: connection {pid} does not end", trouble.LOST)
            return self._committed(number)
        except psycopg.Error as error:
            raise trouble.of(error, "asking for the last commit") from error

    def _committed(self, mark: int) -> bool:
        """The last commit of this writer is the one with that number."""
        found = self._connection.execute(_LAST, (self._fence[0],)).fetchone()
        if found is None or found[0] != self._fence[1]:
            raise trouble.ShardLost(self._name)
        return bool(found[1] == mark)

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


class Redial:
    """Opens a writer's connection, but not again at once where that has just failed: each batch would try."""

    def __init__(self, dial: Callable[[], Link]) -> None:
        self._dial = dial
        self._pause = 0.0  # seconds
        self._next = 0.0  # on the monotonic clock
        self._said = ""

    def __call__(self) -> Link:
        if time.monotonic() < self._next:
            raise trouble.StoreTrouble(self._said, trouble.LOST)
        try:
            link = self._dial()
        except trouble.StoreTrouble as error:
            self._pause = min(LONGEST_PAUSE, max(FIRST_PAUSE, self._pause * 2))
            self._next = time.monotonic() + self._pause
            self._said = str(error)
            raise
        self._pause = 0.0
        return link


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
