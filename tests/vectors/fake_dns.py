"""The vectors' resolver as an answerer of questions: look = fake_dns.look(resolver)

Used by the adapters of the areas that bring a zone (SPF, DKIM, ARC, DMARC, BIMI).
Never changes what the zone says: it puts it into the shapes of hatoba.mailauth.questions.
A resolver's exception is TROUBLE.
"""

from collections.abc import Callable
from typing import Any, Protocol

from hatoba.mailauth import questions
from hatoba.mailauth.questions import Answer, Question


class Resolver(Protocol):
    """What the runners hand over."""

    z: dict[str, Any]

    def query(self, name: str, rtype: str) -> list[Any]: ...


def look(resolver: Resolver) -> Callable[[Question], Answer]:
    """Answers from the zone of a case. A time-out (the resolver raises) is trouble."""

    def answer(question: Question) -> Answer:
        try:
            found = resolver.query(question.name, question.type)
        except Exception as error:
            if type(error).__name__ != "DNSTempError":
                raise
            return questions.TROUBLE
        if not found:
            return questions.NODATA if question.name in resolver.z else questions.NXDOMAIN
        return Answer(tuple(_record(question.type, record) for record in found))

    return answer


def _record(rtype: str, record: Any) -> Any:
    if rtype == "TXT":
        return record.encode("utf-8", "surrogateescape")
    if rtype == "MX":
        return record[0], record[1].lower().removesuffix(".")
    if rtype == "TLSA":
        usage, selector, matching, octets = record.split()
        return int(usage), int(selector), int(matching), bytes.fromhex(octets)
    return record.lower().removesuffix(".")
