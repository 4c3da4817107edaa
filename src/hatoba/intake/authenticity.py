"""Authenticity: what SPF, DKIM, ARC, DMARC and the reverse DNS told of a letter, as far as it is known by now.

Filled in by the checks of filters as the letter comes in; read by other checks, by the trace fields and the journal.
Never judges: the checks return Verdicts of their own.
Fails never.
"""

import msgspec

from hatoba.mailauth.arc.chain import Chain
from hatoba.mailauth.dkim.verify import Result as Signature
from hatoba.mailauth.dmarc.result import Result as Dmarc
from hatoba.mailauth.results.finding import Finding
from hatoba.mailauth.spf.result import Result as Spf


class Authenticity(msgspec.Struct):
    """None: not asked (yet). `disposition` is what was done about DMARC: none, quarantine or reject.

    `overrides` are pairs (type, comment) as an aggregate report tells why that is not what the domain asked for.
    """

    spf: Spf | None = None  # of MAIL FROM, of HELO for the null sender
    helo: Spf | None = None
    dkim: tuple[Signature, ...] | None = None
    arc: Chain | None = None
    dmarc: Dmarc | None = None
    disposition: str = "none"
    overrides: tuple[tuple[str, str], ...] = ()
    findings: tuple[Finding, ...] = ()  # of other checks, for Authentication-Results

    @property
    def authors(self) -> tuple[str, ...]:
        """The domains that vouch for the letter by DKIM, A-labels in lower case."""
        return tuple(dict.fromkeys(each.domain for each in self.dkim or () if each.result == "pass"))
