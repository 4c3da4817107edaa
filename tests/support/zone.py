"""A zone as a dict, for engines of mailauth that ask DNS by value: look = zone.look({"example.org": {"TXT": [b"…"]}})

Used by the tests of mailauth and by the adapters of the vectors.
Never asks a server. An owner that is not in the dict is NXDOMAIN, a type it lacks is no data, TROUBLE stays trouble.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hatoba.mailauth.questions import Answer, Question

Zone = Mapping[str, Mapping[str, "Sequence[Any] | Answer"]]


def look(zone: Zone, *, secure: bool = False) -> Callable[[Question], Answer]:
    """The answers of `zone`: owner (lower case) → type → records in the shapes of Answer, or an Answer."""

    def answer(question: Question) -> Answer:
        types = zone.get(question.name)
        if types is None:
            return Answer((), "nxdomain", secure)
        found = types.get(question.type, ())
        if isinstance(found, Answer):
            return found
        return Answer(tuple(found), "ok" if found else "nodata", secure)

    return answer
