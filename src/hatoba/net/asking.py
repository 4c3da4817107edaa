"""Asking: drives checks that ask by value: DNS questions to the resolver, all else to the services, side by side.

Called by the doors with the steps of a transaction; `drive` answers at once where nothing has to be waited for.
Never runs a task for what is known, and never waits longer than `patience` for all rounds of one step together.
A check that raises is logged whole with an id and answers Silence, as does one that is late; steps may raise anything.
"""

from __future__ import annotations

import asyncio
import inspect
import secrets
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar

from hatoba.mailauth import questions
from hatoba.mailauth.questions import Answer, Question
from hatoba.model.outcome import Silence
from hatoba.net.dns_cache import Answer as Known
from hatoba.net.dns_cache import DnsTrouble
from hatoba.net.session import Log

T = TypeVar("T")

Round: TypeAlias = Sequence[tuple[str, Callable[[], Any]]]  # (a check's name, what gives its answer or its generator)
Steps: TypeAlias = Generator[Round, Sequence[Any], T]
Services: TypeAlias = Mapping[str, Callable[[Any], Any]]  # each gives its answer, or an awaitable of it


class Resolver(Protocol):
    """What is asked of net.dns.Resolver."""

    def cached(self, name: str, rtype: str, /) -> Known | None: ...
    def troubled(self, name: str, rtype: str, /) -> bool: ...
    def query(self, name: str, rtype: str, /) -> Awaitable[Known]: ...


class _Check:
    """One check of a round. `answer` is what it came to once `over`; else `wanted` holds answers and awaitables."""

    __slots__ = ("answer", "name", "over", "wanted", "work")

    def __init__(self, name: str) -> None:
        self.name = name
        self.work: Generator[Any, Any, Any] | None = None
        self.wanted: list[Any] = []
        self.answer: Any = None
        self.over = False

    def end(self, answer: Any) -> None:
        self.answer = answer
        self.over = True


class Asker:
    """One per worker. `patience`: seconds for all rounds of one step."""

    def __init__(self, resolver: Resolver, services: Services, *, log: Log, patience: float) -> None:
        self._resolver = resolver
        self._services = services
        self._log = log
        self._patience = patience

    def drive(self, steps: Steps[T]) -> T | asyncio.Task[T]:
        """What the steps return, or a task of it where something has to be waited for. Raises what they raise.

        Cancelling the task ends the checks under way.
        """
        heard: Sequence[Any] | None = None
        try:
            while True:
                checks = self._begin(steps.send(heard))  # type: ignore[arg-type] # a generator is started with None
                for check in checks:
                    if not check.over:
                        return self._later(steps, checks)
                heard = [check.answer for check in checks]
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return] # the T of steps

    def _later(self, steps: Steps[T], checks: list[_Check]) -> asyncio.Task[T]:
        under_way = [checks]
        task = asyncio.get_running_loop().create_task(self._wait(steps, under_way))
        task.add_done_callback(lambda _task: self._over(steps, under_way[0]))  # cancelled before it began, perhaps
        return task

    def _over(self, steps: Steps[T], checks: list[_Check]) -> None:
        for check in checks:
            self._shut(check)
        steps.close()

    def _begin(self, round_: Round) -> list[_Check]:
        """Starts each check and takes it as far as it comes without waiting."""
        checks = []
        for name, call in round_:
            check = _Check(name)
            checks.append(check)
            try:
                begun = call()
                if isinstance(begun, Generator):
                    check.work = begun
                    self._go_on(check, None)
                else:
                    check.end(begun)
            except Exception as bug:  # noqa: BLE001 # law 6: a bug in a check is logged whole and costs that check alone
                self._failed(check, bug)
        return checks

    def _go_on(self, check: _Check, answers: Sequence[Any] | None) -> None:
        """Hands answers in and asks what is asked next, as long as all of that is known at once."""
        work = check.work
        assert work is not None  # noqa: S101 # only a check that asks goes on
        try:
            while True:
                asked = work.send(answers)
                check.wanted = wanted = []
                waits = False
                for each in asked:
                    found = self._ask(each)
                    wanted.append(found)
                    waits = waits or (found.__class__ is not Answer and inspect.isawaitable(found))
                if waits:
                    return
                answers = tuple(wanted)
        except StopIteration as end:
            check.end(end.value)

    def _ask(self, asked: Any) -> Any:
        """An answer, or an awaitable of it."""
        if asked.__class__ is Question:
            found = self._resolver.cached(asked.name, asked.type)
            if found is not None:
                return _answer(found)
            return questions.TROUBLE if self._resolver.troubled(asked.name, asked.type) else self._resolve(asked)
        return self._services[asked.service.partition(" ")[0]](asked)

    async def _resolve(self, question: Question) -> Answer:
        try:
            return _answer(await self._resolver.query(question.name, question.type))
        except DnsTrouble:
            return questions.TROUBLE

    async def _wait(self, steps: Steps[T], under_way: list[list[_Check]]) -> T:
        """The rounds that have to wait; all of them within the patience."""
        until = asyncio.get_running_loop().time() + self._patience
        while True:
            await self._finish(under_way[0], until)
            heard = [check.answer for check in under_way[0]]
            try:
                under_way[0] = self._begin(steps.send(heard))
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return] # the T of steps

    async def _finish(self, checks: list[_Check], until: float) -> None:
        """Every check of a round has an answer afterwards: its own, or Silence."""
        waiting = [check for check in checks if not check.over]
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(self._answered(check)) for check in waiting]
        try:
            if tasks:
                await asyncio.wait(tasks, timeout=max(0.0, until - loop.time()))
        finally:
            late = [task for task in tasks if not task.done()]
            for task in late:
                task.cancel()
            if late:
                await asyncio.gather(*late, return_exceptions=True)
        for check in waiting:
            if not check.over:
                self._log.warning("check not done in time", check=check.name, seconds=self._patience)
                self._shut(check)
                check.end(Silence(check.name))

    async def _answered(self, check: _Check) -> None:
        """One check to its end."""
        try:
            while not check.over:
                self._go_on(check, await _all(check.wanted))
        except Exception as bug:  # noqa: BLE001 # law 6, as above
            self._failed(check, bug)

    def _failed(self, check: _Check, bug: Exception) -> None:
        error_id = secrets.token_hex(6)
        self._log.error("check failed", check=check.name, error_id=error_id, exc_info=bug)
        self._shut(check)
        check.end(Silence(check.name, error_id))

    def _shut(self, check: _Check) -> None:
        """Ends a check's generator and forgets what it waits for."""
        for each in check.wanted:
            if inspect.iscoroutine(each):
                each.close()
            elif isinstance(each, asyncio.Future):
                each.cancel()
        check.wanted = []
        work, check.work = check.work, None
        if work is not None:
            try:
                work.close()
            except Exception as bug:  # noqa: BLE001 # law 6, as above
                self._log.error("check failed at its end", check=check.name, exc_info=bug)


async def _all(wanted: Sequence[Any]) -> Sequence[Any]:
    """The answers, in their order: those at hand as they are, the others waited for at once."""
    waiting = [each for each in wanted if inspect.isawaitable(each)]
    if len(waiting) == 1:  # most often: no task of its own
        (found,) = [await waiting[0]]
        return tuple(found if each is waiting[0] else each for each in wanted)
    tasks = [asyncio.ensure_future(each) for each in waiting]
    try:
        heard = iter(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
    return tuple(next(heard) if inspect.isawaitable(each) else each for each in wanted)


def _answer(found: Known) -> Answer:
    return Answer(found.records, found.status, found.secure)  # type: ignore[arg-type] # the words are the same
