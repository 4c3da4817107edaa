"""Hearing: a worker's end of the bus. Carries out what is asked of all nodes, for the shards that are its own.

Made by worker where `database.url` names a server; the other end is asking (the command line).
Never carries a message out twice for a shard: it is claimed first, and a claim is one row of the database.
Fails quietly: NOTIFY that does not come, a connection or a server that is lost are made up for by looking each second.
"""

from __future__ import annotations

import asyncio
import base64
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import msgspec
import structlog

from hatoba.app import orders
from hatoba.model.status import Refusal
from hatoba.queue.admin import Admin
from hatoba.queue.queue import Queue
from hatoba.store import bus, shard, trouble
from hatoba.store.server import Server

MAIL = "mail "  # a word that says which mailboxes have changed
POLL = 1.0  # seconds between two looks when nothing is heard
LAST = 5.0  # seconds for the last words on the bus


class Asked(msgspec.Struct, frozen=True):
    """The body of a message: a verb of orders."""

    verb: str
    arguments: dict[str, Any] = {}


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of an answer: the result as JSON types, or why there is none."""

    result: Any = None
    error: str = ""


class Home(Protocol):
    """A shard that is worked here."""

    @property
    def shard(self) -> shard.Shard: ...
    @property
    def queue(self) -> Queue: ...


async def said(admin: Admin, body: bytes) -> bytes:
    """Carries a message out on one shard: the answer, which may be a no. What else goes wrong passes."""
    try:
        asked = msgspec.json.decode(body, type=Asked)
        answer = Said(result=await orders.perform(admin, asked.verb, asked.arguments))
    except (Refusal, ValueError, KeyError, msgspec.MsgspecError) as error:
        answer = Said(error=str(error))
    return msgspec.json.encode(answer)


class Hearing:
    """One worker's. `homes` are its shards at any moment; `directory` is called when another process changed it,
    `mail` with the words that hubs of mailboxes `tell`."""

    def __init__(
        self,
        server: Server,
        owner: str,
        homes: Callable[[], Mapping[int, Home]],
        directory: Callable[[], object],
        mail: Callable[[bytes], object] = lambda _word: None,
    ) -> None:
        self._owner = owner
        self._homes = homes
        self._directory = directory
        self._mail = mail
        self._mouth = server.bus()  # a connection of its own: orders do not wait for mail, nor mail for orders
        self._speaking = ThreadPoolExecutor(1, thread_name_prefix="bus-mail")
        self._bus = server.bus()
        self._ear = server.ear()
        self._begun: set[tuple[int, int]] = set()  # (message, shard)
        self._tasks: set[asyncio.Task[None]] = set()
        self._ends = False
        self._loop = asyncio.get_running_loop()
        self._log = structlog.get_logger("bus")
        self._thread = threading.Thread(target=self._listen, name="bus", daemon=True)
        self._thread.start()

    async def stop(self, grace: float) -> None:
        """Begins with nothing more, and waits `grace` seconds for what was begun."""
        self._ends = True
        self._ear.wake()
        await asyncio.to_thread(self._thread.join)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)

    async def close(self) -> None:
        """After the shards were closed: what was still under way has failed, and its claim is given back."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LAST)
        self._ear.close()
        await asyncio.to_thread(self._speaking.shutdown)
        await asyncio.to_thread(self._mouth.close)
        await asyncio.to_thread(self._bus.close)

    def tell(self, word: bytes) -> None:
        """A word of the mailboxes' hub, to those of all workers of all nodes; lost when the server is away."""
        if not self._ends:
            self._speaking.submit(self._say, MAIL + base64.b64encode(word).decode())

    def _say(self, word: str) -> None:
        """In a thread."""
        try:
            self._mouth.tell(word)
        except trouble.StoreTrouble as error:  # they poll
            self._log.info("other nodes were not told of new mail", error=str(error))

    def _listen(self) -> None:
        """The thread: waits for a word or POLL, looks what is asked, hands it to the loop."""
        looked = 0.0
        while not self._ends:
            words = self._ear.wait(POLL)
            if words is None or bus.DIRECTORY in words:
                self._loop.call_soon_threadsafe(self._changed)
            for word in words or ():
                if word.startswith(MAIL):
                    self._loop.call_soon_threadsafe(self._mail, base64.b64decode(word[len(MAIL) :]))
            if words and bus.ASKED not in words and time.monotonic() - looked < POLL:
                continue
            looked = time.monotonic()
            try:
                messages = self._bus.messages()
            except trouble.StoreTrouble as error:
                self._log.warning("the bus cannot be read", error=str(error))
                continue
            self._loop.call_soon_threadsafe(self._heard, messages)

    def _changed(self) -> None:
        try:
            self._directory()
        except Exception:  # noqa: BLE001  it is looked at each second, too
            self._log.exception("the directory cannot be read")

    def _heard(self, messages: list[bus.Message]) -> None:
        """Begins with what was not begun, for each shard that is ours now: one may have come since the last look."""
        if self._ends:
            return
        alive = {message.id for message in messages}
        self._begun = {key for key in self._begun if key[0] in alive}
        for message in messages:
            for number, home in self._homes().items():
                if (message.id, number) not in self._begun:
                    self._begun.add((message.id, number))
                    task = self._loop.create_task(self._carry_out(message, number, home))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, message: bus.Message, number: int, home: Home) -> None:
        try:
            epoch = home.shard.epoch
            if not await asyncio.to_thread(self._bus.claim, message.id, number, epoch, self._owner):
                return
            body = await self._said(message, number, home)
            if body is None:
                await asyncio.to_thread(self._bus.give_back, message.id, number)
            elif not await asyncio.to_thread(self._bus.answer, message.id, number, body):
                self._log.warning("an order was done later than its asker waited", shard=number)
        except trouble.StoreTrouble as error:  # the claim failed (then we claim again), or the answer is not written
            self._log.warning("the bus failed", shard=number, error=str(error))
            self._begun.discard((message.id, number))

    async def _said(self, message: bus.Message, number: int, home: Home) -> bytes | None:
        """The answer, None when the shard is not ours any more: its next owner does it, or the rest of it."""
        try:
            return await said(home.queue.admin, message.body)
        except Exception as error:  # noqa: BLE001  the asker must hear of a bug, too
            moved = isinstance(error, trouble.StoreTrouble) and error.kind == trouble.TAKEN
            if moved or self._homes().get(number) is not home:
                self._log.warning("shard moved before an order was done", shard=number)
                return None
            if isinstance(error, trouble.StoreTrouble):
                return msgspec.json.encode(Said(error=str(error)))
            self._log.exception("order failed", shard=number)
            return msgspec.json.encode(Said(error="internal error; the worker's log has it whole"))
