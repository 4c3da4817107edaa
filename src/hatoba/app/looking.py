"""Looking: an engine of mailauth driven over the resolver, for what is not on a letter's way.

Called by the verbs that compare with the DNS, and by the look for published keys.
Never caches: the resolver does.
Fails never: a question without an answer is one of "trouble".
"""

import asyncio
from typing import TypeVar

from hatoba.mailauth.questions import TROUBLE, Answer, Asking, Question
from hatoba.net.dns import DnsTrouble, Resolver

T = TypeVar("T")


async def drive(engine: Asking[T], resolver: Resolver) -> T:
    """The engine's result; questions asked at once are looked up at once."""
    answers: tuple[Answer, ...] | None = None
    try:
        while True:
            asked = next(engine) if answers is None else engine.send(answers)
            answers = tuple(await asyncio.gather(*(_answer(question, resolver) for question in asked)))
    except StopIteration as end:
        result: T = end.value
        return result


async def _answer(question: Question, resolver: Resolver) -> Answer:
    try:
        found = await resolver.query(question.name, question.type)
    except DnsTrouble:
        return TROUBLE
    return Answer(tuple(found.records), found.status, found.secure)  # type: ignore[arg-type]  # the resolver's words
