"""Asking: how a check asks by value: DNS questions as mailauth has them, and consultations of a service, in one tuple.

Spoken by the checks in filters and by the steps of a transaction; whoever drives them (a door, a test) answers.
Never asks anything itself and never waits: a check is a generator, its driver sends the answers in.
Fails never; what a service cannot say is for the service to put into verdicts, fail-open or fail-closed.

    def at_recipient(self, case: Case, recipient: Recipient) -> asking.Asking[Sequence[Verdict]]:
        listed = yield from asking.dns("2.0.0.127.zen.example", "A")
        (verdicts,) = yield (asking.Consult("greylist", asking.At(case, recipient)),)
        return (*verdicts, Verdict("dnsbl", "accept", score=4.0)) if listed.records else verdicts
"""

from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar

from hatoba.intake.case import Case
from hatoba.intake.subject import Subject
from hatoba.mailauth import questions
from hatoba.mailauth.questions import Answer, Question
from hatoba.model.envelope import Recipient

T = TypeVar("T")


class At(NamedTuple):
    """A place in the envelope, where there is no content yet. `recipient` is None at the connection and the sender."""

    case: Case
    recipient: Recipient | None = None


class Consult(NamedTuple):
    """A question to a service: "rspamd", "clamd", "milter NAME", "hook NAME", "greylist", "rate".

    The first word finds the service; it is called with this very value. The answer is whatever it gives, most often
    a sequence of Verdicts.
    """

    service: str
    subject: Subject | At


Asking: TypeAlias = Generator[tuple[Question | Consult, ...], tuple[Any, ...], T]

# What one round of a step asks: (the check's name, what to call for its verdicts or its Asking). The driver runs all
# of a round side by side and sends back as many results in the same order; model.outcome.Silence stands for a check
# that failed or was not done in time.
Round: TypeAlias = tuple[tuple[str, Callable[[], Any]], ...]
Steps: TypeAlias = Generator[Round, Sequence[Any], T]


def dns(name: str, rtype: questions.Type) -> Asking[Answer]:
    """One DNS question."""
    (answer,) = yield (Question(name.rstrip(".").lower(), rtype),)
    return answer  # type: ignore[no-any-return] # the driver answers a Question with an Answer


def consult(service: str, subject: Subject | At) -> Asking[Any]:
    """One service."""
    (answer,) = yield (Consult(service, subject),)
    return answer


def side_by_side(*engines: Asking[Any]) -> Asking[tuple[Any, ...]]:
    """Several engines in step: each round asks what all of them want to know. Their results, in their order."""
    results: list[Any] = [None] * len(engines)
    answers: dict[int, tuple[Any, ...] | None] = dict.fromkeys(range(len(engines)))
    while answers:
        wanted: list[tuple[int, tuple[Question | Consult, ...]]] = []
        for at, answer in answers.items():
            try:
                wanted.append((at, engines[at].send(answer)))  # type: ignore[arg-type] # a generator is started with None
            except StopIteration as end:
                results[at] = end.value
        answers = {}
        if wanted:
            heard = iter((yield tuple(each for _, asked in wanted for each in asked)))
            answers = {at: tuple(next(heard) for _ in asked) for at, asked in wanted}
    return tuple(results)


def run(engine: Asking[T] | Sequence[Any], answer: Callable[[Question | Consult], Any]) -> Any:
    """Drives a check to its end with answers that are at hand; a plain sequence is its own result. For tests."""
    if not isinstance(engine, Generator):
        return engine
    try:
        asked = next(engine)
        while True:
            asked = engine.send(tuple(map(answer, asked)))
    except StopIteration as end:
        return end.value
