"""Settings of the journal: how long it remembers.

Read by app from the `[journal]` table; app calls catch_up and purge in their rhythm.
Never read from a file here.
Fails where msgspec says so.
"""

from typing import Annotated

import msgspec

from hatoba.kit.units import Seconds


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[journal]` table."""

    retention: Annotated[
        Seconds,
        msgspec.Meta(
            ge=0,
            description="How long the events of a letter are kept after its last one; 0 keeps them for ever. "
            "Letters still in the queue keep theirs.",
        ),
    ] = 30 * 86400.0
    batch: Annotated[
        int,
        msgspec.Meta(
            ge=1,
            le=100_000,
            description="Most events that one step indexes or purges; the next step waits its turn at the writer.",
        ),
    ] = 2000
