"""Questions: how an engine of mailauth asks DNS by value; the caller answers when and how it likes.

Spoken by every engine of this room and by whoever drives one: a door over the resolver, a test over a zone.
Never asks anything itself and never waits: an engine is a generator, its caller sends the answers in.
Fails never; a look-up that failed for now is an answer too (status "trouble"), and the engine decides what it means.

    def engine(domain: str) -> questions.Asking[str]:
        answer = yield from questions.ask(domain, "TXT")
        addresses = yield (Question(a, "A"), Question(b, "A"))  # all at once
        return "pass"

    # a driver that may wait; `resolve` turns a Question into an Answer
    send: tuple[Answer, ...] | None = None
    try:
        while True:
            send = tuple(await asyncio.gather(*map(resolve, engine.send(send))))
    except StopIteration as end:
        result = end.value
"""

from collections.abc import Callable, Generator
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar

T = TypeVar("T")

Type: TypeAlias = Literal["A", "AAAA", "CNAME", "MX", "NS", "PTR", "SRV", "TLSA", "TXT"]


class Question(NamedTuple):
    """`name` is ASCII, in lower case, without the final dot. A name that DNS cannot carry is answered "nxdomain"."""

    name: str
    type: Type


class Answer(NamedTuple):
    """What DNS said, aliases already followed. The shapes of `records` are those of hatoba.net.dns:

    A, AAAA: str (an address) · TXT: bytes, the strings of a record joined · MX: (preference, host) ·
    CNAME, NS, PTR: host · TLSA: (usage, selector, matching type, bytes) · SRV: (priority, weight, port, host).
    Hosts are in lower case without the final dot; "" is the root. Records are there only when status is "ok".
    """

    records: tuple[Any, ...] = ()
    status: Literal["ok", "nodata", "nxdomain", "trouble"] = "ok"
    secure: bool = False  # a validating resolver on loopback said AD  # RFC 4035 §3.2.3

    @property
    def void(self) -> bool:
        """There is no such name, or nothing of this type at it. # RFC 7208 §4.6.4"""
        return self.status in ("nxdomain", "nodata")


NODATA = Answer((), "nodata")
NXDOMAIN = Answer((), "nxdomain")
TROUBLE = Answer((), "trouble")  # no answer for now: a time-out, SERVFAIL, bogus signatures

# An engine: yields tuples of questions, never an empty one; is sent as many answers, in the same order; returns T.
Asking: TypeAlias = Generator[tuple[Question, ...], tuple[Answer, ...], T]


def ask(name: str, rtype: Type) -> Asking[Answer]:
    """One question, for `yield from` in an engine. `name` is put in the form of Question."""
    (answer,) = yield (Question(name.rstrip(".").lower(), rtype),)
    return answer


def run(engine: Asking[T], look: Callable[[Question], Answer]) -> T:
    """Drives an engine to its end with answers that are at hand."""
    try:
        asked = next(engine)
        while True:
            asked = engine.send(tuple(map(look, asked)))
    except StopIteration as end:
        result: T = end.value
        return result
