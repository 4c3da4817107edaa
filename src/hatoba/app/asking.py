"""Asking: the command line's end of the bus. One order or question to every shard of all nodes, and what came of it.

Called by the queue verbs where `database.url` names a server; the other end is hearing (the workers).
Never takes a shard from its worker: a shard at rest is taken, asked and given back.
Fails with StoreTrouble when the server is away; who does not answer in time is named in the result.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from hatoba.app import hearing, offline
from hatoba.app.settings import Settings
from hatoba.store import bus, trouble
from hatoba.store.server import Holding, Server

LOOK = 0.25  # seconds between two looks when nothing is heard
WORK = 30.0  # seconds that a worker may take for what it has begun with


class Gathered(NamedTuple):
    """The results by shard, and for each shard without one what is known of it, in words for the operator."""

    results: dict[int, Any]
    missing: dict[int, str]


async def ask(
    settings: Settings, server: Server, verb: str, arguments: dict[str, Any], wait: float, only: int | None = None
) -> Gathered:
    """Returns when every shard (or that one alone which matters) has answered; after `wait` s with what there is.

    What has not begun by then never will. Who has begun gets WORK seconds more.
    """
    with contextlib.closing(server.bus()) as line, contextlib.closing(server.ear()) as ear:
        ear.wait(0)  # listens before anybody can answer
        sent = _Sent(settings, server, line, msgspec.json.encode(hearing.Asked(verb, arguments)), wait, only)
        try:
            while await sent.look():
                await asyncio.to_thread(ear.wait, LOOK)
        finally:
            answers = line.end(sent.number)
        line.forget(sent.number)
        return _gathered(answers, sent.holdings(), wait)


class _Sent:
    """One message on its way."""

    def __init__(
        self, settings: Settings, server: Server, line: bus.Bus, body: bytes, wait: float, only: int | None
    ) -> None:
        self._settings = settings
        self._server = server
        self._bus = line
        self._body = body
        self._start = time.monotonic()
        self._wait = wait
        self._only = only
        self._free: dict[int, float] = {}  # since when we know that nobody works the shard
        self._owner = f"the command line, {socket.gethostname()}:{os.getpid()}"
        self.number = line.post(body, wait)

    def holdings(self) -> list[Holding]:
        """The shards that have something to say."""
        return [one for one in self._server.holdings() if self._only in (None, one.number)]

    async def look(self) -> bool:
        """Asks the shards at rest, then says whether there is something to wait for."""
        progress = self._bus.progress(self.number)
        holdings = self.holdings()
        open_ = [one for one in holdings if one.number not in progress]
        for one in self._at_rest(open_):
            if time.monotonic() - self._start < self._wait and await self._visit(one.number):
                progress[one.number] = True
        went = time.monotonic() - self._start
        if any(one.number not in progress for one in holdings) and went < self._wait:
            return True
        under_way = any(progress.get(one.number) is False for one in holdings)
        return under_way and went < self._wait + WORK

    def _at_rest(self, holdings: list[Holding]) -> list[Holding]:
        """Those that nobody works: at once where no worker lives, else when none of them took it for two turns."""
        lease, now = self._server.database.lease, time.monotonic()
        free = [one for one in holdings if one.age < 0 or one.age > lease]
        self._free = {one.number: self._free.get(one.number, now) for one in free}
        if not free:
            return []
        lives = any(silent < lease for silent in self._server.members().values())
        return [one for one in free if not lives or now - self._free[one.number] > lease / 2]

    async def _visit(self, number: int) -> bool:
        """Takes the shard, carries the message out and gives it back. False: somebody was quicker."""
        try:
            with offline.at_rest(self._settings, self._server, number, self._owner) as (shard, admin):
                if not self._bus.claim(self.number, number, shard.epoch, self._owner):
                    return False
                try:
                    body = await hearing.said(admin, self._body)
                except trouble.StoreTrouble as error:
                    if error.kind == trouble.TAKEN:
                        self._bus.give_back(self.number, number)
                        return False
                    body = msgspec.json.encode(hearing.Said(error=str(error)))
                return self._bus.answer(self.number, number, body)
        except trouble.ShardTaken:
            return False


def _gathered(answers: Mapping[int, bus.Answer], holdings: list[Holding], wait: float) -> Gathered:
    results, missing = {}, {}
    for holding in holdings:
        number, answer = holding.number, answers.get(holding.number)
        if answer is None:
            owner = holding.owner if holding.age >= 0 else ""
            who = f"{owner}, who works it," if owner else "it is between two workers and"
            missing[number] = f"{who} did not begin within {wait:g} s: nothing was done there, and nothing will be"
        elif answer.body is None:
            missing[number] = f"{answer.owner} has begun and did not say yet what came of it"
        else:
            said = msgspec.json.decode(answer.body, type=hearing.Said)
            if said.error:
                missing[number] = said.error
            else:
                results[number] = said.result
    return Gathered(results, missing)
