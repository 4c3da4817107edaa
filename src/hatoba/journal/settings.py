"""Settings of the journal: how long it remembers, how it is searched, and what the audit keeps beside it.

Read by app from the tables `[journal]` and `[audit]`; the queue calls index, chain and purge in their rhythm.
Never read from a file here.
Fails where msgspec says so.
"""

from typing import Annotated, Literal

import msgspec

from hatoba.kit.units import Bytes, Seconds


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
            description="Most events that one step indexes, chains or purges; the next step waits its turn at the "
            "writer.",
        ),
    ] = 2000
    index: Annotated[
        bool,
        msgspec.Meta(
            description="Index letters by address, subject and so on, behind the work; without it a search reads "
            "every event there is.",
        ),
    ] = True
    index_retention: Annotated[
        Seconds,
        msgspec.Meta(
            ge=0,
            description="How long letters can be found by their words; later by their id alone. 0: as long as the "
            "journal knows them. It is a lower bound: the index goes in pieces of 19 hours.",
        ),
    ] = 0.0
    lag: Annotated[
        int,
        msgspec.Meta(
            ge=1000,
            le=10_000_000,
            description="Most events that index and hash chain may be behind the work; beyond it they are brought "
            "nearer under load, too. A search reads what is behind one by one.",
        ),
    ] = 20_000


class Audit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[audit]` table."""

    content: Annotated[
        Literal["none", "headers", "whole"],
        msgspec.Meta(
            description="What is kept of each letter's content when the letter itself is gone: nothing, its header, "
            'or the whole; "hatoba audit content ID" shows it.',
        ),
    ] = "none"
    content_most: Annotated[
        Bytes,
        msgspec.Meta(
            ge=1024, le=64 * 1024 * 1024, description="Most octets that are kept of one letter; the rest is cut off."
        ),
    ] = 256 * 1024
    content_retention: Annotated[
        Seconds, msgspec.Meta(ge=0, description="How long contents are kept; 0: as long as there is room.")
    ] = 7 * 86400.0
    content_total: Annotated[
        Bytes,
        msgspec.Meta(
            ge=0,
            description="Most octets of contents that one shard keeps; beyond it the oldest go first. 0: no bound.",
        ),
    ] = 1024 * 1024 * 1024
    encrypt: Annotated[
        bool,
        msgspec.Meta(
            description="Keep contents encrypted (AES-256-GCM) under the master key, which must be there "
            "(master_key, master_key_file or master.key in the data directory).",
        ),
    ] = False
    chain: Annotated[
        bool,
        msgspec.Meta(
            description='Chain the events by hashes, so that "hatoba verify" finds what was changed or removed.',
        ),
    ] = True
    admin_retention: Annotated[
        Seconds,
        msgspec.Meta(ge=0, description="How long the log of what people changed is kept; 0 keeps it for ever."),
    ] = 0.0
