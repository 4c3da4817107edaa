"""Settings of DMARC: how a domain's policy is found, and what a From of several authors means.

Read by app; handed to dmarc.check with each check.
Never settable: the steps of the tree walk, which RFC 9989 fixes.
A value out of its bounds fails where the file is read.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Meta = msgspec.Meta


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    discovery: Annotated[
        Literal["treewalk", "psl"],
        Meta(
            description="How organizational domains are found: by asking DNS label by label (RFC 9989) or from the "
            "public suffix list (RFC 7489, with its pct=)."
        ),
    ] = "treewalk"
    several: Annotated[
        Literal["each", "none"],
        Meta(
            description="A From that shows authors of several domains: judge each and let the worst count, or apply "
            "no DMARC to such a letter."
        ),
    ] = "each"
    authors: Annotated[
        int, Meta(ge=1, le=100, description="A From that shows more domains than this is permerror.")
    ] = 5
    identities: Annotated[
        int, Meta(ge=1, le=100, description="Of the domains that passed DKIM, DNS is asked about at most so many.")
    ] = 10
