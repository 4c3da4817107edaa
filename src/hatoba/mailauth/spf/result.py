"""What an SPF check says, and the two ways in which it can break off.

Made by spf.check; read by filters, DMARC, the trace fields and the journal.
Never says what to do with the letter.
Fails never.
"""

from typing import Literal

import msgspec

Word = Literal["none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"]  # RFC 7208 §2.6
Identity = Literal["mailfrom", "helo"]


class Result(msgspec.Struct, frozen=True, gc=False):
    """`domain` is the one whose policy was asked, in A-labels; `identity` tells where it comes from.

    `term`: the directive of that domain that decided, as written; "" when none did. `why`: in ASCII, what is wrong
    with the policy or its DNS, for permerror and temperror. `explanation`: the domain's own text for a fail, in
    ASCII and written by strangers. `lookups` and `voids` are what was counted against the limits.
    """

    result: Word
    identity: Identity
    domain: str
    term: str = ""
    why: str = ""
    explanation: str | None = None
    lookups: int = 0
    voids: int = 0


class Permanent(Exception):
    """The policy cannot be interpreted: permerror."""


class Temporary(Exception):
    """The DNS did not answer: temperror."""
