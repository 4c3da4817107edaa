"""Service: a program asked for its opinion of letters, with a time-out, a bound on questions and a circuit breaker.

Made by app for each service of the settings; called with a question, usually by net.asking.
Never decides what a letter's fate is when nobody answers: it says Failed, the check knows the setting.
Fails never: whatever goes wrong becomes Failed; a bug is logged whole.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from hatoba.kit.breaker import Breaker
from hatoba.model.opinion import Failed
from hatoba.model.status import PeerError
from hatoba.net.session import Log


class Terms(msgspec.Struct, frozen=True):
    """How a service is asked. Times in seconds."""

    timeout: float = 10.0
    parallel: int = 32
    failures: int = 5  # in a row, then the circuit opens; 0: never
    pause: float = 30.0


class Counts(msgspec.Struct):
    """Plain integers that only grow."""

    asked: int = 0
    failed: int = 0
    unasked: int = 0  # the circuit was open, or all places were taken


class Service:
    """`name` is "rspamd" or "milter opendkim"; `ask` puts one question and may raise OSError or PeerError."""

    def __init__(self, name: str, terms: Terms, ask: Callable[[Any], Awaitable[Any]], log: Log) -> None:
        self.name = name
        self.counts = Counts()
        self.breaker = Breaker(terms.failures, terms.pause)
        self.trouble = ""  # why it failed last; "" while it answers
        self._terms = terms
        self._ask = ask
        self._log = log
        self._places = asyncio.Semaphore(terms.parallel)

    async def __call__(self, question: Any) -> Any:
        """The service's answer, or Failed; within the time-out, waiting for a free place included."""
        clock = asyncio.get_running_loop().time
        until = clock() + self._terms.timeout
        if not self.breaker.allows(clock()):
            self.counts.unasked += 1
            return Failed(f"not asked, it failed {self.breaker.failures} times in a row: {self.trouble}")
        heard = False
        try:
            answer = await self._in_turn(question, until)
            heard = True
        finally:
            if not heard:  # cancelled: nobody waits any more
                self.breaker.abandoned(clock())
        return answer

    async def _in_turn(self, question: Any, until: float) -> Any:
        """Waits for a free place; being busy is no fault of the service's."""
        try:
            async with asyncio.timeout_at(until):
                await self._places.acquire()
        except TimeoutError:
            self.counts.unasked += 1
            self.breaker.abandoned(asyncio.get_running_loop().time())
            return Failed(f"not asked, {self._terms.parallel} questions were under way")
        try:
            return await self._answer(question, until)
        finally:
            self._places.release()

    async def _answer(self, question: Any, until: float) -> Any:
        self.counts.asked += 1
        try:
            async with asyncio.timeout_at(until):
                answer = await self._ask(question)
        except TimeoutError:
            return self._failed(f"no answer within {self._terms.timeout:g} s")
        except PeerError as error:
            return self._failed(error.status.text)
        except OSError as error:
            return self._failed(error.strerror or str(error) or error.__class__.__name__)
        except Exception as error:  # noqa: BLE001 # law 6: a bug is logged whole, the mail stays
            error_id = secrets.token_hex(6)
            self._log.error("fault", error_id=error_id, service=self.name, exc_info=error)
            return self._failed(f"internal error {error_id}")
        self.trouble = ""
        if self.breaker.succeeded():
            self._log.info("service answers again", service=self.name)
        return answer

    def _failed(self, why: str) -> Failed:
        self.counts.failed += 1
        self.trouble = why
        if self.breaker.failed(asyncio.get_running_loop().time()):
            self._log.warning(
                "service not asked any more", service=self.name, why=why, failures=self.breaker.failures,
                pause=self._terms.pause,
            )  # fmt: skip
        return Failed(why)
