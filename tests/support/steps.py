"""Steps of a transaction driven with answers at hand: a zone for DNS, functions for services. No loop, no socket.

Used by the tests of intake.
Never makes anything up: a service that is not given is a KeyError, as a bug would be.
"""

from collections.abc import Callable, Generator, Mapping
from typing import Any

from hatoba.intake import asking
from hatoba.mailauth import questions
from hatoba.mailauth.questions import Answer, Question

Look = Callable[[Question], Answer]
Services = Mapping[str, Callable[[Any], Any]]


def nowhere(question: Question) -> Answer:
    """No name exists."""
    return questions.NXDOMAIN


def ended(made: Any, look: Look = nowhere, services: Services | None = None) -> Any:
    """What a transaction gave, at once or by its Steps."""
    if not isinstance(made, Generator):
        return made

    def answer(asked: Any) -> Any:
        if isinstance(asked, Question):
            return look(asked)
        return (services or {})[asked.service.partition(" ")[0]](asked)

    try:
        round_ = next(made)
        while True:
            round_ = made.send([asking.run(call(), answer) for _, call in round_])
    except StopIteration as end:
        return end.value
