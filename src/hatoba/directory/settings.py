"""Settings of the directory: passwords and how long a proven one is remembered.

Read by app from the `[directory]` table.
Never read from a file here.
Fails where msgspec says so.
"""

from typing import Annotated

import msgspec

from hatoba.kit.units import Seconds


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[directory]` table."""

    password_length: Annotated[
        int, msgspec.Meta(ge=1, le=128, description="Fewest characters of a password; a shorter one is not set.")
    ] = 8
    remember: Annotated[
        Seconds,
        msgspec.Meta(description="Time a verified password is recognised without the slow hash; 0 never remembers."),
    ] = 300.0
    remembered: Annotated[
        int, msgspec.Meta(ge=1, description="Most passwords remembered; above it the oldest is forgotten.")
    ] = 10_000
    separator: Annotated[
        str,
        msgspec.Meta(
            max_length=1,
            description="Character between user and tag in user+tag@domain; empty switches subaddresses off.",
        ),
    ] = "+"  # RFC 5233
