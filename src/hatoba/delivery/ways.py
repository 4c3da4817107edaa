"""Ways: recipients that an alias, a list or a forward led to: their reverse-path, their fields, and who ends here.

Called by plan before a transaction is made and by local for each recipient.
Never speaks and never decides who gets a letter: intake did.
Fails in nothing.
"""

from collections.abc import Sequence

import msgspec

from hatoba.delivery import verdict
from hatoba.delivery.errand import Errand
from hatoba.model.envelope import Envelope, Way
from hatoba.model.outcome import DELIVERED, Outcome
from hatoba.model.status import Status

PLAIN = Way()
_ENDED = {
    "expanded": Status("2.1.5", "the address stands for several, who get the letter"),
    "listed": Status("2.1.5", "handed to the list"),
    "discarded": Status("2.1.5", "taken and thrown away, as this address asks"),
}


def ended(n: int, way: Way) -> Outcome:
    """The outcome of a recipient whose letter goes nowhere."""
    return Outcome(n, DELIVERED, _ENDED.get(way.ends, Status("2.1.5", way.ends)), "", verdict.RECIPIENT)


def parted(errand: Errand) -> tuple[Sequence[int], Sequence[int], Way]:
    """(the recipients of errand.todo that go together next, those that must wait for a transaction of their own, their
    way). Recipients that end here get their Outcome and are in neither."""
    envelope = errand.job.letter.envelope
    alike: list[int] = []
    rest: list[int] = []
    number = -1
    for n in errand.todo:
        way = envelope.way(n)
        if way.ends:
            errand.outcomes[n] = ended(n, way)
        elif number in (-1, envelope.recipients[n].way):
            number = envelope.recipients[n].way
            alike.append(n)
        else:
            rest.append(n)
    errand.todo = alike + rest
    return alike, rest, envelope.ways[number - 1] if number > 0 else PLAIN


def enveloped(envelope: Envelope, way: Way) -> Envelope:
    """The envelope as recipients of this way see it: what a list sends is its own.  # RFC 3461 §5.2.7"""
    if way.anew:
        return msgspec.structs.replace(envelope, sender=way.sender or envelope.sender, ret="", envid="")
    return msgspec.structs.replace(envelope, sender=way.sender) if way.sender is not None else envelope
