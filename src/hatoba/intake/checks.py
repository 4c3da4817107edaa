"""Checks: the tables of what is asked at MAIL, at RCPT and at the end of the content, and how verdicts combine.

Called by transaction. A new check is a function in a file of its own and one line here.
Never asks further once a check has refused.
Fails with the Refusal of the first check that rejects or defers.
"""

from collections.abc import Callable

from hatoba.intake import extent, identity, loop, relay
from hatoba.intake.case import Case
from hatoba.intake.heading import Heading
from hatoba.model.envelope import Recipient
from hatoba.model.outcome import Verdict
from hatoba.model.status import Refusal, Status

SenderCheck = Callable[[Case], Verdict | None]
RecipientCheck = Callable[[Case, Recipient], Verdict | None]
ContentCheck = Callable[[Case, Heading], Verdict | None]

# Each answers None when it has no opinion. The cheap ones stand first.
SENDER: tuple[SenderCheck, ...] = (extent.declared, extent.transport, extent.alphabet, identity.reverse_path)
RECIPIENT: tuple[RecipientCheck, ...] = (extent.count, relay.destination)
CONTENT: tuple[ContentCheck, ...] = (loop.hops, loop.delivered, identity.author)

_REFUSING = frozenset({"reject", "defer"})


def settle(verdict: Verdict, kept: list[Verdict]) -> None:
    """Raises the Refusal that the verdict asks for; keeps any other (tag, discard, accept) for the letter."""
    if verdict.action in _REFUSING:
        code = "5.7.1" if verdict.action == "reject" else "4.7.1"
        raise Refusal(verdict.status or Status(code, verdict.reason))
    kept.append(verdict)
