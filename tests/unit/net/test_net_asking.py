"""The driver of checks: side by side, at once where all is known, bounded, and never hurt by one of them."""

import asyncio
from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple

import pytest
from tests.support.dns_server import DnsServer
from tests.support.loops import LOOPS, run, until
from tests.support.smtp_site import Lines

from hatoba.mailauth import questions
from hatoba.mailauth.questions import Answer, Question
from hatoba.model.outcome import Silence
from hatoba.model.status import Refusal, Status
from hatoba.net import asking
from hatoba.net.dns import Resolver, Settings

both = pytest.mark.parametrize("loop", LOOPS)


class Consult(NamedTuple):
    service: str
    subject: object = None


def one(*calls: Callable[[], Any]) -> Generator[asking.Round, Sequence[Any], list[Any]]:
    """A step of one round."""
    heard = yield tuple((f"check{n}", call) for n, call in enumerate(calls))
    return list(heard)


def look(name: str, rtype: Any = "A") -> Any:
    """A check that asks one question."""
    return lambda: questions.ask(name, rtype)


def serve(name: str) -> Any:
    def check() -> Generator[Any, Any, Any]:
        (answer,) = yield (Consult(name),)
        return answer

    return check


def asker(dns: DnsServer | None = None, *, patience: float = 5.0, log: Lines | None = None, **services: Any) -> Any:
    servers = (dns.address,) if dns else ("127.0.0.1:1",)
    resolver = Resolver(Settings(servers=servers, timeout=1.0, attempts=1))
    return asking.Asker(resolver, services, log=log or Lines(), patience=patience)


async def driven(made: Any, steps: Any) -> Any:
    found = made.drive(steps)
    return await found if isinstance(found, asyncio.Future) else found


def test_what_asks_nothing_is_answered_without_a_loop() -> None:
    made = asker()
    assert made.drive(one(lambda: ("plain",), lambda: (), lambda: None)) == [("plain",), (), None]
    assert made.drive(one()) == []


def test_services_that_know_at_once_need_no_loop() -> None:
    made = asker(rate=lambda consult: ("counted", consult))
    assert made.drive(one(serve("rate alice"))) == [("counted", Consult("rate alice"))]


def test_a_refusal_of_the_steps_passes() -> None:
    def steps() -> Generator[asking.Round, Sequence[Any], None]:
        yield (("one", lambda: ()),)
        raise Refusal(Status("5.7.1", "no"))

    with pytest.raises(Refusal):
        asker().drive(steps())


@both
def test_questions_wait_once_and_then_come_from_the_cache(loop: str) -> None:
    async def main() -> None:
        with DnsServer({"a.example": {"A": ["192.0.2.1"]}, "b.example": {"TXT": ['"x"']}}) as dns:
            made = asker(dns)
            calls = [look("a.example"), look("b.example"), look("none.example")]
            first = made.drive(one(*calls))
            assert isinstance(first, asyncio.Task)
            wanted = [Answer(("192.0.2.1",)), questions.NODATA, questions.NXDOMAIN]
            assert await first == wanted
            assert made.drive(one(*calls)) == wanted

    run(loop, main())


@both
def test_one_check_may_ask_dns_and_services_together(loop: str) -> None:
    def check() -> Generator[Any, Any, Any]:
        answer, verdict = yield (Question("a.example", "A"), Consult("clamd"))
        (again,) = yield (Consult("clamd"),)
        return answer.records, verdict, again

    async def clamd(consult: Any) -> str:
        await asyncio.sleep(0)
        return "clean"

    async def main() -> None:
        with DnsServer({"a.example": {"A": ["192.0.2.1"]}}) as dns:
            found = await driven(asker(dns, clamd=clamd), one(check, lambda: ("plain",)))
        assert found == [(("192.0.2.1",), "clean", "clean"), ("plain",)]

    run(loop, main())


@both
def test_trouble_is_an_answer(loop: str) -> None:
    async def main() -> None:
        with DnsServer() as dns:
            dns.servfail.add("sick.example")
            made = asker(dns)
            assert await driven(made, one(look("sick.example"))) == [questions.TROUBLE]
            assert made.drive(one(look("sick.example"))) == [questions.TROUBLE]  # known by now

    run(loop, main())


@both
def test_checks_of_a_round_run_side_by_side(loop: str) -> None:
    async def main() -> None:
        met = asyncio.Barrier(3)

        async def meet(consult: Any) -> str:
            await met.wait()  # nobody passes alone
            return "met"

        found = await driven(asker(meet=meet), one(serve("meet a"), serve("meet b"), serve("meet c")))
        assert found == ["met"] * 3

    run(loop, main())


def broken() -> Any:
    raise ValueError("a bug at the call")


def breaking() -> Generator[Any, Any, Any]:
    yield (Consult("fine"),)
    raise ValueError("a bug behind an answer")


@both
def test_a_bug_costs_its_own_check_alone(loop: str) -> None:
    log = Lines()

    async def fails(consult: Any) -> str:
        raise OSError("a service that raises all the same")

    async def fine(consult: Any) -> str:
        return "fine"

    async def main() -> None:
        made = asker(log=log, fails=fails, fine=fine)
        calls = (broken, breaking, serve("fails"), serve("nobody"), serve("fine"))
        *bad, good = await driven(made, one(*calls))
        assert good == "fine"
        assert [each.check for each in bad] == ["check0", "check1", "check2", "check3"]
        assert all(isinstance(each, Silence) and each.error_id for each in bad)
        told = {
            fields["error_id"]: type(fields["exc_info"]) for _, event, fields in log.said if event == "check failed"
        }
        assert [told[each.error_id] for each in bad] == [ValueError, ValueError, OSError, KeyError]

    run(loop, main())


@both
def test_late_checks_are_silent_and_closed(loop: str) -> None:
    closed: list[str] = []
    log = Lines()

    def slow() -> Generator[Any, Any, Any]:
        try:
            return (yield (Consult("never"),))
        finally:
            closed.append("slow")

    async def never(consult: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            closed.append("never")

    async def main() -> None:
        made = asker(patience=0.05, log=log, never=never)
        found = await driven(made, one(slow, lambda: ("quick",)))
        assert found == [Silence("check0"), ("quick",)]

    run(loop, main())
    assert sorted(closed) == ["never", "slow"]
    assert log.events() == ["check not done in time"]


@both
def test_the_patience_is_for_all_rounds_together(loop: str) -> None:
    def rounds() -> Generator[asking.Round, Sequence[Any], list[Any]]:
        heard: list[Any] = []
        for n in range(3):
            heard += yield ((f"round{n}", serve("never")),)
        return heard

    async def main() -> None:
        made = asker(patience=0.1, never=lambda consult: asyncio.sleep(60))
        clock = asyncio.get_running_loop().time
        begun = clock()
        assert await driven(made, rounds()) == [Silence("round0"), Silence("round1"), Silence("round2")]
        assert clock() - begun < 5

    run(loop, main())


@both
@pytest.mark.parametrize("begun", [True, False])
def test_cancelling_ends_everything(loop: str, begun: bool) -> None:
    ended: list[str] = []

    def steps() -> Generator[asking.Round, Sequence[Any], None]:
        try:
            yield (("check", slow),)
        finally:
            ended.append("steps")

    def slow() -> Generator[Any, Any, Any]:
        try:
            yield (Consult("never"), Question("a.example", "A"))
        finally:
            ended.append("check")

    entered: list[int] = []

    async def never(consult: Any) -> None:
        entered.append(1)
        await asyncio.Event().wait()

    async def main() -> None:
        task = asker(never=never).drive(steps())
        if begun:
            await until(lambda: entered)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: len(ended) == 2)

    run(loop, main())
    assert sorted(ended) == ["check", "steps"]
