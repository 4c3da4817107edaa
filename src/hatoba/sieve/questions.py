"""Questions: what a script that runs must ask about the world; the caller answers when and how it likes.

Yielded by engine.run, as mailauth yields its questions about DNS; a driver sends as many answers back.
Never asks anything itself and never waits.
Fails never: what the caller does not know it answers with False or None.

    engine_ = engine.run(script, content, situation)
    asked = next(engine_)
    while True:
        asked = engine_.send(tuple(answer(question) for question in asked))   # until StopIteration brings the Result
"""

from collections.abc import Callable, Generator
from typing import NamedTuple, TypeAlias, TypeVar

from hatoba.sieve.node import Script

T = TypeVar("T")


class MailboxExists(NamedTuple):
    """Whether mail can be filed into it. Answer: bool. # RFC 5490 §3.1"""

    mailbox: str


class MailboxIdExists(NamedTuple):
    """Whether a mailbox has this object id. Answer: bool. # RFC 9042 §5"""

    id: str


class SpecialUseExists(NamedTuple):
    """Whether `mailbox` ("": any) has this special use, "\\\\Junk". Answer: bool. # RFC 8579 §4"""

    use: str
    mailbox: str = ""


class Metadata(NamedTuple):
    """The value of an annotation of `mailbox`, of the server for "". Answer: str, None for none. # RFC 5490 §3.3"""

    mailbox: str
    name: str


class Seen(NamedTuple):
    """Whether this key is remembered. Answer: bool. When the letter is delivered, the keys of Result.seen are
    to be remembered for `seconds`; with `last`, from the latest time on. # RFC 7352 §3
    """

    key: str
    seconds: int
    last: bool = False


class Included(NamedTuple):
    """A script of the person, or of all. Answer: its text, or a Script, or None for none. # RFC 6609 §3.2"""

    name: str
    personal: bool = True


Question: TypeAlias = MailboxExists | MailboxIdExists | SpecialUseExists | Metadata | Seen | Included
Answer: TypeAlias = bool | str | Script | None

# Yields tuples of questions, never an empty one; is sent as many answers, in the same order; returns T.
Asking: TypeAlias = Generator[tuple[Question, ...], tuple[Answer, ...], T]


def nothing(question: Question) -> Answer:
    """The answer of one who knows of no mailbox but INBOX, and of no script."""
    if isinstance(question, MailboxExists):
        return question.mailbox.upper() == "INBOX"
    return None if isinstance(question, Metadata | Included) else False


def run(engine: Asking[T], look: Callable[[Question], Answer] = nothing) -> T:
    """Drives an engine to its end with answers that are at hand."""
    try:
        asked = next(engine)
        while True:
            asked = engine.send(tuple(map(look, asked)))
    except StopIteration as end:
        result: T = end.value
        return result
