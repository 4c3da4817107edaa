"""Settings of SPF: how much a domain's policy may ask of us.

Read by app; handed to spf.check with each check.
Never settable: the limits that RFC 7208 fixes (10 terms, 10 MX, 10 PTR).
A value out of its bounds fails where the file is read.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

Meta = msgspec.Meta


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    void_lookups: Annotated[
        int,
        Meta(
            ge=0,
            le=100,
            description="Look-ups of one check that may find nothing; one more is permerror (RFC 7208 §4.6.4: 2).",
        ),
    ] = 2
    record_octets: Annotated[
        int, Meta(ge=512, le=65535, description="A longer SPF record is not read but permerror.")
    ] = 16384
    explain: Annotated[
        bool, Meta(description="On fail, fetch the text that the domain publishes for the refusal (exp=).")
    ] = True
    explanation_octets: Annotated[
        int, Meta(ge=0, le=4096, description="A longer explanation, macros expanded, is left out.")
    ] = 500
