"""Writer: the one thread that writes a shard. Everything waiting goes into one commit, one fsync.

Started by shard; called by queue (seal, settle, do) on the event loop, by commands (wait) without one.
Never acknowledges before the commit is on the disk; never lets one bad item spoil another's.
Fails by the future: StoreTrouble when the commit did not happen; the thread itself survives and tries the next one.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import structlog

from hatoba.store import blobs, shipping, sql, trouble, work
from hatoba.store.doubt import Doubt
from hatoba.store.line import Line
from hatoba.store.rows import Seal, Settle
from hatoba.store.settings import Settings
from hatoba.store.sql import Tx
from hatoba.store.trouble import StoreTrouble
from hatoba.store.work import Work

T = TypeVar("T")
_ASK_AGAIN = 0.5  # seconds between two attempts to clear a doubt while nothing else is written
_PAGE = 8192
_log = structlog.get_logger("hatoba.store")


class Writer:
    """Group commit for one shard.

    `commits` and `items` count what reached the disk, `trouble` is the last commit's failure, None when it went well.
    `whole` says that every body lives in its row, however large: where no other node sees this one's disk.
    `trap`, for tests, is called with the number of each step (fsync, rename, statement, commit, unlink) before it.
    """

    def __init__(self, connect: Callable[[], sql.Link], depot: blobs.Depot, settings: Settings, name: str) -> None:
        self.commits = 0
        self.items = 0
        self.trouble: StoreTrouble | None = None
        self.whole = False
        self.trap: Callable[[int], None] | None = None
        self._steps = 0
        self._connect = connect
        self._ill = False  # the medium failed: mend before the next commit
        self._unsure = False  # COMMIT was begun: if it fails, nobody knows what is on the disk
        self._link: sql.Link | None = None
        self._depot = depot
        self._blobs = depot.numbers()
        self._settings = settings
        self._name = name
        self._line = Line(settings)
        self._doubt: Doubt | None = None  # of the last commit
        self._closed = False
        self._thread = threading.Thread(target=self._live, name=name, daemon=True)

    @property
    def thread_id(self) -> int:
        """The thread's ident, 0 before it has started: for who measures its CPU."""
        return self._thread.ident or 0

    # The callers' side

    @property
    def _inline(self) -> int:
        return sys.maxsize if self.whole or self._depot.remote else self._settings.inline

    def start(self, *, thread: bool = True) -> None:
        """Opens the connection (StoreTrouble here rather than in the first letter) and starts the thread.

        Without the thread nothing is written until somebody calls `turn`: a simulation, which answers the batches too.
        """
        self._link = self._connect()
        self._blobs = self._depot.numbers()
        if thread:
            self._thread.start()

    @property
    def waits(self) -> bool:
        """Something is to be written: `turn` would not block."""
        return self._line.waiting.qsize() > 0

    def seal(self, seal: Seal) -> asyncio.Future[None]:
        """Makes a letter durable; the future is done when it is on the disk. ValueError if it contradicts itself."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        item = Work(future)
        if self._depot.remote:
            shipping.seal(item, seal, self._settings.inline, self._depot, self._put)
            return future
        if self.whole and seal.draft is not None:
            seal.letter.content, seal.letter.top = seal.letter.top + seal.draft.read(), b""
            seal.draft.discard()
            seal.draft = None
        item.seal(seal, self._inline)
        self._put(item)
        return future

    def settle(self, settle: Settle) -> asyncio.Future[None]:
        """Writes the end of attempts, wholly or not at all; it may wait settings.ride for a commit to share.

        Whoever hands in a seal or a function later finds it done by then: it rides with the first commit that comes.
        """
        if self._closed:
            raise StoreTrouble(f"{self._name} is closed", trouble.CLOSED)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        item = Work(future)
        item.settle(settle, self._inline)
        self._line.ride(item)
        return future

    def do(self, function: Callable[[Tx], T]) -> asyncio.Future[T]:
        """Runs `function` on the writer's thread, in a savepoint of the next commit, behind its seals and settles.

        The future has what it returned, after the commit; what it raised, and then nothing of it was written.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._put(Work(future, function))
        return future

    def wait(self, function: Callable[[Tx], T]) -> T:
        """The same without an event loop: waits."""
        waiter: concurrent.futures.Future[T] = concurrent.futures.Future()
        self._put(Work(waiter, function))
        return waiter.result()

    def close(self) -> None:
        """Commits what waits, then ends the thread and the connection. Blocks; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self._line.waiting.put(None)
        if self._thread.ident is not None:
            self._thread.join()
        elif self._link is not None:  # without a thread: the rest is written here
            self._live()

    def _put(self, item: Work) -> None:
        if self._closed:
            raise StoreTrouble(f"{self._name} is closed", trouble.CLOSED)
        self._line.waiting.put(item)

    # The thread's side

    def turn(self) -> tuple[list[Work], bool]:
        """One commit of what waits; its items, to be answered, and whether it was the last. Blocks for the first."""
        batch, ended = self._line.gather(None if self._doubt is None else _ASK_AGAIN)
        if batch:
            self._turn(batch)
        elif self._doubt is not None:
            self._attempt([])
        if self._doubt is not None:
            held = self._doubt.held
            return [item for item in batch if item not in held], ended
        return batch, ended

    def _live(self) -> None:
        ended = False
        while not ended:
            batch, ended = self.turn()
            if batch:
                work.answer(batch)
                if self._link is not None:
                    self._link.grew(_octets(batch))
        self._refuse()

    def _refuse(self) -> None:
        """At the end: what came from another thread while we were closing, and what stays in doubt."""
        if self._doubt is not None:
            self._attempt([])
        self._renew()
        late = [*(self._doubt.held if self._doubt is not None else ()), *self._line.rest()]
        for item in late:
            item.error = StoreTrouble(f"{self._name} is closed", trouble.CLOSED)
        work.answer(late)

    def _turn(self, batch: list[Work]) -> None:
        """One commit, or one for each kind when the disk is full: settlements free room and must not wait for seals."""
        failed = self._attempt(batch)
        if failed is not None and failed.kind == trouble.FULL:
            kinds = (
                [item for item in batch if not item.letters and item.function is None],
                [item for item in batch if item.letters],
                [item for item in batch if item.function is not None],
            )
            if sum(map(bool, kinds)) > 1:
                for group in filter(None, kinds):
                    self._attempt(group)
        for item in batch:
            if item.error is not None:
                for draft in item.drafts:
                    draft.discard()

    def _attempt(self, batch: list[Work]) -> StoreTrouble | None:
        """Commits the batch; the trouble if that could not be done: every item then carries it as its error."""
        for item in batch:
            item.error = None
        try:
            self._publish(batch)
            self._commit([item for item in batch if item.error is None])
        except Exception as error:  # noqa: BLE001  # also a bug of ours: it must not end the one thread that writes
            known = trouble.known(error, f"committing {self._name}")
            if known is None:
                _log.exception("store.bug", shard=self._name)
            failed = known or StoreTrouble(f"{self._name}: {error!r}")
        else:
            self._succeeded(batch)
            return None
        self._failed(batch, failed)
        return failed

    def _publish(self, batch: list[Work]) -> None:
        """Large bodies first: file synced, renamed, folder synced, so that no committed row ever lacks its file."""
        published = False
        for item in batch:
            try:
                while item.bodies:
                    number, body = item.bodies[-1]
                    draft = self._depot.draft(number)
                    item.drafts.append(draft)
                    draft.append(body)
                    item.bodies.pop()
                for draft in item.drafts:
                    self._step()
                    draft.sync()
                    self._step()
                    draft.publish()
                    published = True
            except (OSError, StoreTrouble) as error:
                item.error = error if isinstance(error, StoreTrouble) else trouble.of(error, "writing a body")
        if published:
            self._step()
            self._depot.sync()

    def _commit(self, batch: list[Work]) -> None:
        self._unsure = False
        link = self._open()
        if not link.alive():
            self._renew()
            link = self._open()
        if self._doubt is not None:
            self._clear(self._doubt, link)
        hot = [item for item in batch if item.function is None]
        self._step()
        link.begin()
        try:
            work.write(hot, link.tx.parts, self._run)
            if len(hot) == len(batch):
                self._step()
                self._unsure = True
                link.commit()  # where statements are gathered, all of it is one trip to the server
                return
            link.flush()
        except Exception as error:  # also OverflowError, UnicodeEncodeError: values that fit no column
            if self._hopeless(error):
                raise
            link.rollback()
            link.begin()
            link.flush()
            for item in hot:
                self._alone(item)
        for item in batch:
            if item.function is not None:
                self._alone(item)
        self._step()
        self._unsure = True
        link.commit()

    def _alone(self, item: Work) -> None:
        """One item in a savepoint of its own: if it fails, it alone."""
        self._run("SAVEPOINT item")
        try:
            if item.function is None:
                work.write((item,), self._open().tx.parts, self._run)
            else:
                self._step()
                item.result = item.function(self._open().tx)
            self._open().flush()
        except Exception as error:  # whatever the caller's function raises is the caller's to hear
            if self._hopeless(error):
                raise
            self._run("ROLLBACK TO item")
            item.error = trouble.known(error, "writing an item") or error
        self._run("RELEASE item")

    def _open(self) -> sql.Link:
        if self._link is None:
            link = self._connect()
            if self._ill:
                try:
                    link.mend()
                except BaseException:
                    link.close()
                    raise
                self._ill = False
            self._link = link
        return self._link

    def _hopeless(self, error: Exception) -> bool:
        """The medium is at fault, or the database has rolled the whole transaction back by itself."""
        known = trouble.known(error, "")
        return not self._open().open or (known is not None and known.disk)

    def _run(self, text: str, parameters: Sequence[Any] = ()) -> None:
        if self.trap is not None:
            self._step()
        self._open().run(text, parameters)

    def _step(self) -> None:
        if self.trap is not None:
            self._steps += 1
            self.trap(self._steps)

    def _succeeded(self, batch: list[Work]) -> None:
        self.commits += 1
        self.items += len(batch)
        if self.trouble is not None:
            _log.warning("store.recovered", shard=self._name, after=str(self.trouble))
            self.trouble = None
        for item in batch:
            if item.error is None:
                self._blobs.update(draft.number for draft in item.drafts)
        if self._blobs:  # bodies go after their rows: the other way round a crash would leave a row without its body
            for item in batch:
                for number in item.gone if item.error is None else ():
                    if number in self._blobs:
                        self._blobs.discard(number)
                        self._step()
                        self._depot.remove(number)

    def _failed(self, batch: list[Work], failed: StoreTrouble) -> None:
        if self.trouble is None or self.trouble.kind != failed.kind:
            _log.error("store.trouble", shard=self._name, kind=failed.kind, error=str(failed), items=len(batch))
        self.trouble = failed
        self._ill = self._ill or failed.kind == trouble.IO
        held: Sequence[Work] = ()
        if isinstance(failed, trouble.Doubt):
            self._doubt = Doubt(failed.mark, batch)
            held = self._doubt.held
        for item in batch:
            # An exception of its own for each: they are raised in many places at once.
            if item.error is None and item not in held:
                if self._unsure and failed.kind in (trouble.IO, trouble.LOST):
                    item.drafts.clear()  # their rows may come back with the log: the next opening sweeps if not
                item.error = StoreTrouble(str(failed), failed.kind)
                item.error.__cause__ = failed
        self._renew()

    def _clear(self, doubt: Doubt, link: sql.Link) -> None:
        """Finds out what became of the commit that was not answered, and answers or repeats what waits for that."""
        try:
            happened = doubt.clear(link)
        except trouble.ShardLost as lost:
            self._doubt = None
            for item in doubt.held:
                item.error = lost
            work.answer(doubt.held)
            raise
        _log.warning("store.doubt", shard=self._name, happened=happened, held=len(doubt.held))
        self._doubt = None
        if happened:
            self._succeeded(doubt.held)
            work.answer(doubt.held)
            return
        for item in doubt.held:
            if item.function is None:
                self._line.ride(item)
            else:
                self._line.waiting.put(item)

    def _renew(self) -> None:
        """Ends the connection; the next batch opens a new one.

        After an fsync that failed, the kernel may count the lost pages as written: neither a second COMMIT on the same
        transaction nor this connection's cache may be believed. A new connection reads the log's index again, which
        ends at the last commit that was synced, and writes over what came behind.
        """
        link, self._link = self._link, None
        if link is not None:
            link.close()


def _octets(batch: list[Work]) -> int:
    """About what a batch wrote: the bodies, a page for each item, the last pages of tables and indexes."""
    return sum(item.octets for item in batch) + _PAGE * (len(batch) + 8)
