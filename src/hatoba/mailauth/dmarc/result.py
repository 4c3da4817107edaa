"""What DMARC says of a letter.

Made by dmarc.check; read by filters, BIMI, trace and aggregate reports.
Never says what is done with the letter: `disposition` is what the domain asks for, and receivers may differ.
Fails never.
"""

from typing import Literal, TypeAlias

import msgspec

from hatoba.mailauth.dmarc.record import Policy, Record

Word: TypeAlias = Literal["none", "pass", "fail", "temperror", "permerror"]
Tag: TypeAlias = Literal["p", "sp", "np"]

_LOWER: dict[Policy, Policy] = {"reject": "quarantine", "quarantine": "none", "none": "none"}


def lower(policy: Policy) -> Policy:
    """One step less severe."""
    return _LOWER[policy]


class Result(msgspec.Struct, frozen=True, gc=False):
    """One author's domain judged; of several authors the one that counts.

    `author`: the domain of From, "" when it shows none. `domain`: where the record stands, "" without one.
    `organizational`: of the author; "" when it is not known. `policy`: what the domain asks for if this letter fails,
    with sp=, np= and t= taken into account; `published` the same without t=, `tag` which of p, sp, np it is.
    `spf`, `dkim`: the domain that passed and aligns, "" for none. `why`: in ASCII, what is odd. `authors`: how many
    domains the From shows. `pct`: the share of failing letters to which `policy` applies (100 but for RFC 7489).
    """

    result: Word
    author: str
    domain: str = ""
    organizational: str = ""
    policy: Policy = "none"
    published: Policy = "none"
    tag: Tag = "p"
    spf: str = ""
    dkim: str = ""
    record: Record | None = None
    method: Literal["treewalk", "psl"] = "treewalk"
    pct: int = 100
    authors: int = 1
    why: str = ""

    def disposition(self, draw: int = 0) -> Policy:
        """What the domain asks for; none unless the result is fail. `draw`: 0 to 99, by chance. # RFC 7489 §6.6.4"""
        if self.result != "fail":
            return "none"
        return self.policy if draw < self.pct else lower(self.policy)
