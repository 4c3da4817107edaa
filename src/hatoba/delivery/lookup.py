"""Look-up: an engine of mailauth, driven to its end by the resolver.

Called by sts and dial for what they ask of DNS by value.
Never decides what an answer means; trouble is an answer too.
Fails with what the engine raises.
"""

import asyncio
from typing import TypeVar

from hatoba.mailauth import questions
from hatoba.net import dns

T = TypeVar("T")


async def drive(engine: questions.Asking[T], resolver: dns.Resolver) -> T:
    """What the engine returns. Answers that are at hand cost no task."""
    heard: tuple[questions.Answer, ...] | None = None
    try:
        while True:
            asked = engine.send(heard)  # type: ignore[arg-type] # a generator is started with None
            if len(asked) == 1:
                heard = (await answer(resolver, asked[0]),)
            else:
                heard = tuple(await asyncio.gather(*[answer(resolver, each) for each in asked]))
    except StopIteration as end:
        result: T = end.value
        return result


async def answer(resolver: dns.Resolver, question: questions.Question) -> questions.Answer:
    """One answer in the engines' form."""
    try:
        found = resolver.cached(question.name, question.type) or await resolver.query(question.name, question.type)
    except dns.DnsTrouble:
        return questions.TROUBLE
    return questions.Answer(found.records, found.status, found.secure)  # type: ignore[arg-type] # the same words
