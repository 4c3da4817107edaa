"""State: what rewriting has made of one letter so far: who stands behind its recipients, and what was changed.

Made by rewriter for the first recipient or header that concerns it; kept in Case.
Never decides.
Fails never.
"""

from collections.abc import Sequence

import msgspec

from hatoba.intake.rewritten.notes import Notes
from hatoba.intake.rewritten.ways import Ways
from hatoba.model.address import Address
from hatoba.model.envelope import Recipient


class Behind(msgspec.Struct, frozen=True):
    """Who gets the letter in place of one recipient, and the journal's lines about it."""

    recipients: Sequence[Recipient]
    notes: Notes


class State(msgspec.Struct):
    """`sender` is the reverse-path as the maps have it. `behind` is by the address that RCPT named.

    `count` is how many recipients stand behind those that were taken.
    """

    sender: Address | None
    notes: Notes = msgspec.field(default_factory=Notes)
    ways: Ways = msgspec.field(default_factory=Ways)
    behind: dict[Address, Behind] = {}
    returns: dict[tuple[Address, str], Address | None] = {}
    count: int = 0
